"""Doing the same thing once when several ask for it at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True)
class _Flight(Generic[Result]):
    task: asyncio.Task[Result]
    callers: int = 0


class SingleFlight(Generic[Result]):
    """Work in flight by key; for the tasks of one event loop.

    It remembers nothing: whoever asks after the work has ended starts it anew.
    """

    def __init__(self, personal: type[Exception] | tuple[type[Exception], ...] = ()) -> None:
        """Begin with nothing in flight.

        Args:
            personal: Errors that are the first caller's own: the others begin anew.
        """
        self._personal = personal
        self._flights: dict[Hashable, _Flight[Result]] = {}
        # The loop itself holds tasks weakly, and a cancelled one may still have to clean up.
        self._tasks: set[asyncio.Task[Result]] = set()

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Wait for the work under a key, which starts unless it is in flight.

        A caller that is cancelled leaves the others alone; the last one to go cancels the work.

        Args:
            key: What makes two pieces of work the same.
            work: Called for the first caller only, whose context variables it runs with. It must
                not wait for its own key.

        Returns:
            What the work returned, the same object for every caller; its error is raised in all,
            unless it is the first caller's own.
        """
        while True:
            flight = self._flights.get(key)
            is_first = flight is None or flight.task.done()
            if flight is None or is_first:
                flight = _Flight(asyncio.create_task(work()))
                self._flights[key] = flight
                self._tasks.add(flight.task)
                flight.task.add_done_callback(self._forget)
            try:
                return await self._join(key, flight)
            except self._personal:
                if is_first:
                    raise

    async def _join(self, key: Hashable, flight: _Flight[Result]) -> Result:
        """Wait for work in flight, and cancel it where nobody else waits any more."""
        flight.callers += 1
        try:
            # Unlike awaiting the task, this does not pass a caller's cancellation on to it.
            await asyncio.wait([flight.task])
            return flight.task.result()
        finally:
            flight.callers -= 1
            if not flight.callers:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def _forget(self, task: asyncio.Task[Result]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Nobody may be left to see the error; asyncio complains of one that nobody looked at.
            task.exception()
