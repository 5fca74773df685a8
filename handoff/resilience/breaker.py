"""Leaving an endpoint that keeps failing in peace for a while.

Meant to be entered once for every attempt, below whatever repeats attempts: a breaker above the
retries would see one failure where the endpoint was hit three times.
"""

import time
from collections.abc import Callable
from enum import StrEnum


class Attempt(StrEnum):
    """What an attempt says about the endpoint's health."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    """Says nothing: refused by the endpoint (4xx, 429 too), or cancelled by the caller."""


class BreakerState(StrEnum):
    """How a breaker treats attempts; elsewhere these are closed, open and half-open."""

    WORKING = "working"
    RESTING = "resting"
    PROBING = "probing"


class BreakerOpenError(Exception):
    """An attempt that was not made, because the endpoint rests.

    Attributes:
        name: The endpoint.
        seconds_left: How long it still rests; 0 while a single attempt probes it.
    """

    def __init__(self, name: str, seconds_left: float) -> None:
        until = f"for another {seconds_left:.1f} s" if seconds_left else "until a probe returns"
        super().__init__(f"{name} failed too often and rests {until}.")
        self.name = name
        self.seconds_left = seconds_left


class Breaker:
    """The breaker of one endpoint; for the tasks of one event loop, or for one thread."""

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        rest_seconds: float = 15.0,
        longest_rest_seconds: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin by working.

        Args:
            name: The endpoint, as errors call it.
            failures: How many failures in a row make it rest, at least 1.
            rest_seconds: The first rest, in seconds, more than 0.
            longest_rest_seconds: What a rest that doubles ends at, no less than the first one.
            clock: Returns seconds and never goes backwards.
        """
        if failures < 1 or not 0 < rest_seconds <= longest_rest_seconds:
            raise ValueError("A breaker needs failures >= 1 and 0 < rest <= longest rest.")
        self._name = name
        self._most_failures = failures
        self._first_rest = rest_seconds
        self._longest_rest = longest_rest_seconds
        self._clock = clock
        self._state = BreakerState.WORKING
        # Counts the changes of state. Tickets carry it, so what arrives late is told by its age.
        self._era = 0
        self._failures = 0
        self._rest = rest_seconds
        self._rests_until = 0.0

    @property
    def state(self) -> BreakerState:
        """How attempts are treated; a rest that is over lasts until somebody enters."""
        return self._state

    @property
    def seconds_left(self) -> float:
        """How many seconds the rest still lasts; 0 unless it rests."""
        if self._state is not BreakerState.RESTING:
            return 0.0
        return max(0.0, self._rests_until - self._clock())

    def enter(self) -> int:
        """Ask to make one attempt.

        Returns:
            A ticket, which `leave` must get back however the attempt ends: a probe that never
            leaves keeps everybody else out.

        Raises:
            BreakerOpenError: The endpoint rests, or somebody else probes it.
        """
        if self._state is BreakerState.RESTING:
            left = self.seconds_left
            if left > 0:
                raise BreakerOpenError(self._name, left)
            self._become(BreakerState.PROBING)
        elif self._state is BreakerState.PROBING:
            raise BreakerOpenError(self._name, 0.0)
        return self._era

    def leave(self, ticket: int, attempt: Attempt) -> None:
        """Tell how an attempt went; one that was begun in an older state counts for nothing."""
        if ticket != self._era:
            return
        if self._state is BreakerState.WORKING:
            self._count_attempt(attempt)
        elif self._state is BreakerState.PROBING:
            self._end_probe(attempt)

    def _count_attempt(self, attempt: Attempt) -> None:
        if attempt is Attempt.SUCCESS:
            self._failures = 0
        elif attempt is Attempt.FAILURE:
            self._failures += 1
            if self._failures == self._most_failures:
                self._begin_rest(self._first_rest)

    def _end_probe(self, attempt: Attempt) -> None:
        if attempt is Attempt.SUCCESS:
            self._failures = 0
            self._become(BreakerState.WORKING)
        elif attempt is Attempt.FAILURE:
            self._begin_rest(min(2 * self._rest, self._longest_rest))
        else:
            # Nothing was learned, and the rest is over already: the next to enter probes.
            self._become(BreakerState.RESTING)

    def _begin_rest(self, seconds: float) -> None:
        self._rest = seconds
        self._rests_until = self._clock() + seconds
        self._become(BreakerState.RESTING)

    def _become(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
