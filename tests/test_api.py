"""The public names: all there, all documented, all resolvable."""

import ast
import inspect

import pytest

import filexchange as fx


def _type_checking_imports() -> dict[str, str]:
    """Return the module of each name that type checkers see in the package."""
    tree = ast.parse(inspect.getsource(fx))
    block = next(
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_names_are_sorted_and_resolvable() -> None:
    assert fx.__all__ == sorted(set(fx.__all__))
    assert set(fx.__all__) == set(fx._MODULES)
    for name in fx.__all__:
        assert getattr(fx, name).__name__ == name
    assert set(fx.__all__) <= set(dir(fx))


def test_type_checkers_see_the_names_that_are_imported_lazily() -> None:
    assert _type_checking_imports() == {
        name: f"filexchange.{module}" for name, module in fx._MODULES.items()
    }


def test_star_import_gives_exactly_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from filexchange import *", namespace)
    del namespace["__builtins__"]
    assert sorted(namespace) == fx.__all__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = fx.no_such_name


@pytest.mark.parametrize("name", [name for name in fx.__all__ if name != "FileExchangeError"])
def test_public_name_has_a_docstring_with_an_example(name: str) -> None:
    doc = inspect.getdoc(getattr(fx, name)) or ""
    assert "Examples\n--------\n>>> " in doc


@pytest.mark.parametrize("cls", [fx.ArrayRef, fx.Exchange], ids=lambda cls: cls.__name__)
def test_public_method_has_a_docstring(cls: type) -> None:
    for name, member in vars(cls).items():
        if not name.startswith("_") and not inspect.ismemberdescriptor(member):
            assert inspect.getdoc(member), name
