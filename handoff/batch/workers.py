"""Several processes that route with the embedded model, one a core."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from handoff.batch.routing import Cells, route_texts, rows_at_once, trimmed
from handoff.batch.run import Lanes
from handoff.bootstrap import build_batch_router, build_router
from handoff.core.errors import BatchError
from handoff.core.model import Policy, Registry
from handoff.files.settings import Settings
from handoff.router import Router
from handoff.workbench import Workbench

MOST_WORKERS = 8
WORTH_BYTES = 250_000
"""A shorter input is routed before a second process has started."""

_own: tuple[Router, Policy] | None = None
"""A worker's router and policy; there is none in the process that started it."""


@contextmanager
def open_lanes(bench: Workbench, policy: Policy, size_bytes: int) -> Generator[Lanes]:
    """Start what routes a batch, and stop it in the end.

    A paid provider's limits, breakers and spending cap belong to one process, and so does a short
    input.

    Args:
        bench: What routes, or what other processes make their own like.
        policy: How to judge.
        size_bytes: Of the input.

    Raises:
        BatchError: A worker died.
    """
    settings, registry = bench.settings, bench.registry
    rows = rows_at_once(len(registry))
    cores = min(os.cpu_count() or 1, MOST_WORKERS)
    paid = bool(bench.router.paid_by_query)
    if paid or cores == 1 or size_bytes < WORTH_BYTES:
        router = trimmed(build_batch_router(bench.router, settings), policy)
        yield Lanes(
            lambda texts: bench.loop.start(route_texts(router, policy, texts)), rows, in_flight=1
        )
        return
    workers = ProcessPoolExecutor(
        cores,
        # A fork would inherit locks that other threads hold.
        multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(settings, registry, policy),
    )
    try:
        yield Lanes(lambda texts: workers.submit(_route, texts), rows, in_flight=2 * cores)
    except BrokenProcessPool:
        raise BatchError(
            "A worker process died, perhaps for lack of memory: run it again with --resume."
        ) from None
    finally:
        workers.shutdown(cancel_futures=True)


def _start_worker(settings: Settings, registry: Registry, policy: Policy) -> None:
    """Make a worker ready: one thread of arithmetic, and no life without its parent."""
    global _own  # noqa: PLW0603 - a process pool hands its workers nothing else
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threadpool_limits(1)
    router = build_batch_router(build_router(settings, registry, None), settings)
    _own = trimmed(router, policy), policy


def _end_with_parent() -> None:
    """Wait for the parent's end; without this a killed batch would leave its workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _route(texts: Sequence[str]) -> list[Cells]:
    if _own is None:
        raise RuntimeError("_start_worker() comes before _route()")
    router, policy = _own
    return asyncio.run(route_texts(router, policy, texts))
