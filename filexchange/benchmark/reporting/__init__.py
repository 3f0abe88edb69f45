"""What comes out of a benchmark: tables, words, pages, pictures."""
