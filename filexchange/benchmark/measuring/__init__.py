"""Arrays between real processes, in every way there is, and what it takes."""
