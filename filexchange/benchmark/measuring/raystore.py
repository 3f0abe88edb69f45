"""Ray as a transport: its object store, and an actor that reads."""

from multiprocessing.connection import Connection
from typing import Any, ClassVar

from filexchange.aliases import Array
from filexchange.benchmark.measuring.accesses import checksum, touch
from filexchange.benchmark.measuring.jobs import Receive
from filexchange.benchmark.measuring.transports import Endpoint, Received
from filexchange.errors import MissingDependencyError


class RayStore(Endpoint):
    """A Ray of its own, started by the producer and ended with it.

    An actor, in a process of Ray's, reads in place of the benchmark's consumer.
    """

    uses_consumer: ClassVar[bool] = False

    def __init__(self) -> None:
        self._actor: Any = None

    def prepare(self) -> None:
        """Start Ray and the actor, which takes seconds."""
        if self._actor is not None:
            return
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError(
                "the transport 'ray' needs the package ray: pip install ray"
            ) from error
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        self._actor = ray.remote(num_cpus=1)(_Reader).remote()

    def close(self) -> None:
        """End Ray."""
        if self._actor is not None:
            import ray

            ray.shutdown()

    def begin(self, wish: Receive, consumer: Connection) -> None:
        """Do nothing: the actor waits."""

    def end(self, consumer: Connection) -> None:
        """Do nothing: the actor waits for the next round."""

    def send(self, array: Array | None, consumer: Connection) -> Any:
        """Put an array into the object store."""
        import ray

        return ray.put(array)

    def receive(self, producer: Connection) -> Received | None:
        """Return that there is nothing for the consumer."""
        return None

    def wait(self, sent: Any, consumer: Connection) -> None:
        """Let the actor read it."""
        import ray

        ray.get(self._actor.read.remote(sent))

    def checksum(self, sent: Any, consumer: Connection) -> int:
        """Let the actor compute it."""
        import ray

        found: int = ray.get(self._actor.checksum.remote(sent))
        return found


class _Reader:
    def read(self, array: Array) -> None:
        touch(array)

    def checksum(self, array: Array) -> int:
        return checksum(array)
