"""What every threshold would come to."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.core.decision import decide
from handoff.core.model import Agent, EvidenceSet, Registry
from handoff.core.ranking import rank
from handoff.evaluation.sweep import (
    Judged,
    accuracy_at,
    auroc,
    best_threshold,
    judge_cases,
    sweep,
    top1,
)

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

REGISTRY = Registry(
    (
        Agent("a", "A", "Does a.", ("x",)),
        Agent("b", "B", "Does b.", ("y",)),
        Agent("c", "C", "Does c.", ("x", "y")),
    )
)
GRID = np.linspace(-1.1, 1.1, 221)

cosines = st.one_of(st.sampled_from([-0.5, 0.0, 0.25, 0.5]), st.floats(-1, 1, width=32))
labels = st.sampled_from(["right", "wrong", "nobody"])
labelled = st.lists(st.tuples(cosines, labels), min_size=1, max_size=8)


def judged_of(*cases: tuple[float, str]) -> Judged:
    """Return cases of a best score and a label.

    The label says whether the best candidate is right, it is wrong, or nobody is expected.
    """
    return Judged(
        best_scores=np.array([score for score, _ in cases], dtype=np.float32),
        correct=np.array([label == "right" for _, label in cases]),
        in_scope=np.array([label != "nobody" for _, label in cases]),
    )


def accuracy(cases: list[tuple[float, str]], threshold: float) -> float:
    """Count the share that ends as labelled, case by case."""
    good = [
        (label == "right") if score >= np.float32(threshold) else (label == "nobody")
        for score, label in cases
    ]
    return sum(good) / len(good)


def net(cases: list[tuple[float, str]], threshold: float) -> int:
    """Count hand-offs, plus one where right, minus one where not, case by case."""
    reached = [label for score, label in cases if score >= np.float32(threshold)]
    return sum(1 if label == "right" else -1 for label in reached)


@st.composite
def evidence_with_labels(draw) -> tuple[EvidenceSet, list[str | None]]:
    """Draw the evidence of some queries on the registry, and who is expected to take each."""
    count = draw(st.integers(1, 6))
    figures = st.lists(cosines, min_size=3, max_size=3)
    tags = st.sampled_from([(), ("x",), ("y",), ("nobody's",)])
    similarities = draw(st.lists(figures, min_size=count, max_size=count))
    evidence = EvidenceSet(
        queries=("q",) * count,
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=tuple(draw(st.lists(tags, min_size=count, max_size=count))),
        vectors=np.zeros((count, 2), dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.zeros((count, 3), dtype=np.float32),
        degraded=((),) * count,
    )
    expected = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=count, max_size=count)
    return evidence, draw(expected)


@some
@given(cases=labelled)
def test_counts_add_up_to_the_cases_at_every_threshold(cases):
    """Each case ends in exactly one of five ways, none of them fewer than no times."""
    swept = sweep(judged_of(*cases))

    counts = np.array([swept.right, swept.wrong, swept.missed, swept.refused, swept.taken])

    assert counts.sum(axis=0).tolist() == [len(cases)] * len(swept.thresholds)
    assert counts.min() >= 0


@some
@given(cases=labelled)
def test_thresholds_are_the_distinct_scores_and_one_that_nothing_reaches(cases):
    """They ascend, and the last one hands nothing off."""
    scores = sorted({score for score, _ in cases})

    swept = sweep(judged_of(*cases))

    assert swept.thresholds[:-1].tolist() == scores
    assert swept.thresholds[-1] > scores[-1]
    assert (swept.right[-1], swept.wrong[-1], swept.taken[-1]) == (0, 0, 0)


@some
@given(labels=evidence_with_labels(), use_tags=st.booleans())
def test_the_sweep_agrees_with_deciding_each_case(labels, use_tags):
    """At every threshold of the sweep, `decide` on each case comes to the same five counts."""
    evidence, expected = labels

    swept = sweep(judge_cases(evidence, REGISTRY, expected, use_tags=use_tags))

    for at, threshold in enumerate(swept.thresholds.tolist()):
        counts = dict.fromkeys(("right", "wrong", "missed", "refused", "taken"), 0)
        for one, wanted in zip(evidence, expected, strict=True):
            agent = decide(rank(one, REGISTRY, use_tags=use_tags), threshold).agent
            if agent is None:
                counts["refused" if wanted is None else "missed"] += 1
            elif wanted is None:
                counts["taken"] += 1
            else:
                counts["right" if agent.id == wanted else "wrong"] += 1

        assert {name: getattr(swept, name)[at] for name in counts} == counts


@some
@given(labels=evidence_with_labels(), threshold=cosines)
def test_the_accuracy_at_a_threshold_agrees_with_deciding_each_case(labels, threshold):
    """Also at thresholds that no score has."""
    evidence, expected = labels
    agents = [decide(rank(one, REGISTRY), threshold).agent for one in evidence]
    chosen = [None if agent is None else agent.id for agent in agents]
    good = sum(one == other for one, other in zip(chosen, expected, strict=True))

    found = accuracy_at(judge_cases(evidence, REGISTRY, expected), threshold)

    assert found == pytest.approx(good / len(expected))


@some
@given(cases=labelled)
def test_accuracy_and_net_are_what_counting_gives(cases):
    """The two curves of a sweep hold at each of its thresholds."""
    swept = sweep(judged_of(*cases))

    thresholds = swept.thresholds.tolist()

    assert swept.accuracy.tolist() == pytest.approx([accuracy(cases, one) for one in thresholds])
    assert swept.net.tolist() == [net(cases, one) for one in thresholds]


def test_a_sweep_in_figures():
    """Four cases at three scores, counted by hand."""
    swept = sweep(judged_of((0.25, "nobody"), (0.5, "right"), (0.5, "wrong"), (0.75, "right")))

    assert swept.thresholds[:3].tolist() == [0.25, 0.5, 0.75]
    assert swept.right.tolist() == [2, 2, 1, 0]
    assert swept.wrong.tolist() == [1, 1, 0, 0]
    assert swept.missed.tolist() == [0, 0, 2, 3]
    assert swept.refused.tolist() == [0, 1, 1, 1]
    assert swept.taken.tolist() == [1, 0, 0, 0]
    assert swept.net.tolist() == [0, 1, 1, 0]
    assert swept.accuracy.tolist() == [0.5, 0.75, 0.5, 0.25]


@some
@given(cases=labelled)
def test_no_threshold_of_a_fine_grid_nets_more_than_the_best(cases):
    """Counted case by case, the threshold found is worth as much as any other."""
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, swept.net)

    assert net(cases, found) >= max(net(cases, threshold) for threshold in GRID)


@some
@given(cases=labelled)
def test_no_threshold_of_a_fine_grid_is_more_accurate_than_the_best(cases):
    """Counted case by case, the threshold found is right as often as any other."""
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, swept.accuracy)

    assert accuracy(cases, found) >= max(accuracy(cases, threshold) for threshold in GRID)


@pytest.mark.parametrize("score", [0.5, 0.3, 0.0, -0.25], ids=str)
def test_where_nobody_should_take_anything_the_best_threshold_refuses_all(score):
    """It lies above the highest score, not on it: a threshold is inclusive."""
    swept = sweep(judged_of((score, "nobody")))

    found = best_threshold(swept, swept.net)

    assert np.float32(found) > np.float32(score)


def test_neighbouring_scores_are_told_apart():
    """Between two float32 scores without a third one only the upper one separates them."""
    low = np.float32(0.5)
    cases = [(float(low), "nobody"), (float(np.nextafter(low, np.float32(1))), "right")]
    swept = sweep(judged_of(*cases))

    found = best_threshold(swept, swept.accuracy)

    assert accuracy(cases, found) == 1.0


@some
@given(cases=st.lists(st.tuples(st.integers(-18, 18), labels), max_size=8))
def test_the_best_threshold_lies_in_the_middle_of_its_gap(cases):
    """The next score below and the next one above are equally far away."""
    # Nine of each kind at the ends keep the best between them.
    ends = [(-1.0, "nobody"), (1.0, "right")] * 9
    spread = [(figure / 20, label) for figure, label in cases] + ends
    swept = sweep(judged_of(*spread))

    found = best_threshold(swept, swept.net)

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

    assert best_threshold(swept, swept.net) == expected


@some
@given(cases=st.lists(st.tuples(cosines, labels), max_size=8))
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


def test_the_best_candidate_is_judged_after_the_filter():
    """With the filter on a tag changes who is best, with it off similarity alone does."""
    evidence = EvidenceSet(
        queries=("q",),
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=(("y",),),
        vectors=np.zeros((1, 2), dtype=np.float32),
        similarities=np.array([[0.75, 0.5, 0.25]], dtype=np.float32),
        lexical=np.zeros((1, 3), dtype=np.float32),
        degraded=((),),
    )

    with_tags = judge_cases(evidence, REGISTRY, ["b"])
    without = judge_cases(evidence, REGISTRY, ["b"], use_tags=False)

    assert (with_tags.best_scores.tolist(), with_tags.correct.tolist()) == ([0.5], [True])
    assert (without.best_scores.tolist(), without.correct.tolist()) == ([0.75], [False])


def test_cases_of_a_large_index_are_judged_by_agent_not_by_column():
    """With positions the first column may be any agent of the registry."""
    evidence = EvidenceSet(
        queries=("q", "q"),
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=((), ()),
        vectors=np.zeros((2, 2), dtype=np.float32),
        similarities=np.array([[0.75, 0.5], [0.25, 0.5]], dtype=np.float32),
        lexical=np.zeros((2, 2), dtype=np.float32),
        degraded=((), ()),
        positions=np.array([[2, 0], [1, 2]], dtype=np.intp),
    )

    judged = judge_cases(evidence, REGISTRY, ["c", None])

    assert judged.correct.tolist() == [True, False]
    assert judged.in_scope.tolist() == [True, False]
