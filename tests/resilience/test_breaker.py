"""Leaving a failing endpoint in peace, and finding out when it is well again."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from handoff.resilience.breaker import Attempt, Breaker, BreakerOpenError, BreakerState

FAILURES = 3
REST = 10.0
LONGEST = 35.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the second."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands."""
    return Clock()


@pytest.fixture
def breaker(clock) -> Breaker:
    """Return a breaker that works."""
    return breaker_on(clock)


def breaker_on(clock: Clock) -> Breaker:
    """Return a breaker that rests after three failures, for 10 to 35 seconds."""
    return Breaker(
        "chat", failures=FAILURES, rest_seconds=REST, longest_rest_seconds=LONGEST, clock=clock
    )


def attempt(breaker: Breaker, *attempts: Attempt) -> None:
    """Make attempts one after the other."""
    for result in attempts:
        breaker.leave(breaker.enter(), result)


def fail(breaker: Breaker) -> None:
    """Fail until the breaker rests."""
    attempt(breaker, *[Attempt.FAILURE] * FAILURES)


def is_refused(breaker: Breaker) -> bool:
    """Tell whether an attempt is refused; one that is not ends with nothing learned."""
    try:
        attempt(breaker, Attempt.NEUTRAL)
    except BreakerOpenError:
        return True
    return False


def test_failures_in_a_row_open_it(breaker):
    """The last of them begins a rest, and the error tells who rests and for how long."""
    fail(breaker)

    with pytest.raises(BreakerOpenError, match="chat failed too often and rests") as refused:
        breaker.enter()

    assert breaker.state is BreakerState.RESTING
    assert (refused.value.name, refused.value.seconds_left) == ("chat", REST)


@pytest.mark.parametrize(
    ("between", "state"),
    [(Attempt.SUCCESS, BreakerState.WORKING), (Attempt.NEUTRAL, BreakerState.RESTING)],
    ids=["a success", "nothing"],
)
def test_only_a_success_ends_the_row(breaker, between, state):
    """A success between failures starts the count again, a neutral attempt does not."""
    attempt(breaker, Attempt.FAILURE, Attempt.FAILURE, between, Attempt.FAILURE)

    assert breaker.state is state


def test_neutral_attempts_never_open_it(breaker):
    """However many requests are refused or cancelled, the endpoint counts as well."""
    attempt(breaker, *[Attempt.NEUTRAL] * 100)

    assert breaker.state is BreakerState.WORKING


def test_a_rest_counts_down_and_ends(breaker, clock):
    """An attempt is refused until the very second on which the rest is over."""
    fail(breaker)

    clock.now += REST - 0.25
    early, left = is_refused(breaker), breaker.seconds_left
    clock.now += 0.25

    assert (early, left) == (True, 0.25)
    assert breaker.seconds_left == 0
    assert not is_refused(breaker)


def test_there_is_nothing_to_wait_for_while_it_works(breaker):
    """Seconds are left in a rest only."""
    assert breaker.seconds_left == 0


def test_one_of_a_stampede_goes_through(breaker, clock):
    """Of fifty attempts at the end of a rest, one reaches the endpoint while it is out."""
    fail(breaker)
    clock.now += REST
    reached = []

    async def try_it(caller: int) -> None:
        ticket = breaker.enter()
        reached.append(caller)
        for _ in range(100):
            await asyncio.sleep(0)
        breaker.leave(ticket, Attempt.FAILURE)

    async def stampede() -> list[BaseException | None]:
        return await asyncio.gather(*map(try_it, range(50)), return_exceptions=True)

    ends = asyncio.run(stampede())

    assert reached == [0]
    assert [type(end) for end in ends[1:]] == [BreakerOpenError] * 49
    assert {end.seconds_left for end in ends[1:]} == {0}


def test_a_good_probe_closes_it(breaker, clock):
    """After it all attempts go through, and the count begins at nothing."""
    fail(breaker)
    clock.now += REST

    attempt(breaker, Attempt.SUCCESS, Attempt.FAILURE, Attempt.FAILURE)

    assert breaker.state is BreakerState.WORKING


def test_rests_double_up_to_the_longest(breaker, clock):
    """Every probe that fails makes the rest twice as long, until it is long enough."""
    fail(breaker)
    rests = [breaker.seconds_left]

    for _ in range(3):
        clock.now += breaker.seconds_left
        attempt(breaker, Attempt.FAILURE)
        rests.append(breaker.seconds_left)

    assert rests == [10, 20, 35, 35]


def test_the_first_rest_after_a_recovery_is_short_again(breaker, clock):
    """An endpoint that was well in between starts with the first rest."""
    fail(breaker)
    clock.now += REST
    attempt(breaker, Attempt.FAILURE)
    clock.now += 2 * REST
    attempt(breaker, Attempt.SUCCESS)

    fail(breaker)

    assert breaker.seconds_left == REST


def test_a_neutral_probe_makes_room_for_the_next(breaker, clock):
    """Nothing was learned: the next may probe at once, and the next rest only doubles."""
    fail(breaker)
    clock.now += REST

    attempt(breaker, Attempt.NEUTRAL, Attempt.NEUTRAL, Attempt.FAILURE)

    assert breaker.seconds_left == 2 * REST


@pytest.mark.parametrize("result", Attempt, ids=str)
def test_a_late_result_does_not_speak_for_the_probe(breaker, clock, result):
    """An attempt from before the rest changes nothing about a probe that is out."""
    late = breaker.enter()
    fail(breaker)
    clock.now += REST
    breaker.enter()

    breaker.leave(late, result)

    assert breaker.state is BreakerState.PROBING
    assert is_refused(breaker)


@pytest.mark.parametrize("result", Attempt, ids=str)
def test_a_late_result_does_not_change_a_rest(breaker, clock, result):
    """An attempt that ends during the rest neither ends nor lengthens it."""
    late = breaker.enter()
    fail(breaker)
    clock.now += 1

    breaker.leave(late, result)

    assert (breaker.state, breaker.seconds_left) == (BreakerState.RESTING, REST - 1)


def test_a_late_failure_does_not_count_after_a_recovery(breaker, clock):
    """What failed before the rest says nothing about the endpoint that is well again."""
    late = [breaker.enter() for _ in range(FAILURES)]
    fail(breaker)
    clock.now += REST
    attempt(breaker, Attempt.SUCCESS)

    for ticket in late:
        breaker.leave(ticket, Attempt.FAILURE)

    assert breaker.state is BreakerState.WORKING


def test_a_probe_that_leaves_twice_does_not_free_the_next_one(breaker, clock):
    """A ticket is good for one probe, so two are never out."""
    fail(breaker)
    clock.now += REST
    first = breaker.enter()
    breaker.leave(first, Attempt.NEUTRAL)
    breaker.enter()

    breaker.leave(first, Attempt.SUCCESS)

    assert breaker.state is BreakerState.PROBING


@pytest.mark.parametrize(
    "wrong",
    [
        {"failures": 0},
        {"rest_seconds": 0},
        {"rest_seconds": float("nan")},
        {"rest_seconds": 20, "longest_rest_seconds": 10},
    ],
    ids=["no failures", "no rest", "no number", "a longest rest that is shorter"],
)
def test_rules_that_make_no_sense_are_refused(wrong):
    """A breaker that could never open, or never rest, is a mistake."""
    with pytest.raises(ValueError, match="A breaker needs"):
        Breaker("chat", **wrong)


class Endpoint(RuleBasedStateMachine):
    """Any number of attempts that overlap, and what is known of them from outside."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.breaker = breaker_on(self.clock)
        self.out: list[tuple[int, int]] = []
        self.era = 0
        self.row = 0
        self.rest = REST
        self.wakes = None
        self.probe = False

    @rule()
    def enter(self):
        """Let an attempt in, unless the endpoint rests or is probed."""
        allowed = self.wakes is None or (self.clock.now >= self.wakes and not self.probe)
        if not allowed:
            with pytest.raises(BreakerOpenError) as refused:
                self.breaker.enter()
            assert refused.value.seconds_left == self.breaker.seconds_left
            return
        if self.wakes is not None:
            self.probe = True
            self.era += 1
        self.out.append((self.breaker.enter(), self.era))

    @precondition(lambda self: self.out)
    @rule(at=st.integers(0, 99), result=st.sampled_from(Attempt))
    def leave(self, at, result):
        """End any of the attempts that are out."""
        ticket, era = self.out.pop(at % len(self.out))
        self.breaker.leave(ticket, result)
        if era != self.era:
            return
        if self.probe:
            self.probe = False
            self.era += 1
            if result is Attempt.SUCCESS:
                self.row, self.wakes = 0, None
            elif result is Attempt.FAILURE:
                self.rest = min(2 * self.rest, LONGEST)
                self.wakes = self.clock.now + self.rest
        elif result is Attempt.SUCCESS:
            self.row = 0
        elif result is Attempt.FAILURE:
            self.row += 1
            if self.row == FAILURES:
                self.era += 1
                self.rest = REST
                self.wakes = self.clock.now + REST

    @rule(seconds=st.sampled_from([0.5, 5.0, 10.0, 35.0]))
    def wait(self, seconds):
        """Let time pass."""
        self.clock.now += seconds

    @invariant()
    def tells_how_it_is(self):
        """State and seconds follow from what happened."""
        if self.probe:
            expected = BreakerState.PROBING
        elif self.wakes is None:
            expected = BreakerState.WORKING
        else:
            expected = BreakerState.RESTING
        left = self.wakes - self.clock.now if expected is BreakerState.RESTING else 0

        assert self.breaker.state is expected
        assert self.breaker.seconds_left == max(0, left)


Endpoint.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
# pytest collects it by this name.
TestEndpoint = Endpoint.TestCase
