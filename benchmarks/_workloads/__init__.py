"""Real work at a size that takes minutes, with the public functions alone."""
