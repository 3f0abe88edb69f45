"""How much memory an operation may add, and what it says when that is too little."""

from filexchange import capabilities
from filexchange.errors import MemoryBudgetError, UnsupportedOptionError
from filexchange.sizes import format_size, parse_size

#: Part of the memory that is free which an operation takes unless it is told otherwise.
_SHARE = 4


def memory_budget(memory: int | str | None) -> int:
    """Return the bytes of anonymous memory that an operation may add, over all its workers.

    Parameters
    ----------
    memory : int, str or None
        Bytes, or a size such as ``"512MB"``. None for a quarter of what is free on the machine
        and within the limits of its control groups.

    Raises
    ------
    UnsupportedOptionError
        If it is not a positive size.

    Examples
    --------
    >>> memory_budget("512MB"), memory_budget(1 << 20)
    (512000000, 1048576)
    """
    if memory is None:
        return max(1, capabilities.available_memory() // _SHARE)
    if isinstance(memory, str):
        return parse_size(memory)
    if isinstance(memory, bool) or memory < 1:
        raise UnsupportedOptionError(
            f"memory={memory!r} is not a number of bytes: give a positive int, or a size such as "
            "'512MB'"
        )
    return memory


def check_fits(operation: str, block: int, result: int, budget: int) -> None:
    """Raise `MemoryBudgetError` if one block and the result need more than the budget."""
    needed = block + result
    if needed > budget:
        remedy = (
            "smaller blocks with chunks= or an output with smaller chunks"
            if block > result
            else "a file for the result"
        )
        raise MemoryBudgetError(
            f"{operation} needs {format_size(block)} for a block and {format_size(result)} for the "
            f"result, and memory= allows {format_size(budget)}: give memory={needed} or more, or "
            f"{remedy}"
        )
