"""Every error filexchange raises.

Each class is also the builtin that a caller would catch, and carries one message that names the
wrong value, what was allowed and what to do::

    FileExchangeError (Exception)
    ├── FormatError
    │   ├── UnknownFormatError (LookupError)      no such format, or none for this suffix
    │   ├── MissingDependencyError (ImportError)  the package a format needs is not installed
    │   └── UnsupportedOptionError (ValueError)   beyond the format; the message says which can
    ├── UnsupportedArrayError (TypeError)         no file can hold this array as it is
    ├── ItemShapeError (ValueError)               items of another shape than the array's
    ├── OnlyMissingError (ValueError)             no element to choose but NaN
    ├── WriterClosedError (ValueError)            a writer that was closed, or is another process's
    ├── AttrsError (TypeError)                    attrs that are not JSON
    ├── RegionError (IndexError)                  an index outside the array, or not a basic one
    ├── InvalidRefError (ValueError)              JSON that is not a reference
    ├── ReadOnlyError (ValueError)                assignment to a reference opened for reading
    ├── MemoryLimitError (MemoryError)            an array larger than the memory there is
    ├── MemoryBudgetError (MemoryError)           a block larger than ``memory=`` allows
    ├── BlockShapeError (ValueError)              a function returned a block of another shape
    ├── UnalignedWriteError (ValueError)          blocks that would share a chunk they write
    ├── ResumeError (ValueError)                  what was begun is not what should go on
    ├── ArrayFileError
    │   ├── BadArrayFileError (ValueError)        corrupt, truncated or hostile content
    │   ├── ArrayMismatchError (ValueError)       the file no longer is what the reference says
    │   ├── ArrayKeyError (KeyError)              no such array in the file
    │   ├── ArrayNotFoundError (FileNotFoundError)
    │   ├── ArrayExistsError (FileExistsError)
    │   ├── ArrayAccessError (PermissionError)
    │   ├── ArrayBusyError (BlockingIOError)      another writer has the array
    │   ├── StorageFullError (OSError)            no space left where the array should go
    │   └── ArrayIOError (OSError)                any other error of the operating system
    └── ExchangeError
        ├── ExchangeClosedError (ValueError)      the exchange or queue has been closed
        ├── ExchangeFullError (TimeoutError)      no segment came free in time; a queue.Full too
        ├── LockTimeoutError (TimeoutError)       another process kept a region locked
        └── UnsafeDirectoryError (PermissionError) a scratch directory that others could write

Instances keep their arguments in ``args`` and nothing else, so all of them cross process
boundaries by pickle unchanged.
"""

import queue


class FileExchangeError(Exception):
    """Base class of all errors raised by filexchange."""


class FormatError(FileExchangeError):
    """A format cannot serve the request."""


class UnknownFormatError(FormatError, LookupError):
    """No format has this name, or none claims this suffix."""


class MissingDependencyError(FormatError, ImportError):
    """The package a format needs is not installed; the message has the pip line."""


class UnsupportedOptionError(FormatError, ValueError):
    """The format cannot do what an option asks; the message names the formats that can."""


class UnsupportedArrayError(FileExchangeError, TypeError):
    """An array that cannot be written to a file as it is (objects, masks, foreign dtypes)."""


class ItemShapeError(FileExchangeError, ValueError):
    """Items that cannot be appended to an array, because its items have another shape."""


class OnlyMissingError(FileExchangeError, ValueError):
    """What is to be found among elements that are not NaN is asked of nothing but NaN."""


class WriterClosedError(FileExchangeError, ValueError):
    """The writer was closed, or belongs to the process that this one was forked from."""


class AttrsError(FileExchangeError, TypeError):
    """``attrs`` is not a JSON object, or too large for the format."""


class RegionError(FileExchangeError, IndexError):
    """An index that is out of bounds or is not NumPy basic indexing."""


class InvalidRefError(FileExchangeError, ValueError):
    """Text or data that does not describe an array reference."""


class ReadOnlyError(FileExchangeError, ValueError):
    """Assignment through a reference that was opened for reading."""


# Its builtin is first: Dask pickles errors by tblib, which calls their `__new__`, and that of
# MemoryError refuses classes whose first base it is not.
class MemoryLimitError(MemoryError, FileExchangeError):
    """An operation needs more memory than there is."""


class MemoryBudgetError(MemoryError, FileExchangeError):
    """One block of an operation needs more than ``memory=`` allows; nothing was read."""


class BlockShapeError(FileExchangeError, ValueError):
    """A function returned blocks whose shape or number is not what the output needs."""


class UnalignedWriteError(FileExchangeError, ValueError):
    """Two blocks would write parts of one chunk or shard, and lose each other's."""


class ResumeError(FileExchangeError, ValueError):
    """What was begun is not what should go on, or somebody else is at it; nothing was changed."""


class ArrayFileError(FileExchangeError):
    """Something is wrong with a file."""


class BadArrayFileError(ArrayFileError, ValueError):
    """The file's content is corrupt, truncated, hostile or not of the format it claims."""


class ArrayMismatchError(ArrayFileError, ValueError):
    """The file holds another array than the reference describes."""


class ArrayKeyError(ArrayFileError, KeyError):
    """The file holds no array under this key, or several and no key was given."""

    # KeyError shows the repr of its argument, which would put the message in quotes.
    __str__ = Exception.__str__


class ArrayNotFoundError(ArrayFileError, FileNotFoundError):
    """The file does not exist."""


class ArrayExistsError(ArrayFileError, FileExistsError):
    """The file, or the array in it, exists and ``overwrite`` was not given."""


class ArrayAccessError(ArrayFileError, PermissionError):
    """The file or its directory cannot be read or written by this user."""


class ArrayBusyError(ArrayFileError, BlockingIOError):
    """Another writer has the array, or the file that it is in."""


class StorageFullError(ArrayFileError, OSError):
    """No space, inode or quota left for the array; nothing was left behind."""


class ArrayIOError(ArrayFileError, OSError):
    """The operating system failed to read or write the file."""


class ExchangeError(FileExchangeError):
    """Something is wrong with an exchange or its scratch directory."""


class ExchangeClosedError(ExchangeError, ValueError):
    """The exchange or the queue has been closed."""


class ExchangeFullError(ExchangeError, TimeoutError, queue.Full):
    """Every segment was in use and the capacity reached, until the time was over."""


class LockTimeoutError(ExchangeError, TimeoutError):
    """A region of a shared array stayed locked by another holder until the time was over."""


class UnsafeDirectoryError(ExchangeError, PermissionError):
    """A scratch directory that is not ours alone."""
