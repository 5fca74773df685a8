"""Asking a server that may have to load a model first: one asks and waits, the others wait for it.

A server that loads a model answers late, and leaving it may end the loading, so that whoever asks
next has it begin anew. It drops a model that nobody asked for a while.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


class Warmth:
    """Whether a model answered lately; for the tasks of one event loop."""

    def __init__(
        self,
        answers: tuple[type[Exception], ...],
        personal: tuple[type[Exception], ...],
        *,
        cools_in_seconds: float = 240.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin cold.

        Args:
            answers: Errors that a loaded model may answer with.
            personal: Errors that are one caller's own, and say nothing of the model.
            cools_in_seconds: After so long without an answer it counts as cold again.
            clock: Seconds that never go back.
        """
        self._answers = answers
        self._personal = personal
        self._cools_in = cools_in_seconds
        self._clock = clock
        self._answered_at: float | None = None
        self._first: asyncio.Future[None] | None = None

    @property
    def is_cold(self) -> bool:
        """Whether an answer may have to wait for loading."""
        answered = self._answered_at
        return answered is None or self._clock() - answered > self._cools_in

    @asynccontextmanager
    async def asking(self) -> AsyncGenerator[bool]:
        """Ask within; give whether this caller asks a cold model, and the others wait.

        Raises:
            Exception: What the first one met where nobody answered, in all who waited.
        """
        mine = await self._take_turn()
        try:
            yield mine is not None
        except self._personal:
            raise
        except self._answers:
            self._answered_at = self._clock()
            raise
        except Exception as error:
            if mine is not None:
                mine.set_exception(error)
                # Perhaps nobody waits, and asyncio complains of an error that nobody looked at.
                mine.exception()
            raise
        else:
            self._answered_at = self._clock()
        finally:
            if mine is not None:
                # Who waited looks again whether it is warm; does nothing to a failure.
                mine.cancel()
                self._first = None

    async def _take_turn(self) -> asyncio.Future[None] | None:
        """Wait for whoever asks first; return what the others wait for, if it is this caller."""
        while self.is_cold and self._first is not None:
            first = self._first
            await asyncio.wait([first])
            if not first.cancelled():
                first.result()
        if not self.is_cold:
            return None
        self._first = asyncio.get_running_loop().create_future()
        return self._first
