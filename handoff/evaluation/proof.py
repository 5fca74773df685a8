"""What examples are worth: proved on queries that they did not see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.agent_rows import AgentRows, compare
from handoff.core.learning import Learned, Lessons, learn, score_queries
from handoff.core.model import FloatArray, IntArray
from handoff.evaluation.binomial import mcnemar
from handoff.evaluation.confusion import selected
from handoff.evaluation.counts import Counts, EndingArray, count, endings
from handoff.evaluation.flips import Flips, find_flips
from handoff.evaluation.folds import split
from handoff.evaluation.goal import Aim, Goal, choose
from handoff.evaluation.judged import judge_scores
from handoff.evaluation.recommend import SEED, Interval, intervals

MOST_TO_LEARN = 1_500
"""More labelled queries are thinned out, evenly: learning takes time with their cube."""
FOLDS = 5
SIZES = (1, 2, 5, 10, 20, 40, 80, 160)
CURVE_SEEDS = 3
NEXT_LABELS = 50
"""How many more labels a curve is read for."""
EVERYBODY = -1.0
"""A threshold that every score reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Accuracy without and with examples, each query judged by what it did not teach.

    Attributes:
        before: By the descriptions alone, at the best threshold of the other folds.
        after: With the examples of the other folds, at the threshold they ask for.
        accuracy_before: 95 % interval, by bootstrap.
        accuracy_after: Likewise.
        flips: The queries that end otherwise.
        p_value: How likely flips at least so uneven are by chance; McNemar's exact test.
    """

    before: Counts
    after: Counts
    accuracy_before: Interval
    accuracy_after: Interval
    flips: Flips
    p_value: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What so many examples per agent are worth.

    Attributes:
        each: At most so many examples per agent.
        examples: How many that are in all, on average.
        accuracy: On the half that did not teach, mean over seeds.
    """

    each: int
    examples: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What examples are worth: what was learned from them, and its proof.

    Attributes:
        learned: From all examples.
        proof: Cross-validated.
        curve: Accuracy by how many examples an agent has.
        seconds: What learning took.
        proof_seconds: What the proof and the curve took.
    """

    learned: Learned
    proof: Proof
    curve: Sequence[CurvePoint]
    seconds: float
    proof_seconds: float


def prove(agents: AgentRows, lessons: Lessons, seed: int = SEED) -> Proof:
    """Cross-validate: weights, threshold and scores of a fold come from the other folds alone.

    Args:
        agents: Their unit rows.
        lessons: At least two examples.
        seed: Of the folds and the bootstrap.
    """
    folds = _folds(lessons.owners, seed)
    before, after = _Judgements(len(lessons)), _Judgements(len(lessons))
    for fold in range(FOLDS):
        test = np.flatnonzero(folds == fold)
        train = np.flatnonzero(folds != fold)
        if not len(test) or not len(train):
            continue
        cosines = compare(lessons.vectors, agents)
        known = judge_scores(cosines[train], lessons.owners[train])
        threshold = choose(known, Goal(Aim.ACCURACY)).threshold
        before.fill(test, cosines[test], lessons.owners[test], threshold)
        learned = learn(agents, part(lessons, train))
        taught = score_queries(lessons.vectors[test], [lessons.texts[row] for row in test], learned)
        found = EVERYBODY if learned.threshold is None else learned.threshold
        after.fill(test, taught, lessons.owners[test], found)
    flips = find_flips(before.ended, before.got, after.ended, after.got)
    counts_before, counts_after = count(before.ended), count(after.ended)
    return Proof(
        before=counts_before,
        after=counts_after,
        accuracy_before=intervals(counts_before, seed=seed)[0],
        accuracy_after=intervals(counts_after, seed=seed)[0],
        flips=flips,
        p_value=mcnemar(len(flips.better), len(flips.worse)),
    )


def draw_curve(
    agents: AgentRows, lessons: Lessons, sizes: Sequence[int] = SIZES
) -> list[CurvePoint]:
    """Learn from more and more examples per agent of one half, and judge the other half.

    Sizes that add no example are left out; nobody's examples come in their natural share.

    Args:
        agents: Their unit rows.
        lessons: At least two examples.
        sizes: How many examples per agent, ascending.
    """
    points: list[CurvePoint] = []
    for each in sizes:
        taken, accuracies = [], []
        for seed in range(CURVE_SEEDS):
            teaching = split(lessons.owners, seed)
            rows = draw_few(lessons.owners, np.flatnonzero(teaching), each, seed)
            learned = learn(agents, part(lessons, rows))
            test = np.flatnonzero(~teaching)
            scores = score_queries(
                lessons.vectors[test], [lessons.texts[row] for row in test], learned
            )
            judged = judge_scores(scores, lessons.owners[test])
            found = EVERYBODY if learned.threshold is None else learned.threshold
            accuracies.append(count(endings(judged, found)).accuracy)
            taken.append(len(rows))
        point = CurvePoint(each, float(np.mean(taken)), float(np.mean(accuracies)))
        if points and point.examples <= points[-1].examples:
            break
        points.append(point)
    return points


def next_labels_buy(points: Sequence[CurvePoint], labels: int) -> float | None:
    """Return the accuracy that so many more labels would add, as the curve's end rises.

    Args:
        points: As `draw_curve` returned them.
        labels: How many more.

    Returns:
        A share, at least 0; None where the curve is too short to tell.
    """
    if len(points) < 2:  # noqa: PLR2004 - a slope takes two
        return None
    last, before = points[-1], points[-2]
    # Gains shrink as examples double: the slope is that of the logarithm.
    rise = (last.accuracy - before.accuracy) / np.log(last.examples / before.examples)
    return max(0.0, float(rise * np.log1p(labels / last.examples)))


def part(lessons: Lessons, rows: IntArray) -> Lessons:
    """Return some of the examples."""
    texts = tuple(lessons.texts[row] for row in rows.tolist())
    return Lessons(texts, lessons.vectors[rows], lessons.owners[rows])


def thin(lessons: Lessons, most: int) -> IntArray:
    """Return so many rows at most, of each owner's the same share, ascending."""
    by_owner = np.argsort(lessons.owners, kind="stable")
    places = np.linspace(0, len(by_owner) - 1, min(most, len(by_owner))).astype(np.intp)
    return np.sort(by_owner[places])


def draw_few(owners: IntArray, rows: IntArray, each: int, seed: int) -> IntArray:
    """Return at most so many rows an owner; of nobody's the same share as of the others."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    owned = shuffled[owners[shuffled] >= 0]
    seen: dict[int, int] = {}
    kept = []
    for row in owned.tolist():
        owner = int(owners[row])
        if seen.get(owner, 0) < each:
            seen[owner] = seen.get(owner, 0) + 1
            kept.append(row)
    nobodies = shuffled[owners[shuffled] < 0]
    share = len(kept) / len(owned) if len(owned) else 1.0
    return np.array(
        [*kept, *nobodies[: int(np.ceil(share * len(nobodies)))].tolist()], dtype=np.intp
    )


class _Judgements:
    """How queries end and who gets them, filled in fold by fold."""

    def __init__(self, cases: int) -> None:
        self.ended: EndingArray = np.zeros(cases, dtype=np.int8)
        self.got: IntArray = np.zeros(cases, dtype=np.intp)

    def fill(self, rows: IntArray, scores: FloatArray, owners: IntArray, threshold: float) -> None:
        judged = judge_scores(scores, owners)
        self.ended[rows] = endings(judged, threshold)
        self.got[rows] = selected(judged, threshold)


def _folds(owners: IntArray, seed: int) -> IntArray:
    """Return each example's fold, an owner's examples spread evenly, shape (examples,)."""
    shuffled = np.random.default_rng(seed).permutation(len(owners))
    by_owner = shuffled[np.argsort(owners[shuffled], kind="stable")]
    folds = np.empty(len(owners), dtype=np.intp)
    folds[by_owner] = np.arange(len(owners)) % FOLDS
    return folds
