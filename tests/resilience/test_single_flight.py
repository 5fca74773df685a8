"""Asking for the same thing together, and leaving early."""

import asyncio
import gc
import weakref
from contextvars import ContextVar

import pytest

from handoff.resilience.single_flight import SingleFlight

CALLER = ContextVar("CALLER", default="nobody")


class Work:
    """Work that lasts until a test ends it, and counts how often it was begun."""

    def __init__(self):
        self.begun = 0
        self.cancelled = 0
        self.end = asyncio.Event()
        self.error = None

    async def __call__(self):
        """Return, in a list of its own, which beginning this was."""
        self.begun += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return [self.begun]


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def begin(flights: SingleFlight, work: Work, *keys: str) -> list[asyncio.Task]:
    """Start a caller for each key, and return when all of them wait."""
    callers = [asyncio.create_task(flights.run(key, work)) for key in keys]
    await settle()
    return callers


def test_callers_of_one_key_share_the_work():
    """A hundred ask, it is done once, and all get the same object."""

    async def ask():
        work = Work()
        callers = await begin(SingleFlight(), work, *["k"] * 100)
        work.end.set()
        return work, await asyncio.gather(*callers)

    work, results = asyncio.run(ask())

    assert work.begun == 1
    assert len(results) == 100
    assert all(result is results[0] for result in results)


def test_other_keys_are_other_work():
    """Nothing is shared between keys."""

    async def ask():
        work = Work()
        callers = await begin(SingleFlight(), work, "a", "b", "a")
        work.end.set()
        await asyncio.gather(*callers)
        return work.begun

    assert asyncio.run(ask()) == 2


@pytest.mark.parametrize("leaver", [0, 1, 2], ids=["first", "second", "last"])
def test_a_cancelled_caller_leaves_the_others_alone(leaver):
    """Whichever of three callers goes, the others get the result."""

    async def ask():
        work = Work()
        callers = await begin(SingleFlight(), work, *"kkk")
        callers[leaver].cancel()
        await settle()
        work.end.set()
        return work, await asyncio.gather(*callers, return_exceptions=True)

    work, results = asyncio.run(ask())

    assert isinstance(results.pop(leaver), asyncio.CancelledError)
    assert results == [[1], [1]]
    assert work.cancelled == 0


def test_work_that_nobody_waits_for_is_cancelled():
    """The last caller to go takes the work along."""

    async def ask():
        work = Work()
        callers = await begin(SingleFlight(), work, *"kk")
        counts = []
        for caller in callers:
            caller.cancel()
            await settle()
            counts.append(work.cancelled)
        return counts

    assert asyncio.run(ask()) == [0, 1]


def test_a_call_after_all_have_gone_starts_anew():
    """It does not join work that is being cancelled, even where that takes its time."""

    async def ask():
        flights, begun, may_end = SingleFlight(), [], asyncio.Event()

        async def stubborn():
            begun.append(len(begun))
            try:
                await asyncio.Event().wait()
            finally:
                await may_end.wait()

        async def quick():
            return "anew"

        (caller,) = await begin(flights, stubborn, "k")
        caller.cancel()
        await settle()
        result = await flights.run("k", quick)
        may_end.set()
        await settle()
        return result, begun

    assert asyncio.run(ask()) == ("anew", [0])


def test_work_that_has_just_ended_is_not_joined():
    """One who asks before its callers are awake starts anew, and they leave that work alone."""

    async def ask():
        flights, work = SingleFlight(), Work()

        async def ask_as_it_ends():
            await work.end.wait()
            work.end.clear()
            return await flights.run("k", work)

        (first,) = await begin(flights, work, "k")
        second = asyncio.create_task(ask_as_it_ends())
        await settle()
        work.end.set()
        await settle()
        (third,) = await begin(flights, work, "k")
        work.end.set()
        return await asyncio.gather(first, second, third)

    assert asyncio.run(ask()) == [[1], [2], [2]]


def test_cancelled_work_may_clean_up():
    """It is kept until it has ended, though nobody else knows of it any more."""

    async def ask():
        flights, cleaned, gates = SingleFlight(), [], []

        async def stubborn():
            try:
                await asyncio.Event().wait()
            finally:
                gate = asyncio.get_running_loop().create_future()
                gates.append(weakref.ref(gate))
                await gate
                cleaned.append(True)

        (caller,) = await begin(flights, stubborn, "k")
        caller.cancel()
        await settle()
        del caller
        gc.collect()
        gates[0]().set_result(None)
        await settle()
        return cleaned

    assert asyncio.run(ask()) == [True]


def test_an_error_reaches_every_caller():
    """It is raised in all of them, and the next call starts anew."""

    async def ask():
        flights, work = SingleFlight(), Work()
        work.error = LookupError("gone")
        callers = await begin(flights, work, *"kkk")
        work.end.set()
        errors = await asyncio.gather(*callers, return_exceptions=True)
        work.error = None
        return errors, await flights.run("k", work)

    errors, result = asyncio.run(ask())

    assert [str(error) for error in errors] == ["gone"] * 3
    assert result == [2]


def test_what_has_ended_is_not_remembered():
    """It shares work, it is no cache."""

    async def ask():
        flights, work = SingleFlight(), Work()
        work.end.set()
        return [await flights.run("k", work) for _ in range(3)]

    assert asyncio.run(ask()) == [[1], [2], [3]]


def test_the_work_runs_in_the_first_callers_context():
    """What callers after it have set is not seen."""

    async def ask():
        flights = SingleFlight()

        async def who():
            await asyncio.sleep(0)
            return CALLER.get()

        async def call(name):
            CALLER.set(name)
            return await flights.run("k", who)

        return await asyncio.gather(call("first"), call("second"))

    assert asyncio.run(ask()) == ["first", "first"]


@pytest.mark.parametrize("leave", [True, False], ids=["all gone", "one stays"])
def test_no_error_is_reported_as_never_seen(leave):
    """The loop has nothing to complain of when cancelled callers miss an error."""
    complaints = []

    async def ask():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: complaints.append(context["message"])
        )

        async def fails_late():
            try:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            finally:
                raise LookupError("while it went")

        flights = SingleFlight()
        callers = [asyncio.create_task(flights.run("k", fails_late)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for caller in callers if leave else callers[:1]:
            caller.cancel()
        ends = await asyncio.gather(*callers, return_exceptions=True)
        await settle()
        del flights, callers
        gc.collect()
        return ends

    ends = asyncio.run(ask())

    assert isinstance(ends[0], asyncio.CancelledError)
    assert isinstance(ends[1], asyncio.CancelledError if leave else LookupError)
    assert complaints == []


def test_work_that_cannot_begin_leaves_nothing_behind():
    """An error before there is anything to wait for is the caller's, and the key stays free."""

    async def ask():
        flights, work = SingleFlight(), Work()

        def broken():
            raise LookupError("no coroutine")

        work.end.set()
        with pytest.raises(LookupError):
            await flights.run("k", broken)
        return await flights.run("k", work)

    assert asyncio.run(ask()) == [1]


class RefusedError(Exception):
    """What one caller alone is refused."""


def test_what_one_caller_alone_is_refused_does_not_reach_the_others():
    """Whose own purse is empty fails alone: the next begins anew, with a purse of its own."""

    async def ask():
        flights, begun, may_end = SingleFlight(personal=RefusedError), [], asyncio.Event()

        async def pay():
            begun.append(CALLER.get())
            await may_end.wait()
            if CALLER.get().startswith("poor"):
                raise RefusedError
            return CALLER.get()

        callers = []
        for name in ("poor 1", "poor 2", "rich 1", "rich 2"):
            token = CALLER.set(name)
            callers.append(asyncio.create_task(flights.run("k", pay)))
            CALLER.reset(token)
        await settle()
        may_end.set()
        return begun, await asyncio.gather(*callers, return_exceptions=True)

    begun, results = asyncio.run(ask())

    assert begun == ["poor 1", "poor 2", "rich 1"]
    assert [type(result) for result in results[:2]] == [RefusedError, RefusedError]
    assert results[2:] == ["rich 1", "rich 1"]


def test_a_caller_who_left_is_not_asked_to_begin_anew():
    """The error that is one caller's own is raised in that caller, whoever else has gone."""

    async def ask():
        flights, work = SingleFlight(personal=RefusedError), Work()
        first, second = await begin(flights, work, *"kk")
        second.cancel()
        await settle()
        work.error = RefusedError()
        work.end.set()
        return work, await asyncio.gather(first, second, return_exceptions=True)

    work, (first, second) = asyncio.run(ask())

    assert isinstance(first, RefusedError)
    assert isinstance(second, asyncio.CancelledError)
    assert work.begun == 1
