"""A limit that holds in every minute, and a queue that nobody jumps."""

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.resilience.limiter import RateLimiter

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for how much, when, and how long they wait; in seconds, or for ever."""

    arrives: float
    amount: float = 1
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Which caller got how much, at which second."""

    caller: int
    at: float
    amount: float


class Clock:
    """Time that jumps to whatever is slept for, as soon as all tasks sleep."""

    def __init__(self):
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future]] = []
        self._slept = 0

    def __call__(self) -> float:
        """Return the second."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has come there; in the order of falling asleep."""
        waker = asyncio.get_running_loop().create_future()
        self._slept += 1
        heapq.heappush(self._sleepers, (self.now + seconds, self._slept, waker))
        await waker

    async def run(self) -> None:
        """Wake sleepers until none is left."""
        await self._settle()
        while self._sleepers:
            self.now, _, waker = heapq.heappop(self._sleepers)
            if not waker.cancelled():
                waker.set_result(None)
                await self._settle()

    async def _settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)


def grants(limit: float | None, callers: Sequence[Caller]) -> list[Grant]:
    """Play the callers against a limiter, and return what was granted, in order."""
    clock = Clock()
    granted: list[Grant] = []

    async def ask(limiter, number, caller):
        await clock.sleep(caller.arrives)
        await limiter.acquire(caller.amount)
        granted.append(Grant(number, clock.now, caller.amount))

    async def lose_patience(task, caller):
        await clock.sleep(caller.arrives + caller.patience)
        task.cancel()

    async def play():
        limiter = RateLimiter(limit, clock=clock, sleep=clock.sleep)
        tasks = [
            asyncio.create_task(ask(limiter, number, caller))
            for number, caller in enumerate(callers)
        ]
        others = [
            asyncio.create_task(lose_patience(task, caller))
            for task, caller in zip(tasks, callers, strict=True)
            if caller.patience is not None
        ]
        await clock.run()
        return await asyncio.gather(*tasks, *others, return_exceptions=True)

    for end in asyncio.run(play()):
        assert end is None or isinstance(end, asyncio.CancelledError)
    return granted


def most_in_a_minute(granted: Sequence[Grant]) -> float:
    """Return the units of the fullest 60 seconds: some such minute begins with a grant."""
    return max(
        (
            sum(other.amount for other in granted if first.at <= other.at < first.at + 60)
            for first in granted
        ),
        default=0,
    )


def soonest(limit: float, callers: Sequence[Caller]) -> list[Grant]:
    """Work out, without a queue, when each caller could be served at the earliest."""
    served: list[Grant] = []
    in_order = sorted(enumerate(callers), key=lambda numbered: numbered[1].arrives)
    for number, caller in in_order:
        earliest = max([caller.arrives, *(grant.at for grant in served[-1:])])
        moments = sorted({earliest, *(grant.at + 60 for grant in served)})
        at = next(
            moment
            for moment in moments
            if moment >= earliest
            and sum(grant.amount for grant in served if grant.at + 60 > moment) + caller.amount
            <= limit
        )
        served.append(Grant(number, at, caller.amount))
    return served


# Quarters, so that sums are exact and arrivals often meet the end of a minute.
quarters = st.integers(0, 4 * 150).map(lambda number: number / 4)
amounts = st.integers(0, 4 * 5).map(lambda number: number / 4)
patient = st.lists(st.builds(Caller, quarters, amounts), max_size=8)
mixed = st.lists(st.builds(Caller, quarters, amounts, st.one_of(st.none(), quarters)), max_size=8)


@some
@given(callers=patient)
def test_callers_are_served_in_order_and_as_soon_as_the_limit_lets(callers):
    """Each is granted at the first moment that the last minute has room, never before its turn."""
    assert grants(5, callers) == soonest(5, callers)


@some
@given(callers=mixed)
def test_no_minute_holds_more_than_the_limit(callers):
    """Whichever 60 seconds are looked at, with callers leaving the queue at any time."""
    assert most_in_a_minute(grants(5, callers)) <= 5


@some
@given(callers=mixed)
def test_those_who_leave_the_queue_leave_it_in_order(callers):
    """Everybody who waits long enough is served, and by order of arrival."""
    granted = [grant.caller for grant in grants(5, callers)]

    patient_ones = {number for number, caller in enumerate(callers) if caller.patience is None}

    assert patient_ones <= set(granted)
    assert granted == sorted(granted, key=lambda number: (callers[number].arrives, number))


def test_a_minutes_worth_goes_at_once_and_then_nothing():
    """After a burst of the whole limit, the next is served a full minute later."""
    granted = grants(60, [Caller(0)] * 61)

    assert [grant.at for grant in granted] == [0] * 60 + [60]


def test_a_large_amount_is_not_starved():
    """Small amounts that would fit wait behind it."""
    granted = grants(10, [Caller(0, 6), Caller(1, 10), Caller(2, 1), Caller(3, 1)])

    assert [(grant.caller, grant.at) for grant in granted] == [(0, 0), (1, 60), (2, 120), (3, 120)]


@pytest.mark.parametrize("leaver", [1, 2], ids=["next in line", "further behind"])
def test_a_cancelled_wait_costs_nothing(leaver):
    """Those behind take its place, and the units stay for them."""
    callers = [Caller(0, 10), Caller(1, 10), Caller(2, 10), Caller(3, 10)]
    callers[leaver] = Caller(leaver, 10, patience=5)

    granted = grants(10, callers)

    assert [grant.caller for grant in granted] == [at for at in range(4) if at != leaver]
    assert [grant.at for grant in granted] == [0, 60, 120]


def test_without_a_limit_nobody_waits():
    """None lets everything through at once."""
    granted = grants(None, [Caller(0, 1e9)] * 10)

    assert [grant.at for grant in granted] == [0] * 10


def test_fractions_do_not_add_up_to_a_blockade():
    """What rounding leaves of amounts that are taken away again is forgotten."""
    granted = grants(1, [Caller(0, 0.2), Caller(0, 0.4), Caller(0, 0.3), Caller(200, 1)])

    assert granted[-1] == Grant(3, 200, 1)


def test_more_than_a_minutes_worth_is_refused_at_once():
    """It could never be granted, and the sentence says what to do; nobody else is held up."""

    async def ask():
        limiter = RateLimiter(100)
        with pytest.raises(
            ValueError, match="120 units at once can never pass a limit of 100 a minute: ask for"
        ):
            await limiter.acquire(120)
        await limiter.acquire(100)

    asyncio.run(ask())


@pytest.mark.parametrize("limit", [None, 5], ids=["no limit", "a limit"])
@pytest.mark.parametrize("amount", [-1, float("nan")], ids=["negative", "no number"])
def test_an_amount_that_is_none_is_refused(limit, amount):
    """Nothing is given back by asking for less than nothing."""
    with pytest.raises(ValueError, match="An amount of units cannot be"):
        asyncio.run(RateLimiter(limit).acquire(amount))


@pytest.mark.parametrize("limit", [0, -1, float("nan")], ids=["zero", "negative", "no number"])
def test_a_limit_that_lets_nothing_through_is_refused(limit):
    """Everybody would wait for ever."""
    with pytest.raises(ValueError, match="more than 0 units a minute"):
        RateLimiter(limit)
