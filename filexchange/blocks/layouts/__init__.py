"""Arrays with other chunks, axes or neighbors."""
