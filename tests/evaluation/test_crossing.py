"""Where a right hand-off becomes likelier than one of nobody's case."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import judged_of, scored, some
from ranked import SET, ranked_cases

from handoff.evaluation.crossing import RIDGE, find_crossings


def crossing(judged, weight=1.0):
    """Return the crossing of a whole set."""
    return find_crossings(judged, np.ones((1, len(judged)), dtype=bool), np.array([weight]))[0]


def by_small_steps(judged, weight):
    """Return the crossing of the same regression, climbed by its gradient alone."""
    counting = judged.correct | ~judged.in_scope
    levels = judged.levels.astype(np.float64)
    standard = ((levels - levels.mean()) / levels.std())[counting]
    right = judged.correct[counting]
    weights = np.where(right, 1.0, weight)
    slope = height = 0.0
    for _ in range(4_000):
        error = weights * (right - 1 / (1 + np.exp(-(slope * standard + height))))
        slope += 0.03 * (error @ standard - RIDGE * slope)
        height += 0.03 * error.sum()
    return levels.mean() - levels.std() * height / slope


@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_the_crossing_is_that_of_a_logistic_regression(weight):
    """Newton's method finds what climbing by small steps finds."""
    judged = ranked_cases(40, 20)

    assert crossing(judged, weight) == pytest.approx(by_small_steps(judged, weight), abs=1e-5)


def test_parts_are_fitted_as_if_each_were_alone():
    """Many fits at once are the same as one after the other."""
    parts = np.random.default_rng(0).random((7, len(SET))) < 0.8
    weights = np.linspace(0.5, 2, 7)

    together = find_crossings(SET, parts, weights)
    alone = [
        find_crossings(SET, part[None], np.array([weight]))[0]
        for part, weight in zip(parts, weights, strict=True)
    ]

    assert together == pytest.approx(alone, abs=1e-6)


def test_labels_outside_a_part_have_no_say():
    """Changed there, every crossing is the same to the last bit."""
    part = np.arange(len(SET)) % 5 != 0
    changed = np.where(part, SET.expected, -1)

    one, other = (
        find_crossings(judged, part[None], np.ones(1))[0]
        for judged in (SET, replace(SET, expected=changed))
    )

    assert one == pytest.approx(other, abs=1e-9)


def test_who_is_lost_at_any_threshold_has_no_say():
    """A case whose best candidate is the wrong one ends badly either way."""
    wrong = SET.in_scope & ~SET.correct
    moved = replace(SET, levels=np.where(wrong, SET.levels[::-1], SET.levels))
    # The mean of the levels stays nearly where it was; the labels that count are the same.
    assert crossing(moved) == pytest.approx(crossing(SET), abs=0.002)


def test_the_weightier_nobodys_cases_the_higher_the_crossing():
    """Who fears wrong hand-offs asks for more."""
    low, middle, high = (crossing(SET, weight) for weight in (0.5, 1.0, 4.0))

    assert low < middle < high


@pytest.mark.parametrize(
    ("cases", "hands_off"),
    [
        pytest.param([(0.2, "right"), (0.4, "right")], True, id="all right"),
        pytest.param([(0.2, "nobody"), (0.4, "nobody")], False, id="all nobody's"),
        pytest.param([(0.2, "wrong"), (0.4, "wrong")], True, id="all wrong"),
        pytest.param([(0.2, "right"), (0.3, "right"), (0.4, "nobody")], True, id="falling, mostly"),
        pytest.param(
            [(0.2, "right"), (0.3, "nobody"), (0.4, "nobody")], False, id="falling, seldom"
        ),
    ],
)
def test_where_scores_do_not_tell_all_or_nothing_is_handed_off(cases, hands_off):
    """Whichever is worth more; the level lies beyond all others."""
    judged = judged_of(*cases)

    level = crossing(judged)

    assert (level < judged.levels.min()) if hands_off else (level > judged.levels.max())


def test_cases_that_no_threshold_decides_have_no_say():
    """A margin or an own threshold has decided them."""
    decided = np.arange(len(SET)) % 3 == 0
    levels = np.where(decided, np.inf, SET.levels).astype(np.float32)

    found = crossing(replace(SET, levels=levels))

    assert found == pytest.approx(crossing(SET.part(~decided)), abs=1e-9)
    assert crossing(replace(SET, levels=np.full(len(SET), np.inf, dtype=np.float32))) == 0


@some
@given(cases=scored, weight=st.floats(0.01, 100))
def test_any_cases_have_a_crossing(cases, weight):
    """A finite level, whatever the scores, and however clearly they tell the kinds apart."""
    assert np.isfinite(crossing(judged_of(*cases), weight))
