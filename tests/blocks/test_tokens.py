"""Tokens of functions and values: what changes them, what does not, and what has none."""

import functools
import os
import re
import subprocess
import sys
import threading
import tracemalloc
import types

import numpy as np
import pytest

from filexchange.blocks.execution.tokens import token
from filexchange.errors import UnsupportedOptionError


@pytest.fixture
def loaded(monkeypatch):
    """Return the token of an expression in a module with this source."""

    def load(source, expression="f"):
        module = types.ModuleType("written_by_hand")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(f"import functools\nimport numpy as np\n{source}", vars(module))
        return token(eval(expression, vars(module)))

    return load


@pytest.mark.parametrize(
    ("source", "expression"),
    [
        ("def f(b): return b + VALUE", "f"),
        ("TABLE = np.array([1, VALUE])\ndef f(b): return b + TABLE", "f"),
        ("TABLE = [VALUE]\ndef f(b): return b + TABLE[0]", "f"),
        ("TABLE = {'a': VALUE}\ndef f(b): return b + TABLE['a']", "f"),
        ("def g(b): return b + VALUE\ndef f(b): return g(b)", "f"),
        ("def g(b): return b + VALUE\ndef f(b): return (lambda: g(b))()", "f"),
        ("@functools.cache\ndef g(b): return b + VALUE\ndef f(b): return g(b)", "f"),
        ("@np.vectorize\ndef f(b): return b + VALUE", "f"),
        ("@np.vectorize\ndef g(b): return b + VALUE\ndef f(b): return g(b)", "f"),
        ("class C:\n def __call__(self, b): return b + VALUE", "C()"),
        ("class C:\n def f(self, b): return self.g(b)\n def g(self, b): return VALUE", "C().f"),
        ("class B:\n def g(self, b): return VALUE\nclass C(B):\n f = 1", "C().g"),
        ("class C:\n @staticmethod\n def g(b): return VALUE\ndef f(b): return C.g(b)", "f"),
        ("class C:\n @property\n def g(self): return VALUE", "C()"),
        ("def h():\n def g(b, k): return b + k + VALUE\n return functools.partial(g, k=2)", "h()"),
        ("TABLE = {1: VALUE}", "TABLE.get"),
        ("", "np.ma.masked_array([1, 2], [0, VALUE - 1])"),
    ],
)
def test_what_is_used_counts(loaded, source, expression):
    first, again, other = (
        loaded(source.replace("VALUE", value), expression.replace("VALUE", value))
        for value in ("1", "1", "2")
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(b, x, y): return b * x", "def f(b, y, x): return b * y"),
        ("def f(b, *x): return b", "def f(b, x): return b"),
        ("f = np.zeros(1, 'i4,f4')", "f = np.zeros(1, 'f4,i4')"),
        ("f = b'1,'", "f = b'1'"),
    ],
)
def test_what_looks_alike_differs(loaded, one, other):
    assert loaded(one) != loaded(other)


def test_comments_and_memory_layout_do_not_count(loaded):
    assert loaded("def f(b): return b") == loaded("# same\ndef f(b):\n    return b  # still")
    array = np.arange(60.0).reshape(3, 4, 5)
    assert token(array) == token(np.asfortranarray(array)) == token(array[::-1][::-1])


@pytest.mark.parametrize(
    "value", [np.add, np.mean, len, re.compile("x"), np.random.default_rng(0).normal, ..., range(3)]
)
def test_what_can_be_pickled_has_one(value):
    assert token(value) == token(value)


@pytest.mark.parametrize(
    "value", [threading.Lock(), np.frompyfunc(len, 1, 1), (each for each in ())]
)
def test_what_has_none(value):
    with pytest.raises(UnsupportedOptionError, match="cannot tell"):
        token(value)


def test_functions_that_use_themselves_or_what_is_not_there_yet(loaded):
    def itself(n):
        return itself(n - 1)

    def early():
        return later

    before = token(early)
    later = 1
    assert token(itself) == token(itself)
    assert token(early) != before
    assert loaded("def f(b): return g(b)\ndef g(b): return f(b)")


def test_many_ways_to_one_function_are_gone_once(loaded):
    lines = [f"def f{i}(b): return f{i + 1}(b) + f{i + 2}(b)" for i in range(60)]
    assert loaded("\n".join([*lines, "f60 = f61 = abs"]), "f0")


def test_large_arrays_are_not_copied():
    array = np.zeros((2000, 4000), "u1")
    for each in (array, array.T):
        tracemalloc.start()
        token(functools.partial(np.add, each))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < array.nbytes / 2


def test_same_in_every_process():
    code = (
        "from filexchange.blocks.execution.tokens import token\n"
        "def f(b): return b in {'a', 'b', 'c'}\n"
        "print(token((f, {'q', 'r', 's'}, frozenset('abc'))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
