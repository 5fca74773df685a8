"""A cold model is waited for once."""

import asyncio

import pytest

from handoff.resilience.warming import Warmth


class AwayError(Exception):
    """Nobody answered."""


class RefusedError(Exception):
    """Somebody answered, and refused."""


class PoorError(Exception):
    """It was not asked."""


class Model:
    """Counts who asks at a time, and ends each as told."""

    def __init__(self, *endings):
        self.clock = 0.0
        self.warmth = Warmth((RefusedError,), (PoorError,), clock=lambda: self.clock)
        self.endings = list(endings)
        self.firsts = []
        self.at_once = self.most_at_once = 0

    async def ask(self):
        """Ask once."""
        async with self.warmth.asking() as first:
            self.firsts.append(first)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await asyncio.sleep(0)
                if self.endings and (ending := self.endings.pop(0)) is not None:
                    raise ending
            finally:
                self.at_once -= 1

    def ask_together(self, times):
        """Return what became of so many who ask at the same time."""

        async def inside():
            asking = (self.ask() for _ in range(times))
            return await asyncio.gather(*asking, return_exceptions=True)

        return asyncio.run(inside())


def test_one_asks_a_cold_model_and_the_others_when_it_has_answered():
    """At the same time then."""
    model = Model()

    assert model.ask_together(9) == [None] * 9
    assert model.firsts == [True, *[False] * 8]
    assert model.most_at_once == 8


def test_whoever_waited_for_nobody_is_told_the_same_and_asks_nothing():
    """Nine who waited a minute do not wait another one, each after the other."""
    model = Model(AwayError("no answer"))

    assert {str(error) for error in model.ask_together(9)} == {"no answer"}
    assert model.firsts == [True]
    assert model.ask_together(2) == [None, None]


def test_a_refusal_is_an_answer():
    """The model is loaded, and the others ask for themselves."""
    model = Model(RefusedError())

    first, *others = model.ask_together(3)

    assert isinstance(first, RefusedError)
    assert others == [None, None]
    assert model.firsts == [True, False, False]


def test_an_error_of_ones_own_leaves_the_turn_to_the_next():
    """Nothing was learned of the model."""
    model = Model(PoorError())

    first, *others = model.ask_together(3)

    assert isinstance(first, PoorError)
    assert others == [None, None]
    assert model.firsts == [True, True, False]


def test_who_leaves_while_it_loads_leaves_the_turn_to_the_next():
    """A caller that is cancelled takes nobody with it."""
    model = Model()

    async def inside():
        leaving = asyncio.create_task(model.ask())
        staying = asyncio.create_task(model.ask())
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
        return leaving.cancelled()

    assert asyncio.run(inside())
    assert model.firsts == [True, True]


@pytest.mark.parametrize(("idle_seconds", "cold"), [(0, False), (239, False), (241, True)])
def test_a_model_that_nobody_asked_for_minutes_is_cold_again(idle_seconds, cold):
    """Servers drop one after five as a rule."""
    model = Model()
    model.ask_together(1)
    model.clock += idle_seconds

    assert model.warmth.is_cold == cold
    model.ask_together(1)
    assert model.firsts == [True, cold]
