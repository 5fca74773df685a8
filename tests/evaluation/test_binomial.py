"""Counts of errors against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.evaluation.binomial import allowed_errors, cumulative, mcnemar, needed_trials

# Not 19 in 20: one trial without a success is then as likely as chance allows, to the last bit.
shares = st.sampled_from([Fraction(1, 1000), *(Fraction(at, 20) for at in range(1, 19))])
CHANCE = Fraction(1, 20)


def at_most(trials: int, share: Fraction) -> list[Fraction]:
    """Return how likely at most 0, 1, … successes are, exactly."""
    total = Fraction(0)
    sums = []
    for times in range(trials + 1):
        total += math.comb(trials, times) * share**times * (1 - share) ** (trials - times)
        sums.append(total)
    return sums


@some
@given(trials=st.integers(0, 60), share=shares)
def test_cumulative_is_the_sum_of_exact_fractions(trials, share):
    """The float sums agree with the fractions, and stand for 0 to all successes."""
    exact = [float(each) for each in at_most(trials, share)]

    assert cumulative(trials, float(share)).tolist() == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("share", [1e-5, 0.02, 0.5, 0.98])
def test_cumulative_of_100000_trials_neither_overflows_nor_leaves_0_to_1(share):
    """It rises from nearly nothing to all, and its median lies at the mean."""
    likely = cumulative(100_000, share)

    assert likely.shape == (100_001,)
    assert np.isfinite(likely).all()
    assert (np.diff(likely) >= 0).all()
    assert likely[0] >= 0
    assert likely[-1] == pytest.approx(1, abs=1e-6)
    assert np.searchsorted(likely, 0.5) == pytest.approx(100_000 * share, abs=1)


@some
@given(trials=st.integers(0, 120), share=shares)
def test_allowed_errors_are_the_most_that_are_still_unlikely(trials, share):
    """So few errors come up in at most one sample of twenty; one more comes up oftener."""
    likely = at_most(trials, share)

    allowed = allowed_errors(trials, float(share))

    assert all(each <= CHANCE for each in likely[: allowed + 1])
    assert likely[allowed + 1] > CHANCE


@pytest.mark.parametrize(
    ("trials", "share", "errors"),
    [
        pytest.param(58, 0.05, -1, id="one too few for 5 %"),
        pytest.param(59, 0.05, 0, id="enough for 5 %"),
        pytest.param(92, 0.05, 0, id="one too few for an error"),
        pytest.param(93, 0.05, 1, id="enough for an error"),
        pytest.param(10, 1.0, 10, id="everything may be wrong"),
        pytest.param(0, 1.0, 0, id="of nothing, nothing"),
        pytest.param(10_000, 0.0, -1, id="no sample promises none"),
        pytest.param(0, 0.5, -1, id="no sample at all"),
    ],
)
def test_allowed_errors_in_figures(trials, share, errors):
    """The first are the table values for 95 % and at most 5 %; the rest are the ends."""
    assert allowed_errors(trials, share) == errors


def test_allowed_errors_of_100000_trials():
    """Below the 2,000 that the share comes to, by about 1.645 standard deviations."""
    allowed = allowed_errors(100_000, 0.02)

    assert allowed == pytest.approx(2_000 - 1.645 * math.sqrt(100_000 * 0.02 * 0.98), abs=2)


@some
@given(thousandths=st.integers(2, 989))
def test_needed_trials_are_the_least_that_promise_anything(thousandths):
    """With so many cases and no error the share is promised; with one case less it is not."""
    share = (thousandths + 0.5) / 1000
    needed = needed_trials(share)

    assert allowed_errors(needed, share) >= 0
    assert allowed_errors(needed - 1, share) == -1


@pytest.mark.parametrize(
    ("share", "needed"),
    [
        pytest.param(0.0, None, id="none is never sure"),
        pytest.param(1.0, 0, id="all is sure without looking"),
        pytest.param(0.05, 59, id="5 %"),
        pytest.param(0.02, 149, id="2 %"),
    ],
)
def test_needed_trials_in_figures(share, needed):
    """The table values for 95 %, and the ends."""
    assert needed_trials(share) == needed


@some
@given(better=st.integers(0, 30), worse=st.integers(0, 30))
def test_mcnemar_is_the_exact_sign_test(better, worse):
    """Of all ways in which the flips could have fallen, the share at least so uneven."""
    flips = better + worse
    ways = sum(
        math.comb(flips, one)
        for one in range(flips + 1)
        if abs(one - (flips - one)) >= abs(better - worse)
    )

    assert mcnemar(better, worse) == pytest.approx(ways / 2**flips)


@pytest.mark.parametrize(
    ("better", "worse", "likely"),
    [
        pytest.param(0, 0, 1.0, id="no flip"),
        pytest.param(4, 4, 1.0, id="as many both ways"),
        pytest.param(5, 0, 2 / 32, id="five one way"),
        pytest.param(0, 6, 2 / 64, id="six the other way"),
        pytest.param(9, 1, 22 / 1024, id="nine to one"),
    ],
)
def test_mcnemar_in_figures(better, worse, likely):
    """Counted by hand."""
    assert mcnemar(better, worse) == pytest.approx(likely)


def test_mcnemar_of_100000_flips_is_a_number():
    """Very uneven flips are all but impossible by chance, even ones are not."""
    assert mcnemar(60_000, 40_000) == pytest.approx(0, abs=1e-12)
    assert mcnemar(50_000, 50_000) == 1
