"""Arrays reduced to smaller ones."""
