"""The commands ``filexchange bench`` and ``filexchange tune``."""
