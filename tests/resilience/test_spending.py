"""What may be spent, and what calls under way could still cost."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.core.errors import ProviderError
from handoff.resilience.spending import SpendingCap, SpendingCapError

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

amounts = st.one_of(st.sampled_from([0.0, 0.1, 0.2, 0.3]), st.floats(0, 1))


@pytest.fixture
def cap() -> SpendingCap:
    """Return a cap of one dollar."""
    return SpendingCap(1.0, name="OpenAI")


def test_a_call_that_could_pass_the_cap_is_refused(cap):
    """The sentence says cap, spent, set aside, the call's cost, and what to do."""
    cap.reserve(0.5)
    cap.settle(0.5, 0.4)
    cap.reserve(0.25)

    with pytest.raises(SpendingCapError) as refused:
        cap.reserve(0.350_001)

    assert isinstance(refused.value, ProviderError)
    assert str(refused.value) == (
        "OpenAI may cost 1.00 USD in all, with 0.40 USD spent and 0.25 USD set aside for calls "
        "under way, and this call could cost 0.350001 USD: raise HANDOFF_SPENDING_CAP_USD or use "
        "the embedded model."
    )


def test_what_is_not_under_way_is_not_mentioned(cap):
    """Nothing set aside, nothing said; and a cost too small to write is not written as none."""
    cap.reserve(1)
    cap.settle(1, 1)

    with pytest.raises(SpendingCapError, match=r"with 1\.00 USD spent, and .* 0\.000001 USD:"):
        cap.reserve(1e-9)


def test_the_cap_may_be_reached_exactly(cap):
    """Ten times 0.1 is 1, and not a millionth of a cent more is left."""
    for _ in range(10):
        cap.reserve(0.1)

    assert cap.left_usd == 0
    with pytest.raises(SpendingCapError):
        cap.reserve(1e-12)


def test_a_refused_call_sets_nothing_aside(cap):
    """A smaller call after it still goes through."""
    with pytest.raises(SpendingCapError):
        cap.reserve(1.1)
    cap.reserve(1)

    assert (cap.spent_usd, cap.left_usd) == (0, 0)


@pytest.mark.parametrize(
    ("actual", "spent", "left"),
    [(0.25, 0.25, 0.75), (0.0, 0.0, 1.0), (0.75, 0.75, 0.25), (None, 0.5, 0.5), (2.5, 2.5, 0.0)],
    ids=["less", "nothing", "more", "unknown", "more than the cap"],
)
def test_settling_replaces_the_reservation(cap, actual, spent, left):
    """What it cost counts instead, or the reservation itself where nobody knows."""
    cap.reserve(0.5)

    cap.settle(0.5, actual)

    assert (cap.spent_usd, cap.left_usd) == (spent, left)


def test_a_call_that_was_not_made_costs_nothing(cap):
    """Its reservation is free for the next."""
    cap.reserve(1)
    cap.release(1)

    cap.reserve(1)

    assert (cap.spent_usd, cap.left_usd) == (0, 0)


def test_without_a_cap_spending_is_counted_and_never_refused():
    """There is nothing left to tell, and nothing to refuse."""
    cap = SpendingCap(None, name="OpenAI")

    cap.reserve(1e6)
    cap.settle(1e6, 1e5)

    assert (cap.spent_usd, cap.left_usd) == (1e5, None)


def test_a_cap_of_nothing_lets_free_calls_through():
    """Zero is a cap, not the absence of one."""
    cap = SpendingCap(0, name="OpenAI")

    cap.reserve(0)

    with pytest.raises(SpendingCapError, match=r"may cost 0\.00 USD in all"):
        cap.reserve(0.01)


def test_a_reservation_is_given_back_once(cap):
    """Doing so twice would make room that is not there."""
    cap.reserve(0.5)
    cap.release(0.5)

    with pytest.raises(ValueError, match=r"0\.50 USD cannot be given back: only 0\.00 USD is"):
        cap.settle(0.5, 0.1)

    assert (cap.spent_usd, cap.left_usd) == (0, 1)


@pytest.mark.parametrize("amount", [-0.1, math.nan, math.inf], ids=str)
def test_amounts_that_are_no_money_are_refused(cap, amount):
    """As a cap, a reservation, or a cost; and a refused cost leaves the reservation."""
    cap.reserve(0.5)

    with pytest.raises(ValueError, match="An amount of money cannot be"):
        SpendingCap(amount, name="OpenAI")
    with pytest.raises(ValueError, match="An amount of money cannot be"):
        cap.reserve(amount)
    with pytest.raises(ValueError, match="An amount of money cannot be"):
        cap.settle(0.5, amount)

    assert cap.left_usd == 0.5


@some
@given(calls=st.lists(st.tuples(amounts, st.floats(0, 1), st.booleans()), max_size=30))
def test_calls_that_cost_no_more_than_reserved_keep_the_cap(calls):
    """However calls overlap, what is spent never passes the cap, and all money is accounted for."""
    cap = SpendingCap(1.0, name="OpenAI")
    under_way, spent = [], 0.0

    for usd, share, ends in calls:
        try:
            cap.reserve(usd)
        except SpendingCapError:
            assert cap.left_usd < usd
        else:
            under_way.append((usd, usd * share))
        if ends and under_way:
            reserved, actual = under_way.pop(0)
            cap.settle(reserved, actual)
            spent += actual

    open_usd = math.fsum(reserved for reserved, _ in under_way)

    assert cap.spent_usd <= 1
    assert cap.spent_usd == pytest.approx(spent, abs=1e-9)
    assert cap.left_usd == pytest.approx(1 - spent - open_usd, abs=1e-9)
