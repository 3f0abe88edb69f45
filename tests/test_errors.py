"""Errors are builtins too, survive pickling, and the documented tree is the real one."""

import builtins
import errno
import inspect
import pickle
import re

import pytest

from filexchange import errors
from filexchange.errors import FileExchangeError

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]
LINE = re.compile(r"^    (?P<indent>[ │├└─]*)(?P<name>\w+)(?: \((?P<builtin>\w+)\))?", re.MULTILINE)


def _documented() -> dict[str, tuple[str | None, str | None]]:
    """Return parent and builtin of each class in the tree of the module's docstring."""
    tree: dict[str, tuple[str | None, str | None]] = {}
    above: dict[int, str] = {}
    text = inspect.getdoc(errors) or ""
    for match in LINE.finditer(text[text.index("::") : text.index("Instances")]):
        depth = len(match["indent"]) // 4
        above[depth] = match["name"]
        tree[match["name"]] = above.get(depth - 1), match["builtin"]
    return tree


def _real() -> dict[str, tuple[str | None, str | None]]:
    tree: dict[str, tuple[str | None, str | None]] = {}
    for cls in CLASSES:
        ours = [base.__name__ for base in cls.__bases__ if base in CLASSES]
        theirs = [base.__name__ for base in cls.__bases__ if base not in CLASSES]
        tree[cls.__name__] = (ours or [None])[0], (theirs or [None])[0]
    return tree


def test_tree_in_the_docstring_is_the_real_one() -> None:
    assert _documented() == _real()


@pytest.mark.parametrize("cls", CLASSES)
def test_error_is_ours_and_a_builtin(cls: type[FileExchangeError]) -> None:
    assert issubclass(cls, FileExchangeError)
    is_leaf = not any(issubclass(other, cls) and other is not cls for other in CLASSES)
    bases = [base for base in cls.__mro__ if vars(builtins).get(base.__name__) is base]
    specific = set(bases) - {Exception, BaseException, object}
    assert bool(specific) == is_leaf
    assert inspect.getdoc(cls)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_error_is_unchanged_by_pickle(cls: type[FileExchangeError], protocol: int) -> None:
    args = (errno.EIO, "reason", "/a/path") if issubclass(cls, OSError) else ("it's wrong",)
    error = cls(*args)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is cls
    assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))
    if isinstance(error, OSError):
        assert isinstance(again, OSError)
        assert (again.errno, again.filename) == (errno.EIO, "/a/path")
        assert "/a/path" in str(again)
    else:
        assert str(again) == "it's wrong"
