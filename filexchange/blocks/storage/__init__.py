"""What blocks are read from and written to, and where in it."""
