"""Functions of blocks."""
