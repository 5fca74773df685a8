"""Staying below a limit by the minute, whichever minute is looked at.

A bucket that leaks would let a full minute's worth through at once and go on at the steady rate,
so that the first minute holds almost twice the limit; here every grant of the last 60 seconds is
remembered.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

WINDOW_SECONDS = 60.0


class RateLimiter:
    """Grants units in the order in which they are asked for; for the tasks of one event loop."""

    def __init__(
        self,
        per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Begin with a full minute's worth.

        Args:
            per_minute: The most units in any 60 seconds, more than 0; none is no limit.
            clock: Returns seconds and never goes backwards.
            sleep: Waits for a number of seconds by that clock.
        """
        if per_minute is not None and not per_minute > 0:
            raise ValueError(f"A limit must be more than 0 units a minute, not {per_minute:g}.")
        self._per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._grants: deque[tuple[float, float]] = deque()
        self._granted: float = 0
        # Whoever holds it is the next to be served: asyncio's locks are handed on in order.
        self._turn = asyncio.Lock()

    async def acquire(self, amount: float = 1) -> None:
        """Wait until it is this caller's turn and the units fit; a cancelled wait costs nothing.

        Args:
            amount: How many units, from 0 to the limit.

        Raises:
            ValueError: The amount is negative, or could never be granted.
        """
        if not amount >= 0:
            raise ValueError(f"An amount of units cannot be {amount:g}: ask for 0 or more.")
        if self._per_minute is None:
            return
        if amount > self._per_minute:
            raise ValueError(
                f"{amount:g} units at once can never pass a limit of {self._per_minute:g} a "
                "minute: ask for less, or raise the limit."
            )
        async with self._turn:
            while self._expire() + amount > self._per_minute:
                oldest, _ = self._grants[0]
                await self._sleep(oldest + WINDOW_SECONDS - self._clock())
            self._grants.append((self._clock(), amount))
            self._granted += amount

    def _expire(self) -> float:
        """Drop the grants that are a minute old, and return the units of the others."""
        now = self._clock()
        while self._grants and self._grants[0][0] + WINDOW_SECONDS <= now:
            _, amount = self._grants.popleft()
            self._granted -= amount
        if not self._grants:
            # Fractions do not always add up to what they are taken away from.
            self._granted = 0
        return self._granted
