"""`choose_tags` for many queries at once: the same tags, bit for bit, at a tenth of the time.

Sums are added up in the same order as there, so that no tie falls otherwise.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handoff.core.model import FloatArray, IntArray
from handoff.core.tagging import (
    DOUBT,
    ENOUGH_TAGS,
    FLOOR,
    NAMED,
    TagPairs,
    believe,
    weigh_pairs,
)

DoubleArray = NDArray[np.float64]

_NONE = -1
_CELLS_AT_ONCE = 250_000
"""Queries times pairs: what a processor's cache holds."""


def named_tags(pairs: TagPairs, stems_of: Sequence[tuple[str, ...]]) -> tuple[IntArray, IntArray]:
    """Find the tags whose words stand in the queries, in sequence.

    Args:
        pairs: The registry's.
        stems_of: Each query's stems.

    Returns:
        Queries and tags, as their numbers, both of shape (found,).
    """
    found = [
        (query, tag)
        for query, words in enumerate(stems_of)
        for at, word in enumerate(words)
        if word in pairs.phrases
        for phrase, tag in pairs.phrases[word]
        if words[at : at + len(phrase)] == phrase
    ]
    queries, tags = np.array(found, dtype=np.intp).reshape(-1, 2).T
    return queries, tags


def choose_tags_of_many(
    pairs: TagPairs,
    named: tuple[IntArray, IntArray],
    agent_similarities: FloatArray,
    tag_similarities: FloatArray,
    content: FloatArray,
) -> list[tuple[str, ...]]:
    """Choose each query's tags as `choose_tags` does.

    Args:
        pairs: The registry's.
        named: From `named_tags`.
        agent_similarities: Every query's cosine with every agent's text, shape (queries, agents).
        tag_similarities: With every tag's name, shape (queries, vocabulary).
        content: How much each query says, in typical tokens, shape (queries,).
    """
    if not len(pairs.tags):
        return [()] * len(content)
    names = tag_similarities.copy()
    names[named] = np.maximum(names[named], np.float32(NAMED))
    at_once = max(1, _CELLS_AT_ONCE // len(pairs.tags))
    chosen: list[tuple[str, ...]] = []
    for first in range(0, len(content), at_once):
        part = slice(first, first + at_once)
        chosen += _choose(pairs, agent_similarities[part], names[part], content[part])
    return chosen


def _choose(
    pairs: TagPairs, agents: FloatArray, names: FloatArray, content: FloatArray
) -> list[tuple[str, ...]]:
    likeliest = agents.argmax(axis=1)
    own = _own_tags(pairs, agents.shape[1])
    evidence = weigh_pairs(agents.take(pairs.agents, axis=1), names.take(pairs.tags, axis=1))
    rows = np.flatnonzero(own[likeliest, 0] != _NONE)
    found: list[list[int]] = [[] for _ in range(len(agents))]
    if len(rows):
        # In double precision, as Python counts.
        said = content[rows].astype(np.float64)
        _cover(pairs, rows, evidence[rows], said, own[likeliest[rows]], found)
    return [tuple(pairs.vocabulary[tag] for tag in tags) for tags in found]


def _cover(  # noqa: PLR0913, PLR0917 - arrays of one shape, narrowed together
    pairs: TagPairs,
    rows: IntArray,
    evidence: FloatArray,
    said: DoubleArray,
    own: IntArray,
    found: list[list[int]],
) -> None:
    """Add tags to the queries in `rows` until each one's likely agents are covered.

    Args:
        pairs: The registry's.
        rows: Places in `found`, shape (queries,).
        evidence: For each pair, shape (queries, pairs).
        said: How much each query says, in typical tokens, shape (queries,).
        own: The tags of each query's most similar agent, in its order, shape (queries, most).
        found: Receives tags' numbers; none where two do not cover a query's agents.
    """
    size, groups = len(pairs.vocabulary), len(pairs.starts)
    carries = np.zeros((size, groups), dtype=np.bool_)
    carries[np.repeat(np.arange(size), np.diff(pairs.carriers_from)), pairs.carriers] = True
    group_of = np.searchsorted(pairs.starts, np.arange(len(pairs.tags)), side="right") - 1
    belief = believe(evidence)
    gains = _by_tag(belief, pairs.tags, size)
    for turn in range(ENOUGH_TAGS):
        tags = gains.argmax(axis=1) if turn else _best_of(own, gains)
        best = np.where(pairs.tags == tags[:, None], evidence, -np.inf).max(axis=1)
        strength = best.astype(np.float64) * said / (said + DOUBT)
        likely = strength >= FLOOR * pairs.chances
        gone = carries[tags][:, group_of]
        gains -= _by_tag(np.where(gone, belief, 0), pairs.tags, size)
        belief[gone] = 0
        left = belief.any(axis=1)
        last = turn + 1 == ENOUGH_TAGS
        for row, tag, kept in zip(
            rows.tolist(), tags.tolist(), (likely & ~(left & last)).tolist(), strict=True
        ):
            found[row] = [*found[row], tag] if kept else []
        going_on = likely & left
        if not going_on.any():
            return
        rows, evidence, said = rows[going_on], evidence[going_on], said[going_on]
        belief, gains = belief[going_on], gains[going_on]


def _own_tags(pairs: TagPairs, agents: int) -> IntArray:
    """Return each agent's tags in its order, filled up with `_NONE`, shape (agents, most)."""
    counts = np.bincount(pairs.agents, minlength=agents)
    own = np.full((agents, int(counts.max())), _NONE, dtype=np.intp)
    place = np.arange(len(pairs.agents)) - np.repeat(np.cumsum(counts) - counts, counts)
    own[pairs.agents, place] = pairs.tags
    return own


def _best_of(own: IntArray, gains: DoubleArray) -> IntArray:
    """Return the tag that gains most among each row's own; ties: the first."""
    rows = np.arange(len(own))
    gained = np.where(own == _NONE, -np.inf, gains[rows[:, None], own])
    best: IntArray = own[rows, gained.argmax(axis=1)]
    return best


def _by_tag(belief: FloatArray, tags: IntArray, size: int) -> DoubleArray:
    """Add up the pairs of each tag in double precision, shape (queries, vocabulary)."""
    places = np.arange(len(belief))[:, None] * size + tags
    added = np.bincount(places.ravel(), belief.ravel(), len(belief) * size)
    return added.astype(np.float64, copy=False).reshape(len(belief), size)
