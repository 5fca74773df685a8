"""Which agents overlap: by what their descriptions mean, and by the queries that they contest.

The similarity of two agents is the cosine of their texts' vectors: two descriptions that say the
same without a word in common are close. How close is close depends on the embedder and on the
registry, so a pair stands out where it lies far above the registry's other pairs:

    stands out = similarity - median >= 3 * 1.4826 * (upper quartile - median)

over all pairs of a registry with at least 15 of them, or evenly many of a large one's; with its
factor the bracket estimates a standard deviation that the few close pairs do not move.
"""

from dataclasses import dataclass

import numpy as np

from handoff.core.errors import RegistryError
from handoff.core.model import BoolArray, FloatArray, IntArray, Policy
from handoff.core.scoring import total_scores
from handoff.evaluation.judged import Labelled

MOST_PAIRS = 20
MOST_AGENTS = 20_000
"""Every agent is compared with every other; beyond it, that takes minutes."""
MOST_IN_MATRIX = 5_000
"""Beyond it the matrix, over 100 MB, is not kept; the closest pairs are found all the same."""
CONTESTED_MARGIN = 0.05
"""Two agents contest a query where the second is no further behind."""
DEVIATIONS = 3.0
FEWEST_PAIRS = 15
CLOSE = 0.45
"""Where there are too few pairs to compare with, a pair stands out from here."""
_NORMAL = 1.4826
_BLOCK = 1_024
_SAMPLED = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Two agents and the queries whose best two they are, less than a margin apart.

    Attributes:
        first: The position of the one that comes first in the registry.
        second: And of the other.
        rows: The queries, the closest first, shape (queries,).
        leads: How far the second best is behind, same order and shape.
        first_leads: Whether `first` is the best, same order and shape.
    """

    first: int
    second: int
    rows: IntArray
    leads: FloatArray
    first_leads: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """How close the agents of a registry are.

    Attributes:
        matrix: The agents' cosines, shape (agents, agents); None for a very large registry.
        first: The closest pairs, most similar first: the earlier one, shape (pairs,).
        second: And the other, same shape.
        similarities: Their cosines, same shape.
        stands_out_from: The least similarity that stands out.
        typical: The median similarity of two agents; NaN with a single agent.
        contests: The pairs that contest queries, most queries first; empty without queries.
        queries: How many queries there are; 0 without any.
        margin: How close the best two have to be.
    """

    matrix: FloatArray | None
    first: IntArray
    second: IntArray
    similarities: FloatArray
    stands_out_from: float
    typical: float
    contests: tuple[Contest, ...] = ()
    queries: int = 0
    margin: float = CONTESTED_MARGIN

    def __len__(self) -> int:
        return len(self.similarities)


def similarity_matrix(agents: FloatArray) -> FloatArray:
    """Return the cosine of every agent with every other.

    Args:
        agents: Unit rows, shape (agents, dimensions).

    Returns:
        Shape (agents, agents), between -1 and 1, symmetric.
    """
    cosines: FloatArray = agents @ agents.T
    return np.clip(cosines, np.float32(-1), np.float32(1), out=cosines)


def find_overlap(
    agents: FloatArray,
    scores: FloatArray | None = None,
    *,
    margin: float = CONTESTED_MARGIN,
    most: int = MOST_PAIRS,
) -> Overlap:
    """Compare all agents with one another.

    Args:
        agents: Unit rows, shape (agents, dimensions), at least one.
        scores: Queries' scores, minus infinity for who is no candidate, shape (queries, agents);
            see `candidate_scores`. None leaves the queries out.
        margin: Two agents contest a query where the second is no further behind.
        most: So many of the closest pairs.

    Raises:
        RegistryError: There are too many agents to compare each with every other.
    """
    if len(agents) > MOST_AGENTS:
        raise RegistryError(
            f"{len(agents):,} agents are too many to compare each with every other: split the "
            f"registry into parts of at most {MOST_AGENTS:,}."
        )
    matrix = similarity_matrix(agents) if len(agents) <= MOST_IN_MATRIX else None
    first, second, similarities = _closest(agents, matrix, most)
    typical, stands_out_from = _spread(_sample(agents, matrix))
    return Overlap(
        matrix=matrix,
        first=first,
        second=second,
        similarities=similarities,
        stands_out_from=stands_out_from,
        typical=typical,
        contests=() if scores is None else find_contests(scores, margin),
        queries=0 if scores is None else len(scores),
        margin=margin,
    )


def candidate_scores(labelled: Labelled, policy: Policy) -> FloatArray:
    """Return a set's scores, minus infinity for whom the tag filter removes.

    Args:
        labelled: All agents' similarities.
        policy: For the filter and the lexical weight.

    Returns:
        Shape (cases, agents).
    """
    evidence = labelled.evidence
    scores = total_scores(evidence.similarities, evidence.lexical, policy.lexical_weight)
    return np.where(labelled.removed, np.float32(-np.inf), scores) if policy.use_tags else scores


def find_contests(scores: FloatArray, margin: float = CONTESTED_MARGIN) -> tuple[Contest, ...]:
    """Find the pairs of agents that contest queries, most queries first, then registry order.

    Args:
        scores: Minus infinity for who is no candidate, shape (queries, agents).
        margin: The second best is no further behind.
    """
    queries, agents = scores.shape
    if agents < 2 or not queries:  # noqa: PLR2004 - a pair
        return ()
    rows = np.arange(queries)
    best = scores.argmax(axis=1)
    others = scores.copy()
    others[rows, best] = -np.inf
    runner_up = others.argmax(axis=1)
    behind = others[rows, runner_up]
    leads = np.where(np.isfinite(behind), scores[rows, best] - behind, np.inf)
    close = np.flatnonzero(leads <= np.float32(margin))
    first = np.minimum(best, runner_up)[close]
    second = np.maximum(best, runner_up)[close]
    order = np.lexsort((close, leads[close], second, first))
    pairs = (first * agents + second)[order]
    found = []
    for part in np.split(order, np.flatnonzero(np.diff(pairs)) + 1):
        if len(part):
            held = close[part]
            pair = int(first[part[0]]), int(second[part[0]])
            lead = leads[held].astype(np.float32, copy=False)
            found.append(Contest(*pair, held, lead, np.equal(best[held], pair[0])))
    return tuple(sorted(found, key=lambda contest: -len(contest.rows)))


def _closest(
    agents: FloatArray, matrix: FloatArray | None, most: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the closest pairs, a block of rows at a time; equal ones keep registry order."""
    count = len(agents)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        block = (
            agents[start:end] @ agents[start:].T if matrix is None else matrix[start:end, start:]
        )
        # Each pair once, and nobody with itself.
        later = np.tri(end - start, count - start, dtype=np.bool_)
        values = np.where(later, np.float32(-np.inf), block)
        first, second = _highest(values, most)
        parts.append((first + start, second + start, values[first, second]))
    first, second, found = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((second, first, -found))[:most]
    return first[order], second[order], np.clip(found[order], np.float32(-1), np.float32(1))


def _highest(values: FloatArray, most: int) -> tuple[IntArray, IntArray]:
    """Return where the highest finite values stand, equal ones with them, in row order.

    The highest of each row bound from below what can be among them: few values are left.
    """
    tops = values.max(axis=1)
    least = np.sort(tops)[-most] if most <= len(tops) else np.float32(-np.inf)
    rows = np.flatnonzero(np.isfinite(tops) & (tops >= least))
    found, columns = np.nonzero((values[rows] >= least) & np.isfinite(values[rows]))
    return rows[found], columns


def _sample(agents: FloatArray, matrix: FloatArray | None) -> FloatArray:
    """Return the similarities of pairs, all of them or evenly many; for quantiles.

    Every pair (i, i + step) of some steps: a step takes one pair an agent.
    """
    count = len(agents)
    steps = range(1, count)
    fewer = max(1, (count * (count - 1) // 2) // _SAMPLED)
    parts = [
        np.diagonal(matrix, step)
        if matrix is not None
        else np.einsum("ad,ad->a", agents[:-step], agents[step:])
        for step in steps[::fewer]
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _spread(sample: FloatArray) -> tuple[float, float]:
    """Return the median of pairs, NaN without any, and from where a pair stands out."""
    if not len(sample):
        return float("nan"), CLOSE
    median, upper = (float(value) for value in np.quantile(sample, (0.5, 0.75)))
    if len(sample) < FEWEST_PAIRS:
        return median, CLOSE
    return median, median + DEVIATIONS * _NORMAL * (upper - median)
