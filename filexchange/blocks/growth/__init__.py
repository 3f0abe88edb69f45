"""Arrays that grow."""
