"""How cases end, and the shares that follow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import counted, figures, judged_of, scored, some

from handoff.evaluation.counts import Counts, Ending, count, endings, good

numbers = st.integers(0, 50)
six = st.builds(Counts, numbers, numbers, numbers, numbers, numbers, numbers)


def test_five_endings_in_figures():
    """One case of each kind at 0.5, on either side of it and right at it."""
    judged = judged_of(
        (0.5, "right"), (0.75, "wrong"), (0.25, "right"), (0.25, "nobody"), (0.5, "nobody")
    )

    assert endings(judged, 0.5).tolist() == [
        Ending.RIGHT,
        Ending.WRONG,
        Ending.MISSED,
        Ending.REFUSED,
        Ending.TAKEN,
    ]


@some
@given(cases=scored, threshold=figures)
def test_counts_are_what_counting_case_by_case_gives(cases, threshold):
    """Each of the five numbers lands in its own field, and failures in theirs."""
    counts = count(endings(judged_of(*cases), threshold), failed=3)

    assert counts == Counts(**counted(cases, threshold), failed=3)


def test_counting_no_endings_gives_zeros():
    """Where every case failed, failures are all there is."""
    assert count(np.array([], dtype=np.int8), failed=2) == Counts(0, 0, 0, 0, 0, 2)


def test_a_threshold_is_compared_in_the_precision_of_scores():
    """A score that was printed and typed back in is still reached."""
    # In float32 it is less than in float64.
    judged = judged_of((0.7, "right"))

    assert endings(judged, 0.7).tolist() == [Ending.RIGHT]


@some
@given(counts=six)
def test_the_six_add_up_to_the_cases(counts):
    """Failed cases are cases too."""
    assert counts.cases == sum(
        (
            counts.right,
            counts.wrong,
            counts.missed,
            counts.refused,
            counts.taken,
            counts.failed,
        )
    )


def test_shares_in_figures():
    """Worked out by hand; the failed ones are among the cases of each share but precision."""
    counts = Counts(right=5, wrong=2, missed=3, refused=4, taken=1, failed=1)

    assert counts.cases == 16
    assert counts.handed_off == 8
    assert counts.accuracy == 9 / 16
    assert counts.coverage == 8 / 16
    assert counts.precision == 5 / 8
    assert counts.wrong_share == 3 / 16
    assert counts.balanced == (5 / 10 + 4 / 5) / 2


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        pytest.param(Counts(0, 0, 0, 0, 0), "accuracy", id="accuracy without cases"),
        pytest.param(Counts(0, 0, 0, 0, 0), "coverage", id="coverage without cases"),
        pytest.param(Counts(0, 0, 0, 0, 0), "wrong_share", id="wrong share without cases"),
        pytest.param(Counts(0, 0, 3, 4, 0), "precision", id="precision without hand-offs"),
        pytest.param(Counts(0, 0, 0, 0, 0, 3), "balanced", id="balanced with failures only"),
    ],
)
def test_a_share_of_nothing_is_nan(counts, share):
    """Nothing of nothing is neither all nor none."""
    assert math.isnan(getattr(counts, share))


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        pytest.param(Counts(3, 1, 0, 0, 0), 0.75, id="without nobody's cases"),
        pytest.param(Counts(0, 0, 0, 1, 3), 0.25, id="without in-scope cases"),
    ],
)
def test_balanced_counts_a_kind_that_is_missing_neither_way(counts, share):
    """A missing kind counts neither as all wrong nor as all well."""
    assert counts.balanced == share


def test_a_set_of_failures_only_is_accurate_in_nothing():
    """A failed case is no good one: the share is 0, not left out."""
    counts = Counts(0, 0, 0, 0, 0, failed=4)

    assert (counts.accuracy, counts.coverage) == (0, 0)


def test_right_and_refused_are_the_good_endings():
    """Of the five, these two end as the label says."""
    assert good(np.array(list(Ending), dtype=np.int8)).tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]
