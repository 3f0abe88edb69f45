"""What an operation will do, known before it begins."""

from dataclasses import dataclass

from filexchange.aliases import Shape
from filexchange.blocks.execution.budget import check_fits
from filexchange.sizes import format_size


@dataclass(frozen=True, slots=True)
class Plan:
    """The blocks of an operation and what they cost.

    Attributes
    ----------
    operation : str
    blocks : int
        How many there are.
    block_shape : tuple of int
        Shape of most of them.
    block_memory : int
        Bytes of memory that one block is expected to need.
    memory : int
        The budget.
    bytes_read, bytes_written : int
    result_memory : int
        Bytes of memory that the result takes, where it is no file.
    temporary : int
        Bytes on disk that are given back at the end.

    Examples
    --------
    >>> print(Plan("mean", 4, (512, 8192), 50_000_000, 512_000_000, 67_108_864, 0))
    mean
      blocks        4 of (512, 8192)
      at a time     at most 4
      memory        50.0 MB a block, 200 MB of 512 MB
      reads         67.1 MB
      writes        0 B
      temporary     0 B on disk
    """

    operation: str
    blocks: int
    block_shape: Shape
    block_memory: int
    memory: int
    bytes_read: int
    bytes_written: int
    result_memory: int = 0
    temporary: int = 0

    def __post_init__(self) -> None:
        check_fits(self.operation, self.block_memory, self.result_memory, self.memory)

    @property
    def most(self) -> int:
        """How many blocks the budget has room for at a time."""
        left = self.memory - self.result_memory
        return max(1, min(self.blocks, left // max(1, self.block_memory)))

    @property
    def projected_memory(self) -> int:
        """Bytes of memory that the result and all blocks under way are expected to need at most."""
        return self.result_memory + self.most * self.block_memory

    def _rows(self) -> dict[str, str]:
        return {
            "blocks": f"{self.blocks} of {self.block_shape}",
            "at a time": f"at most {self.most}",
            "memory": f"{format_size(self.block_memory)} a block, "
            f"{format_size(self.projected_memory)} of {format_size(self.memory)}",
            "reads": format_size(self.bytes_read),
            "writes": format_size(self.bytes_written),
            "temporary": f"{format_size(self.temporary)} on disk",
        }

    def __str__(self) -> str:
        lines = (f"  {name:<14}{text}" for name, text in self._rows().items())
        return "\n".join([self.operation, *lines])

    def _repr_html_(self) -> str:
        """Return what notebooks show: the rows of ``str``, and how the budget is filled."""
        from filexchange import drawing, markup  # noqa: PLC0415 - only notebooks need them

        bar = drawing.budget(
            self.result_memory,
            self.block_memory,
            self.most,
            self.memory,
            f"{format_size(self.projected_memory)} of a budget of {format_size(self.memory)}",
        )
        return markup.card(f"Plan: {self.operation}", self._rows(), picture=bar)
