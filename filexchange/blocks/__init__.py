"""Arrays larger than memory, block by block."""
