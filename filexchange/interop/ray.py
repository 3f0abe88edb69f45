"""`RayExecutor`: a Ray cluster behind the interface of ``concurrent.futures``.

Whatever takes a standard executor runs on Ray with it, on the cores of one machine or of many::

    import ray
    from filexchange.interop.ray import RayExecutor

    ray.init()
    with RayExecutor(num_cpus=1, memory=1 << 30) as executor:
        total = sum(executor.map(function, arguments))

Ray is needed: ``pip install "filexchange[ray]"``.
"""

import concurrent.futures
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from filexchange.errors import MissingDependencyError

P = ParamSpec("P")
T = TypeVar("T")

_SHUT_DOWN = "Ray was shut down before the task had ended: shut down the executor first"


class RayExecutor(concurrent.futures.Executor):
    """Runs each call as a Ray task, with the interface of a standard executor.

    Parameters
    ----------
    max_workers : int, optional
        How many tasks Ray has at a time. By default as many as the cluster can run when the
        executor is made, and each once more, so that the next is there when one ends. Say how many
        where the cluster grows by itself.
    **options
        As for ``ray.remote``: ``num_cpus``, ``memory``, ``max_retries``, ``runtime_env`` and so on.

    Raises
    ------
    MissingDependencyError
        Ray is not installed.
    ValueError
        An option, or its value, that Ray does not know.

    Notes
    -----
    Uses the Ray that this process is connected to. If there is none it calls ``ray.init()``, and
    :meth:`shutdown` calls ``ray.shutdown()``; without `wait`, that Ray lives as long as the
    process. It starts or stops no other.

    **Futures** are those of ``concurrent.futures``. Tasks that Ray does not have yet wait here,
    where they take no space in the object store and can be cancelled. A future that is running is
    with Ray, and is not cancelled any more, as in ``ProcessPoolExecutor``. Each of these has a
    thread here that waits for it.

    **Functions** may be any callable that cloudpickle takes: of modules that workers can import,
    by name; others, such as those of ``__main__``, by value. Only one is registered with Ray: it
    calls the others, which are pickled with their arguments when Ray gets the task. Until then
    neither should be changed.

    **Arrays** in arguments and results go through Ray's object store: they arrive read-only, and
    without a copy on the same machine. An ``ObjectRef`` as an argument is replaced by its value:
    use ``ray.put`` for what many calls need.

    **Errors** of the function come as they were raised, with Ray's ``RayTaskError``, which has the
    worker's traceback, as their cause. A worker that dies is a ``WorkerCrashedError`` of Ray, a
    task that the memory monitor ended an ``OutOfMemoryError``, after the retries that Ray makes by
    itself: 3 by default, so that functions should bear to be run again, or ``max_retries=0`` be
    given. Other tasks go on.

    Shut the executor down before Ray. Later calls fail with ``BrokenExecutor``, and so may tasks
    that Ray has then; depending on its version it lets them wait forever, or ends the process.

    All methods may be called by any thread. After a fork the child has neither the executor's
    threads nor a connection to Ray: make both there. Workers need filexchange too.
    """

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        options = {"num_cpus": 1, **options}  # Ray's own default
        if max_workers is not None and max_workers < 1:
            raise ValueError(f"max_workers is {max_workers!r}: it must be at least 1")
        self._ray = _import_ray()
        self._remote = self._ray.remote(**options)(_call)
        self._is_owner = not self._ray.is_initialized()
        if self._is_owner:
            self._ray.init()
        # The standard executors have this attribute; callers size their windows by it.
        self._max_workers = max_workers or _room(self._ray.nodes(), options)
        self._threads = concurrent.futures.ThreadPoolExecutor(
            max_workers or 2 * self._max_workers, thread_name_prefix="RayExecutor"
        )

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> concurrent.futures.Future[T]:
        """Run ``fn(*args, **kwargs)`` as a Ray task; see ``concurrent.futures``."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., T], args: Any, kwargs: Any) -> T:
        if not self._ray.is_initialized():  # else Ray would start a new one by itself
            raise concurrent.futures.BrokenExecutor(_SHUT_DOWN)
        try:
            result: T = self._ray.get(self._remote.remote(fn, *args, **kwargs))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except SystemExit as error:  # how ray.get ends when Ray does
            raise concurrent.futures.BrokenExecutor(_SHUT_DOWN) from error
        return result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the executor, and with `wait` a Ray that it started; see ``concurrent.futures``."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait and self._is_owner:
            self._is_owner = False
            self._ray.shutdown()


def _call(fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Run in a worker; Ray takes plain functions only, an executor any callable."""
    return fn(*args, **kwargs)


def _room(nodes: list[dict[str, Any]], options: dict[str, Any]) -> int:
    """Return how many tasks with these options can run at a time: at least one, which may wait."""
    needs = {
        "CPU": options["num_cpus"],
        "GPU": options.get("num_gpus"),
        "memory": options.get("memory"),
        **(options.get("resources") or {}),
    }
    # A task that needs nothing still is one a core.
    amounts = {name: amount for name, amount in needs.items() if amount} or {"CPU": 1}
    rooms = (
        min(int(node["Resources"].get(name, 0) / amount) for name, amount in amounts.items())
        for node in nodes
        if node["Alive"]
    )
    return max(1, sum(rooms))


def _import_ray() -> Any:
    try:
        import ray  # only when it is used, as every optional package
        import ray.exceptions
    except ImportError as error:
        raise MissingDependencyError(
            'RayExecutor needs the package ray: pip install "filexchange[ray]"'
        ) from error
    return ray
