"""The terminal that commands print to."""

import sys

from rich.console import Console

# A table that is piped to a file is not cut at the width of a terminal that is not there.
_PIPED_WIDTH = 160


def console(*, stderr: bool = False) -> Console:
    """Return where to print tables and text."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    # Keys stand between colons in messages, and are no names of emoji.
    return Console(stderr=stderr, highlight=False, emoji=False, width=width)
