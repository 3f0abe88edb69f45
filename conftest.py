"""Examples in docstrings and Markdown files run as tests, each in a directory of its own."""

import os
import shutil
import tempfile
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

import filexchange as fx


def _enter(namespace: dict[str, Any]) -> None:
    """Give a document the usual names, and all its examples one empty directory."""
    namespace.update(np=np, fx=fx, before=os.getcwd(), scratch=tempfile.mkdtemp())
    os.chdir(namespace["scratch"])


def _leave(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["before"])
    shutil.rmtree(namespace["scratch"])


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/*.md"],
    setup=_enter,
    teardown=_leave,
).pytest()


@pytest.fixture
def in_scratch_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _doctest(request: pytest.FixtureRequest) -> None:
    """Give docstring examples an empty directory and the usual names."""
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("in_scratch_directory")
        request.getfixturevalue("doctest_namespace").update(np=np, fx=fx)
        # What an example registers is not there for the next one.
        patch = request.getfixturevalue("monkeypatch")
        patch.setattr("filexchange.formats.registry._loaded", {})
        # What this machine remembers is not what examples go by.
        patch.setenv("XDG_STATE_HOME", os.getcwd())
        patch.setattr(ForkingPickler, "_extra_reducers", {**ForkingPickler._extra_reducers})
