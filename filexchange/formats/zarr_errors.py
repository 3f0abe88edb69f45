"""What Zarr raises, in our words."""

import contextlib
import gzip
import zipfile
import zlib
from collections.abc import Iterator

from filexchange import files
from filexchange.errors import BadArrayFileError, FileExchangeError, MemoryLimitError

# Zarr, its codecs and zipfile raise these for content that is not as it should be.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    zlib.error,
)


@contextlib.contextmanager
def naming_errors(path: str) -> Iterator[None]:
    """Turn errors of Zarr, its codecs and the operating system into ours about `path`."""
    try:
        yield
    except FileExchangeError:
        raise
    except _DAMAGE as error:
        raise BadArrayFileError(
            f"{path!r} is damaged, or uses what this version of Zarr cannot read: "
            f"{type(error).__name__}: {error}"
        ) from error
    except MemoryError as error:
        raise MemoryLimitError(
            f"a chunk of {path!r} needs more memory than there is: {error}"
        ) from error
    except OSError as error:
        raise files.named_error(error, path) from error
