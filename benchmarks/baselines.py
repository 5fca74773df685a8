"""Simpler ways to route than learning from examples, and what each of them reaches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.embedded import embedded
from benchmarks.labelled_set import Set
from handoff.background import BackgroundLoop
from handoff.core.agent_rows import compare
from handoff.core.learning import NO_OWNER, Lessons
from handoff.core.model import BoolArray, FloatArray, IntArray
from handoff.core.tags import carriers_of
from handoff.evaluation.counts import count, endings
from handoff.evaluation.judged import Judged, judge_scores, settle
from handoff.evaluation.own_thresholds import fit_own
from handoff.evaluation.proof import EVERYBODY, part
from handoff.evaluation.sweep import best_threshold, sweep
from handoff.index.exact import ExactIndex
from handoff.providers.similarity_tagger import LocalTagExtractor

DESCRIPTION = "no threshold"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of one way to route, for both halves.

    Attributes:
        learning: What the threshold is chosen on, shape (learning cases, agents).
        test: What is reported, shape (test cases, agents).
        nobody_learning: How like nobody's example each case is; None where that is not compared.
        nobody_test: Likewise.
    """

    learning: FloatArray
    test: FloatArray
    nobody_learning: FloatArray | None = None
    nobody_test: FloatArray | None = None


class Filter:
    """The project's tag filter in front of any way to score, as the descriptions feed it.

    Fed with a way's own scores it never removes the best agent, and changes no ending: the first
    tag is one of the best agent's. The table without tags holds these figures already.
    """

    def __init__(self, data: Set, loop: BackgroundLoop, *, on: bool) -> None:
        """Find whom the filter removes from each case; nobody where it is off."""
        self._removed = np.zeros((len(data.cases), len(data.registry)), dtype=np.bool_)
        if not on:
            return
        embedder = embedded()
        extractor = LocalTagExtractor(data.registry, embedder, ExactIndex(data.registry, embedder))
        extracted = loop.run(extractor.extract(data.lessons.texts))
        known: dict[tuple[str, ...], BoolArray] = {}
        for row, tags in enumerate(each or () for each in extracted):
            if tags not in known:
                known[tags] = carriers_of(tags, data.registry)
            self._removed[row] = ~known[tags] & known[tags].any()

    def __call__(self, scores: FloatArray, rows: IntArray) -> FloatArray:
        """Return the scores of cases, minus infinity for whom the filter removes."""
        return np.where(self._removed[rows], np.float32(-np.inf), scores)


def baseline_accuracies(
    data: Set, learning: IntArray, test: IntArray, keep: Filter
) -> dict[str, float]:
    """Return the accuracy of every simpler way on the test half."""
    found: dict[str, float] = {}
    owners, expected = data.owners[learning], data.owners[test]
    for name, way in baselines(data, learning).items():
        scored = way(test)
        known = judged_of(keep(scored.learning, learning), owners, scored.nobody_learning)
        asked = judged_of(keep(scored.test, test), expected, scored.nobody_test)
        threshold = exact_threshold(known)
        if name == "description":
            own = fit_own(known, threshold, len(data.registry), 1.0)
            found[DESCRIPTION] = accuracy_at(asked, EVERYBODY)
            found["exact global threshold"] = accuracy_at(asked, threshold)
            found["per-agent thresholds"] = accuracy_at(settle(asked, 0.0, own), threshold)
        else:
            found[name] = accuracy_at(asked, threshold)
    return found


def baselines(data: Set, learning: IntArray) -> dict[str, Callable[[IntArray], Scored]]:
    """Return the simpler ways to score, each from its test rows to its scores."""
    agents, lessons = data.agents.wholes, part(data.lessons, learning)

    def described(test: IntArray) -> Scored:
        asked = data.lessons.vectors[test]
        return Scored(compare(lessons.vectors, data.agents), compare(asked, data.agents))

    def centroid_held_out(test: IntArray) -> Scored:
        centres = centroids(agents, lessons)
        own = centroids_without(agents, lessons)
        return Scored(own, data.lessons.vectors[test] @ centres.T)

    def centroid_same(test: IntArray) -> Scored:
        centres = centroids(agents, lessons)
        return Scored(lessons.vectors @ centres.T, data.lessons.vectors[test] @ centres.T)

    def nearest_agents(test: IntArray) -> Scored:
        held_out, _ = nearest(lessons.vectors, agents, lessons, held_out=True)
        scores, _ = nearest(data.lessons.vectors[test], agents, lessons)
        return Scored(held_out, scores)

    def nearest_or_nobody(test: IntArray) -> Scored:
        held_out, nobody = nearest(lessons.vectors, agents, lessons, held_out=True)
        scores, other = nearest(data.lessons.vectors[test], agents, lessons)
        return Scored(held_out, scores, nobody, other)

    return {
        "description": described,
        "centroid, held out": centroid_held_out,
        "centroid, same data": centroid_same,
        "one-nearest": nearest_agents,
        "one-nearest, nobody too": nearest_or_nobody,
    }


def centroids(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Return the unit mean of each agent's text and examples, shape (agents, d)."""
    return unit_rows(sums_of(agents, lessons))


def centroids_without(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Score the examples by centroids that each of them is left out of, (examples, agents)."""
    sums = sums_of(agents, lessons)
    scores = lessons.vectors @ unit_rows(sums).T
    for row in np.flatnonzero(lessons.owners != NO_OWNER).tolist():
        own = int(lessons.owners[row])
        without = unit_rows((sums[own] - lessons.vectors[row])[None, :])[0]
        scores[row, own] = lessons.vectors[row] @ without
    return np.asarray(scores, dtype=np.float32)


def sums_of(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Add every example to its owner's vector, shape (agents, d)."""
    owned = lessons.owners != NO_OWNER
    sums = agents.copy()
    np.add.at(sums, lessons.owners[owned], lessons.vectors[owned])
    return sums


def unit_rows(rows: FloatArray) -> FloatArray:
    """Scale rows to length one; rows of nothing stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)


def nearest(
    vectors: FloatArray, agents: FloatArray, lessons: Lessons, *, held_out: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Score by the nearest of an agent's text and examples.

    Returns:
        Shape (queries, agents), and the likeness to nobody's nearest example, shape (queries,).
    """
    cosines = vectors @ lessons.vectors.T
    if held_out:
        np.fill_diagonal(cosines, -2)
    scores = vectors @ agents.T
    nobody = np.full(len(vectors), -1, dtype=np.float32)
    for owner in np.unique(lessons.owners).tolist():
        best = cosines[:, lessons.owners == owner].max(axis=1)
        if owner == NO_OWNER:
            nobody = best
        else:
            scores[:, owner] = np.maximum(scores[:, owner], best)
    return scores, nobody


def judged_of(scores: FloatArray, owners: IntArray, nobody: FloatArray | None = None) -> Judged:
    """Judge scores that are kept; where nobody's example is nearer than any agent, nobody wins."""
    candidates = scores.copy()
    if nobody is not None:
        candidates[nobody > scores.max(axis=1)] = EVERYBODY
    return judge_scores(candidates, owners)


def exact_threshold(judged: Judged) -> float:
    """Return the threshold with the most right answers; none where every case has an agent."""
    if judged.in_scope.all():
        return EVERYBODY
    swept = sweep(judged)
    return best_threshold(swept, swept.accuracy)


def accuracy_at(judged: Judged, threshold: float) -> float:
    """Return the share of cases that end as their label says."""
    return count(endings(judged, threshold)).accuracy
