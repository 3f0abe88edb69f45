"""What the protocol of leases rests on is missed by a test as soon as it is taken away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fcntl", reason="leases are locks of Unix")

_BEGIN = """
import os, sys, types
import pytest
from filexchange import capabilities, files, leases, participants, segments


def only_in(module, **changes):
    module.capabilities = types.SimpleNamespace(**{**vars(capabilities), **changes})


"""
_END = """
options = ["-q", "-x", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"]
sys.exit(pytest.main([*options, *sys.argv[1:]]))
"""

MUTATIONS = {
    "a reader does not lock": """
only_in(leases, lock_shared=lambda fd: None)
""",
    "a reader unlinks before it locks": """
opened = []


def unlink_and_lock(claim):
    os.unlink(claim)
    capabilities.lock_shared(opened.pop())


only_in(leases, lock_shared=opened.append, remove_open_file=unlink_and_lock)
""",
    "a locked file may be another one": """
files.is_named = lambda fd, path: True
""",
    "a forked child is its parent": """
participants.Participant.is_here = True
participants.Participant.abandon = lambda self: None
""",
    "a forked child keeps its parent's pool open": """
participants.Participant.abandon = lambda self: None
""",
    "a producer looks at the names only once, before it locks": """
def is_free(self):
    fd = self._opened()
    if os.fstat(fd).st_nlink != 1 or not segments.capabilities.try_lock_alone(fd):
        return False
    segments.capabilities.unlock(fd)
    return True


segments.Segment.is_free = is_free
""",
    "a producer does not lock": """
segments.Segment.is_free = lambda self: os.fstat(self._opened()).st_nlink == 1
""",
    "a producer does not look at the names": """
only_in(segments, try_lock_alone=capabilities.try_lock_alone)
segments.os = types.SimpleNamespace(**vars(os))
segments.os.fstat = lambda fd: types.SimpleNamespace(st_nlink=1)
""",
}

MISSED_BY = [
    (
        "a reader does not lock",
        "test_leases.py::test_segment_is_written_again_when_claim_and_all_leases_are_gone",
    ),
    (
        "a reader unlinks before it locks",
        "test_leases.py::test_producer_that_comes_between_the_steps_of_a_reader_finds_no_free_segment",
    ),
    (
        "a locked file may be another one",
        "test_sessions.py::test_pool_that_is_swept_while_it_is_made_is_made_again",
    ),
    (
        "a forked child is its parent",
        "test_segments.py::test_forked_child_writes_to_a_pool_of_its_own",
    ),
    (
        "a forked child keeps its parent's pool open",
        "test_segments.py::test_child_that_outlives_its_parent_does_not_keep_the_parents_pool",
    ),
    (
        "a producer looks at the names only once, before it locks",
        "test_leases.py::test_reader_that_passes_on_while_the_producer_looks_keeps_the_segment",
    ),
    (
        "a producer does not lock",
        "test_leases.py::test_segment_is_written_again_when_claim_and_all_leases_are_gone",
    ),
    (
        "a producer does not look at the names",
        "test_leases.py::test_segment_is_written_again_when_claim_and_all_leases_are_gone",
    ),
]


@pytest.mark.parametrize(("mutation", "test"), MISSED_BY, ids=lambda text: text.split("::")[-1])
def test_what_is_taken_away_is_missed(mutation: str, test: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _BEGIN + MUTATIONS[mutation] + _END, f"tests/{test}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        # Not one of several workers, even if this is.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout + run.stderr
    assert "\n1 failed" in run.stdout, run.stdout  # and no error of another kind
