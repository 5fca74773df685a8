"""What every threshold would give."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import (
    ENDINGS,
    counted,
    decided,
    ending,
    figures,
    judged_of,
    kinds,
    labelled_sets,
    policies,
    scored,
    settled_by,
    some,
)

from handoff.evaluation.counts import Counts
from handoff.evaluation.sweep import (
    Sweep,
    auroc,
    best_threshold,
    false_positives_at,
    sweep,
    top1,
)

GRID = np.linspace(-1.1, 1.1, 221)


def accuracy(cases: list[tuple[float, str]], threshold: float) -> float:
    """Count the share that ends as labelled, case by case."""
    counts = counted(cases, threshold)
    return (counts["right"] + counts["refused"]) / len(cases)


def net(cases: list[tuple[float, str]], threshold: float) -> int:
    """Count hand-offs, plus one where right, minus one where not, case by case."""
    counts = counted(cases, threshold)
    return counts["right"] - counts["wrong"] - counts["taken"]


def net_of(swept: Sweep) -> np.ndarray:
    """Return the same at every threshold of a sweep: a worth with whole numbers and many ties."""
    return swept.right - swept.to_wrong


@some
@given(cases=scored)
def test_counts_add_up_to_the_cases_at_every_threshold(cases):
    """Each case ends in exactly one of five ways, none of them fewer than no times."""
    swept = sweep(judged_of(*cases))

    counts = np.array([swept.right, swept.wrong, swept.missed, swept.refused, swept.taken])

    assert counts.sum(axis=0).tolist() == [len(cases)] * len(swept.thresholds)
    assert counts.min() >= 0


@some
@given(cases=scored)
def test_thresholds_are_the_distinct_scores_and_one_that_nothing_reaches(cases):
    """They ascend, and the last one hands nothing off."""
    scores = sorted({score for score, _ in cases})

    swept = sweep(judged_of(*cases))

    assert swept.thresholds[:-1].tolist() == scores
    assert swept.thresholds[-1] > scores[-1]
    assert (swept.right[-1], swept.wrong[-1], swept.taken[-1]) == (0, 0, 0)


@some
@given(known=labelled_sets(), policy=policies)
def test_the_sweep_agrees_with_deciding_each_case(known, policy):
    """At every threshold of the sweep, core on each case comes to the same five counts."""
    labelled, expected = known

    swept = sweep(settled_by(labelled, policy))

    for at, threshold in enumerate(swept.thresholds.tolist()):
        got = decided(labelled, replace(policy, threshold=threshold))
        alone = Counter(ending(one, wanted) for one, wanted in zip(got, expected, strict=True))

        assert {name: getattr(swept[at], name) for name in ENDINGS} == {
            name: alone[name] for name in ENDINGS
        }


@some
@given(cases=scored)
def test_accuracy_and_net_are_what_counting_gives(cases):
    """The two curves of a sweep hold at each of its thresholds."""
    swept = sweep(judged_of(*cases))

    thresholds = swept.thresholds.tolist()

    assert swept.accuracy.tolist() == pytest.approx([accuracy(cases, one) for one in thresholds])
    assert net_of(swept).tolist() == [net(cases, one) for one in thresholds]


def test_a_sweep_in_figures():
    """Four cases at three scores, counted by hand."""
    swept = sweep(judged_of((0.25, "nobody"), (0.5, "right"), (0.5, "wrong"), (0.75, "right")))

    assert swept.thresholds[:3].tolist() == [0.25, 0.5, 0.75]
    assert swept.right.tolist() == [2, 2, 1, 0]
    assert swept.wrong.tolist() == [1, 1, 0, 0]
    assert swept.missed.tolist() == [0, 0, 2, 3]
    assert swept.refused.tolist() == [0, 1, 1, 1]
    assert swept.taken.tolist() == [1, 0, 0, 0]
    assert net_of(swept).tolist() == [0, 1, 1, 0]
    assert swept.accuracy.tolist() == [0.5, 0.75, 0.5, 0.25]


@some
@given(cases=scored)
def test_no_threshold_of_a_fine_grid_nets_more_than_the_best(cases):
    """Counted case by case, the threshold found is worth as much as any other."""
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, net_of(swept))

    assert net(cases, found) >= max(net(cases, threshold) for threshold in GRID)


@some
@given(cases=scored)
def test_no_threshold_of_a_fine_grid_is_more_accurate_than_the_best(cases):
    """Counted case by case, the threshold found is right as often as any other."""
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, swept.accuracy)

    assert accuracy(cases, found) >= max(accuracy(cases, threshold) for threshold in GRID)


@pytest.mark.parametrize("score", [0.5, 0.3, 0.0, -0.25], ids=str)
def test_where_nobody_should_take_anything_the_best_threshold_refuses_all(score):
    """It lies above the highest score, not on it: a threshold is inclusive."""
    swept = sweep(judged_of((score, "nobody")))

    found = best_threshold(swept, net_of(swept))

    assert np.float32(found) > np.float32(score)


def test_neighbouring_scores_are_told_apart():
    """Between two float32 scores without a third one only the upper one separates them."""
    low = np.float32(0.5)
    cases = [(float(low), "nobody"), (float(np.nextafter(low, np.float32(1))), "right")]
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, swept.accuracy)

    assert accuracy(cases, found) == 1.0


@some
@given(cases=st.lists(st.tuples(st.integers(-18, 18), kinds), max_size=8))
def test_the_best_threshold_lies_in_the_middle_of_its_gap(cases):
    """The next score below and the next one above are equally far away."""
    # Nine of each kind at the ends keep the best between them.
    ends = [(-1.0, "nobody"), (1.0, "right")] * 9
    spread = [(figure / 20, label) for figure, label in cases] + ends
    swept = sweep(judged_of(*spread))

    found = best_threshold(swept, net_of(swept))

    scores = [float(np.float32(score)) for score, _ in spread]
    below = max(score for score in scores if score < found)
    above = min(score for score in scores if score >= found)

    assert found == pytest.approx((below + above) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        pytest.param(((0.25, "nobody"), (0.75, "right")), 0.5, id="between the two kinds"),
        pytest.param(((0.25, "right"), (0.75, "right")), 0.25, id="hand everything off"),
        pytest.param(
            ((0.0, "nobody"), (0.125, "right"), (0.25, "wrong"), (0.75, "right")),
            0.5,
            id="the widest of two gaps",
        ),
    ],
)
def test_the_best_threshold_in_figures(cases, expected):
    """Worked out by hand."""
    swept = sweep(judged_of(*cases))

    assert best_threshold(swept, net_of(swept)) == expected


@some
@given(cases=st.lists(st.tuples(figures, kinds), max_size=8))
def test_auroc_is_the_share_of_pairs_in_the_right_order(cases):
    """Each in-scope case against each that nobody should take: 1 above, 1/2 level, 0 below."""
    cases = [*cases, (0.25, "right"), (0.0, "nobody")]
    inside = [score for score, label in cases if label != "nobody"]
    outside = [score for score, label in cases if label == "nobody"]
    points = [(one > other) + (one == other) / 2 for one in inside for other in outside]

    assert auroc(judged_of(*cases)) == pytest.approx(sum(points) / len(points))


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        pytest.param(((0.75, "right"), (0.25, "nobody")), 1.0, id="all above"),
        pytest.param(((0.25, "wrong"), (0.75, "nobody")), 0.0, id="all below"),
        pytest.param(((0.5, "right"), (0.5, "nobody")), 0.5, id="level"),
        pytest.param(((0.5, "right"), (0.75, "wrong"), (0.5, "nobody")), 0.75, id="half level"),
    ],
)
def test_auroc_in_figures(cases, expected):
    """Right or wrong does not matter here, only whether somebody is expected."""
    assert auroc(judged_of(*cases)) == expected


@pytest.mark.parametrize("label", ["right", "nobody"])
def test_auroc_is_nan_where_a_kind_is_missing(label):
    """There are no pairs to compare, and no warning about it either."""
    assert math.isnan(auroc(judged_of((0.5, label), (0.25, label))))


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        pytest.param(((0.1, "right"), (0.9, "right")), 1.0, id="all"),
        pytest.param(((0.9, "right"), (0.9, "wrong"), (0.1, "wrong")), 1 / 3, id="one of three"),
        pytest.param(((0.9, "right"), (0.9, "nobody")), 1.0, id="others do not count"),
    ],
)
def test_top1_is_the_share_of_in_scope_cases_with_the_right_best(cases, expected):
    """No threshold plays a part in it."""
    assert top1(judged_of(*cases)) == pytest.approx(expected)


@some
@given(cases=scored)
def test_a_threshold_of_the_sweep_gives_its_counts(cases):
    """Picking one returns the same five numbers as counting case by case there."""
    swept = sweep(judged_of(*cases))

    for at, threshold in enumerate(swept.thresholds.tolist()):
        assert swept[at] == Counts(**counted(cases, threshold))


@some
@given(cases=scored)
def test_the_curves_of_hand_offs_are_sums_of_the_counts(cases):
    """Handed off is whoever gets one; to somebody wrong, whoever should not have."""
    swept = sweep(judged_of(*cases))
    each = [counted(cases, threshold) for threshold in swept.thresholds.tolist()]

    assert swept.cases == len(cases)
    assert swept.handed_off.tolist() == [one["right"] + one["wrong"] + one["taken"] for one in each]
    assert swept.to_wrong.tolist() == [one["wrong"] + one["taken"] for one in each]


@some
@given(cases=scored)
def test_balanced_is_what_the_counts_say_at_every_threshold(cases):
    """Where one of the two kinds is missing as well."""
    swept = sweep(judged_of(*cases))

    assert swept.balanced.tolist() == pytest.approx(
        [swept[at].balanced for at in range(len(swept.thresholds))]
    )


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        pytest.param(((0.25, "right"), (0.5, "wrong")), [0.5, 0.0, 0.0], id="all in scope"),
        pytest.param(((0.25, "nobody"), (0.5, "nobody")), [0.0, 0.5, 1.0], id="all nobody's"),
    ],
)
def test_balanced_is_the_share_of_the_only_kind_where_one_is_missing(cases, expected):
    """A missing kind neither counts as all wrong nor makes a curve of NaN."""
    assert sweep(judged_of(*cases)).balanced.tolist() == expected


def test_infinite_levels_are_no_thresholds():
    """What margin or own threshold decided stays so at every common threshold."""
    swept = sweep(judged_of((np.inf, "nobody"), (-np.inf, "right"), (0.5, "right")))

    assert swept.thresholds[:-1].tolist() == [0.5]
    assert swept.taken.tolist() == [1, 1]
    assert swept.right.tolist() == [1, 0]
    assert swept.missed.tolist() == [1, 2]


def test_a_sweep_without_a_finite_level_still_counts():
    """Where no common threshold matters, every one counts the same."""
    swept = sweep(judged_of((np.inf, "right"), (-np.inf, "right"), (-np.inf, "nobody")))

    assert [swept[at] for at in range(len(swept.thresholds))] == [
        Counts(right=1, wrong=0, missed=1, refused=1, taken=0)
    ] * len(swept.thresholds)
    assert np.isfinite(swept.thresholds).all()


@some
@given(
    cases=st.lists(st.tuples(figures, kinds), max_size=8),
    share=st.sampled_from([0.5, 0.75, 0.95, 1.0]),
)
def test_false_positives_are_counted_at_the_highest_threshold_that_keeps_enough(cases, share):
    """Trying every score: the highest that so many in-scope cases reach lets these through."""
    cases = [*cases, (0.25, "right"), (0.0, "nobody")]
    inside = [score for score, kind in cases if kind != "nobody"]
    outside = [score for score, kind in cases if kind == "nobody"]
    threshold = max(
        score
        for score in inside
        if sum(one >= score for one in inside) >= share * len(inside) - 1e-9
    )
    through = sum(one >= threshold for one in outside) / len(outside)

    assert false_positives_at(judged_of(*cases), share) == pytest.approx(through)


def test_false_positives_in_figures():
    """Of twenty in-scope cases the least may be given up at 95 %, and no second one."""
    inside = [(at / 32, "right") for at in range(1, 21)]
    outside = [(1.5 / 32, "nobody"), (2 / 32, "nobody"), (2.5 / 32, "nobody"), (0.0, "nobody")]

    assert false_positives_at(judged_of(*inside, *outside)) == 0.5
    assert false_positives_at(judged_of(*inside, *outside), 1.0) == 0.75


def test_a_tenth_of_ten_is_one_case():
    """In floating point it is a little less; the case may be given up all the same."""
    inside = [(at / 16, "right") for at in range(1, 11)]

    assert false_positives_at(judged_of(*inside, (1.5 / 16, "nobody")), 0.9) == 0


@pytest.mark.parametrize("kind", ["right", "nobody"])
def test_false_positives_are_nan_where_a_kind_is_missing(kind):
    """Without one of the kinds there is no such share, and no warning about it."""
    assert math.isnan(false_positives_at(judged_of((0.5, kind), (0.25, kind))))


def test_top1_without_an_in_scope_case_is_nan():
    """A share of no cases is no share, and no warning about it."""
    assert math.isnan(top1(judged_of((0.5, "nobody"))))
