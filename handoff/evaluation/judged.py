"""A labelled set ranked as arrays: the same rules as `core`, for all cases at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from handoff.core.model import BoolArray, EvidenceSet, FloatArray, IntArray, Registry
from handoff.core.scoring import total_scores
from handoff.core.scripts import unknown_script
from handoff.core.tags import carriers_of

NOBODY = -1
"""Nobody is expected."""
ABSENT = -2
"""Somebody is expected whom this registry does not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Evidence with labels, laid out once so that every what-if is arithmetic on arrays.

    Attributes:
        registry: The one that the evidence was gathered on.
        evidence: At least one case.
        expected: Each case's expected agent as its position, `NOBODY` or `ABSENT`, shape (cases,).
        removed: Whom the tag filter removes, shape as `evidence.similarities`.
        own_thresholds: The agents' own, NaN where an agent has none, shape (agents,).
        unknown: Which queries are mostly in an unknown script, shape (cases,).
    """

    registry: Registry
    evidence: EvidenceSet
    expected: IntArray
    removed: BoolArray
    own_thresholds: FloatArray
    unknown: BoolArray

    def __len__(self) -> int:
        return len(self.expected)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is decided of each case, but for a common threshold; all of shape (cases,).

    Attributes:
        best: The best candidate's position.
        levels: The best candidate's score: the highest common threshold at which it gets the query.
            +inf (-inf) if its own threshold, the margin or the query's script accepts (rejects) the
            query regardless of the common one.
        leads: The best candidate's score minus the second's; infinite with a single candidate.
        expected: As in `Labelled`.
    """

    best: IntArray
    levels: FloatArray
    leads: FloatArray
    expected: IntArray

    def __len__(self) -> int:
        return len(self.expected)

    @property
    def correct(self) -> BoolArray:
        """The best candidate is the expected agent."""
        return np.equal(self.best, self.expected)

    @property
    def in_scope(self) -> BoolArray:
        """Somebody is expected."""
        return np.not_equal(self.expected, NOBODY)

    def part(self, chosen: BoolArray | IntArray) -> "Judged":
        """Return some of the cases, by a mask or by their rows."""
        return Judged(
            self.best[chosen], self.levels[chosen], self.leads[chosen], self.expected[chosen]
        )


def label(evidence: EvidenceSet, registry: Registry, expected: Sequence[str | None]) -> Labelled:
    """Lay out evidence with its labels.

    Args:
        evidence: At least one case.
        registry: The one that the evidence was gathered on.
        expected: One agent id a case, None where nobody should take it.
    """
    removed = np.zeros(evidence.similarities.shape, dtype=np.bool_)
    masks: dict[tuple[str, ...], BoolArray] = {}
    for case, tags in enumerate(evidence.tags):
        if tags not in masks:
            masks[tags] = carriers_of(tags, registry)
        carries = masks[tags]
        if evidence.positions is not None:
            carries = carries[evidence.positions[case]]
        if carries.any():
            np.logical_not(carries, out=removed[case])
    wanted = [
        NOBODY if agent is None else registry.positions.get(agent, ABSENT) for agent in expected
    ]
    own = [np.nan if agent.threshold is None else agent.threshold for agent in registry.agents]
    return Labelled(
        registry=registry,
        evidence=evidence,
        expected=np.array(wanted, dtype=np.intp),
        removed=removed,
        own_thresholds=np.array(own, dtype=np.float32),
        unknown=np.array(
            [
                unknown_script(query, evidence.scripts, registry.scripts) is not None
                for query in evidence.queries
            ],
            dtype=np.bool_,
        ),
    )


def rank_cases(labelled: Labelled, *, use_tags: bool, lexical_weight: float = 0.0) -> Judged:
    """Find every case's best candidate, as `rank` does, ties included; no threshold is applied.

    Args:
        labelled: Any set.
        use_tags: Whether the tag filter is on.
        lexical_weight: How much of the lexical score is added to the similarity.
    """
    evidence = labelled.evidence
    scores = total_scores(evidence.similarities, evidence.lexical, lexical_weight)
    candidates = np.where(labelled.removed, -np.inf, scores) if use_tags else scores.copy()
    return judge_scores(candidates, labelled.expected, evidence.positions)


def judge_scores(
    candidates: FloatArray, expected: IntArray, positions: IntArray | None = None
) -> Judged:
    """Find the best candidate of every row of scores; the scores are used up.

    Args:
        candidates: Scores, minus infinity for who is no candidate, shape (cases, agents).
        expected: As in `Labelled`.
        positions: Whom the columns stand for, same shape; None for the agents in order.
    """
    rows = np.arange(len(expected))
    places = np.argmax(candidates, axis=1)
    best_scores = candidates[rows, places]
    candidates[rows, places] = -np.inf
    return Judged(
        best=places if positions is None else positions[rows, places],
        levels=best_scores,
        leads=best_scores - candidates.max(axis=1),
        expected=expected,
    )


def settle(
    judged: Judged,
    margin: float,
    own_thresholds: FloatArray | None,
    unknown: BoolArray | None = None,
) -> Judged:
    """Fold a margin, the agents' own thresholds and unknown scripts into the levels.

    Args:
        judged: As `rank_cases` returned it.
        margin: Closer than this to the runner-up is ambiguous.
        own_thresholds: NaN where an agent has none, shape (agents,); None leaves them out.
        unknown: Which cases nobody gets for their script, shape (cases,); None for none.
    """
    levels = judged.levels
    if own_thresholds is not None:
        own = own_thresholds[judged.best]
        decided = np.where(levels >= own, np.inf, -np.inf)
        levels = np.where(np.isnan(own), levels, decided)
    levels = np.where(judged.leads >= np.float32(margin), levels, -np.inf)
    if unknown is not None:
        levels = np.where(unknown, -np.inf, levels)
    return replace(judged, levels=np.asarray(levels, dtype=np.float32))
