"""Labelled queries that correct a cosine: kernel ridge on what the cosine gets wrong.

The similarity of a query with an agent is the plain one plus what the examples add to it. With
cos(q, a_j) the plain one, as `compare` pools it, `level` its mean over examples and agents, and X
the examples' vectors:

    excess[q, j]  = lift[j] * (cos(q, a_j) - level)
    score[q, j]   = clip(level + excess[q, j] + sum_i k(q, x_i) * weights[i, j], -1, 1)
    k(q, x)       = (1 - words) * (exp(2 cos(q, x)) - 1) / (exp(2) - 1) + words * overlap(q, x)
    weights       = (K + (ridge + 2 / examples) * I)^-1 (targets - excess)

`overlap` is the cosine of two bags of words and word pairs, rare ones weighing more. An example's
score should be 1 for its owner, and half a unit below the level for every agent where nobody
should take it. For any other agent the target is part of the cosine's excess: the fraction
`slack` once that agent has many examples of its own, all of it while it has none. A query unlike
every example keeps its cosine, and so does every query while there are no examples.

Agents with examples score higher than those without: the lift makes up for it. With n_j examples
of agent j, and on average `mean` of an agent that has any:

    new[j]  = (mean / 4) / (mean / 4 + n_j)
    lift[j] = 1 + (slope - 1) * new[j]

where slope >= 1 is how much further above the level the examples score with their owners than by
cosine alone, by least squares over held-out scores. An agent without examples is thus lifted as
a whole, and its first examples change its scores by little.

What an example would score had it not been one has a closed form, where H is the inverse above:

    held_out[i, j] = level + targets[i, j] - weights[i, j] / H[i, i]

Slope and threshold are chosen on these scores alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.agent_rows import AgentRows, compare
from handoff.core.model import Example, FloatArray, IntArray, Registry
from handoff.core.word_overlap import WordIndex, index_words, overlap_with, overlap_within

NO_OWNER = -1
"""The owner of an example that nobody should take."""
NOBODY_DEPTH = 0.5
"""How far below the level every agent should score for such an example."""
WORDS = 0.3
"""The share of word overlap in the likeness of two queries."""
RIDGE = 0.1
"""How little a single example is believed."""
SLACK = 0.4
"""The part of its excess that an agent with many examples keeps at another one's."""
SHARED_DOUBT = 2.0
"""Spread over the examples, this is added to the ridge: a single one moves little."""
SHARPNESS = 2.0
"""The constants were found on public sets, and neighbours do as well: docs/learning.md."""

_BEYOND = float(np.nextafter(np.float32(1), np.float32(2)))
"""A threshold that no score reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Examples as arrays; no two of them near-duplicates, see `normal_form`.

    Attributes:
        texts: The queries as typed.
        vectors: Their unit rows, shape (examples, d).
        owners: Agent positions, `NO_OWNER` where nobody should take it, shape (examples,).
    """

    texts: tuple[str, ...]
    vectors: FloatArray
    owners: IntArray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """All that scoring needs.

    Attributes:
        agents: Their unit rows.
        level: The mean cosine of examples and agents; 0 without examples.
        lift: What a cosine's distance from it is multiplied by, at least 1, shape (agents,).
        lessons: The examples.
        words: The examples' words.
        weights: What an example says about an agent, shape (examples, agents).
        held_out: Each example's scores without itself, shape (examples, agents).
        threshold: Best on `held_out`; None if no example is nobody's or all are.
    """

    agents: AgentRows
    level: float
    lift: FloatArray
    lessons: Lessons
    words: WordIndex
    weights: FloatArray
    held_out: FloatArray
    threshold: float | None


def lessons_of(examples: Sequence[Example], vectors: FloatArray, registry: Registry) -> Lessons:
    """Lay examples out as arrays.

    Args:
        examples: Queries with the ids of who should take them.
        vectors: Their unit rows, shape (examples, d).
        registry: The agents.
    """
    owners = [
        NO_OWNER if example.agent is None else registry.positions[example.agent]
        for example in examples
    ]
    texts = tuple(example.query for example in examples)
    return Lessons(texts, vectors, np.array(owners, dtype=np.intp))


def learn(agents: AgentRows, lessons: Lessons) -> Learned:
    """Learn from examples.

    Args:
        agents: Their unit rows.
        lessons: The examples; none is allowed.
    """
    plain = np.ones(len(agents), dtype=np.float32)
    if not len(lessons):
        nothing = np.zeros((0, len(agents)), dtype=np.float32)
        return Learned(agents, 0.0, plain, lessons, index_words(()), nothing, nothing, None)
    cosines = compare(lessons.vectors, agents)
    level = float(cosines.mean())
    excess = cosines - np.float32(level)
    words = index_words(lessons.texts)
    owners = lessons.owners
    near = bend(lessons.vectors @ lessons.vectors.T)
    kernel = (1 - WORDS) * near + WORDS * overlap_within(words, len(lessons))
    kernel[np.diag_indices_from(kernel)] += np.float32(RIDGE + SHARED_DOUBT / len(lessons))
    inverse: FloatArray = np.linalg.inv(kernel).astype(np.float32, copy=False)
    new = newness(owners, len(agents))
    targets = _targets(excess, owners, new, 1 - level)
    _, held_out = _solve(inverse, excess, targets)
    lift = plain + np.float32(slope_of(held_out, excess, owners) - 1) * new
    excess *= lift
    targets = _targets(excess, owners, new, 1 - level)
    weights, held_out = _solve(inverse, excess, targets)
    held_out = _clip(held_out + np.float32(level))
    return Learned(
        agents=agents,
        level=level,
        lift=lift,
        lessons=lessons,
        words=words,
        weights=weights,
        held_out=held_out,
        threshold=best_threshold(held_out, owners),
    )


def score_queries(vectors: FloatArray, texts: Sequence[str], learned: Learned) -> FloatArray:
    """Score queries, shape (queries, agents), from -1 to 1; the plain similarity without examples.

    Args:
        vectors: The queries' unit rows, shape (queries, d).
        texts: The queries as typed.
        learned: From `learn`.
    """
    return correct(compare(vectors, learned.agents), vectors, texts, learned)


def correct(
    cosines: FloatArray,
    vectors: FloatArray,
    texts: Sequence[str],
    learned: Learned,
    positions: IntArray | None = None,
) -> FloatArray:
    """Correct cosines of queries with agents by what was learned; as they are without examples.

    Args:
        cosines: Shape (queries, agents), or those of some agents, shape (queries, returned).
        vectors: The queries' unit rows, shape (queries, d).
        texts: The queries as typed.
        learned: From `learn`.
        positions: Whose cosines they are, shape (queries, returned); None for all agents.
    """
    if not len(learned.lessons):
        return cosines
    level, lift = np.float32(learned.level), learned.lift
    added = likeness(vectors, texts, learned) @ learned.weights
    if positions is not None:
        lift, added = lift[positions], np.take_along_axis(added, positions, axis=1)
    return _clip(level + lift * (cosines - level) + added)


def likeness(vectors: FloatArray, texts: Sequence[str], learned: Learned) -> FloatArray:
    """Compare queries with examples, shape (queries, examples), up to 1.

    `likeness[q, i] * weights[i, j]` is what example i adds to agent j for query q, exactly.
    """
    near = bend(vectors @ learned.lessons.vectors.T)
    return (1 - WORDS) * near + WORDS * overlap_with(learned.words, texts, len(learned.lessons))


@dataclass(frozen=True, slots=True)
class Voice:
    """What one example adds to an agent's score.

    Attributes:
        example: Its place among the examples.
        added: How much; negative where it speaks against the agent.
    """

    example: int
    added: float


def strongest_voice(vector: FloatArray, text: str, learned: Learned, position: int) -> Voice | None:
    """Return the example that adds most to an agent's score for a query; None where none adds.

    Args:
        vector: The query's unit vector, shape (d,).
        text: The query.
        learned: From `learn`.
        position: The agent's.
    """
    if not len(learned.lessons):
        return None
    added = likeness(vector[None, :], [text], learned)[0] * learned.weights[:, position]
    example = int(np.argmax(added))
    return Voice(example, float(added[example])) if added[example] > 0 else None


def best_threshold(scores: FloatArray, owners: IntArray) -> float | None:
    """Find the threshold with the most right answers, halfway between two scores; ties: the lowest.

    Args:
        scores: Shape (examples, agents).
        owners: Agent positions or `NO_OWNER`, shape (examples,).

    Returns:
        None if the examples say too little: none is nobody's, all are, or the threshold does not
        beat selecting always by more than a standard error, w - l > sqrt(w + l).
    """
    nobody = owners == NO_OWNER
    if not nobody.any() or nobody.all():
        return None
    top = scores.max(axis=1)
    order = np.argsort(-top, kind="stable")
    descending = top[order].astype(np.float64)
    gains = (scores.argmax(axis=1) == owners).astype(np.int64) - nobody
    right = np.concatenate([[0], np.cumsum(gains[order])])
    edges = np.concatenate([[_BEYOND], (descending[1:] + descending[:-1]) / 2, [descending[-1]]])
    tied = np.concatenate([[False], descending[1:] == descending[:-1], [False]])
    right[tied] = -len(owners)
    cut = int(np.flatnonzero(right == right.max())[-1])
    changed = np.abs(gains[order[cut:]]).sum()
    if right[cut] - right[-1] <= math.sqrt(changed):
        return None
    return float(edges[cut])


def newness(owners: IntArray, agents: int) -> FloatArray:
    """Tell how little the examples say about each agent, 1 where there are none, (agents,)."""
    counts = np.bincount(owners[owners != NO_OWNER], minlength=agents)
    if not counts.any():
        return np.ones(agents, dtype=np.float32)
    quarter = float(counts[counts > 0].mean()) / 4
    new: FloatArray = (quarter / (quarter + counts)).astype(np.float32)
    return new


def slope_of(held_out: FloatArray, excess: FloatArray, owners: IntArray) -> float:
    """Tell how much further above the level examples score with their owners, at least 1.

    Only examples count whose owner keeps another one when they are held out.
    """
    owned = np.flatnonzero(owners != NO_OWNER)
    owner = owners[owned]
    followed = np.bincount(owner, minlength=excess.shape[1])[owner] > 1
    cosine = excess[owned, owner][followed]
    power = float(cosine @ cosine)
    if power <= 0:
        return 1.0
    return max(1.0, float(held_out[owned, owner][followed] @ cosine) / power)


def bend(cosines: FloatArray) -> FloatArray:
    """Bend cosines so that close examples count more; 0 and 1 stay, and the kernel is valid."""
    bent: FloatArray = np.expm1(SHARPNESS * cosines) / np.float32(math.expm1(SHARPNESS))
    return bent


def _solve(
    inverse: FloatArray, excess: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return weights and held-out scores above the level, both of shape (examples, agents)."""
    weights: FloatArray = inverse @ (targets - excess)
    trust: FloatArray = np.diag(inverse).astype(np.float32, copy=False)
    return weights, targets - weights / trust[:, None]


def _targets(excess: FloatArray, owners: IntArray, new: FloatArray, top: float) -> FloatArray:
    """Tell what examples should score above the level, shape (examples, agents).

    While nobody's examples are more than agents' own, they push down less in proportion: alone
    they would only lower every score.
    """
    owned = np.flatnonzero(owners != NO_OWNER)
    nobodies = len(owners) - len(owned)
    targets = excess * (np.float32(SLACK) + np.float32(1 - SLACK) * new)
    targets[owners == NO_OWNER] = -NOBODY_DEPTH * min(1, len(owned) / max(1, nobodies))
    targets[owned, owners[owned]] = top
    return targets


def _clip(scores: FloatArray) -> FloatArray:
    return np.clip(scores, np.float32(-1), np.float32(1)).astype(np.float32, copy=False)
