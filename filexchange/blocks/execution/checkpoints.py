"""States of a computation on disk, from which it goes on after the end of its process."""

import os
import pickle
import time
import zlib
from typing import Any

from filexchange import files

# A state is written when the work since the last one took so many times as long as writing it.
_PATIENCE = 20


class Checkpoint:
    """A file with the last state that was written; it is replaced as a whole.

    States are pickled: who can write the file can make its reader do anything.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._next = 0.0

    def load(self) -> Any:
        """Return the state, or None if there is none that is whole."""
        if not os.path.exists(self._path):
            return None
        with files.naming_errors(self._path), open(self._path, "rb") as file:
            checksum, data = file.read(4), file.read()
        if checksum != zlib.crc32(data).to_bytes(4, "little"):
            return None
        return pickle.loads(data)  # noqa: S301 - from a directory that the caller named

    def save(self, state: Any) -> None:
        """Write a state."""
        data = pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL)
        with files.publish(self._path, overwrite=True) as aside, open(aside, "xb") as file:
            file.write(zlib.crc32(data).to_bytes(4, "little"))
            file.write(data)

    def offer(self, state: Any) -> None:
        """Write a state unless it costs too much of the time to do that now."""
        begun = time.monotonic()
        if begun >= self._next:
            self.save(state)
            ended = time.monotonic()
            self._next = ended + _PATIENCE * (ended - begun)
