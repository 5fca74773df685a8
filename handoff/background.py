"""One event loop on one thread, for callers that are not async.

Async clients, limiters and locks belong to the loop that they were first used on; a loop for each
call would break every one of them on the second call.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class BackgroundLoop:
    """An event loop that runs on a daemon thread until the process ends or `close` is called.

    The thread starts with the first work.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and wait for it; its error is raised here.

        A caller that is interrupted while it waits cancels the work.
        """
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine on the loop, with this thread's context, and do not wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def __enter__(self) -> Self:
        """Return the loop; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the loop and its thread; closing again does nothing."""
        with self._starting:
            loop, thread = self._loop, self._thread
            if loop is None or thread is None or loop.is_closed():
                return
            # A task that is destroyed while it waits complains on standard error.
            asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="handoff-loop", daemon=True
                )
                self._thread.start()
            return self._loop


async def _cancel_others() -> None:
    """Cancel what still runs on this loop, and wait until it has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
