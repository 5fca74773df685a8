"""Vectors, and examples of them, by a seed."""

import numpy as np

from handoff.core.agent_rows import AgentRows
from handoff.core.learning import (
    NO_OWNER,
    Lessons,
)

DIMENSIONS = 16

SAID = ("card", "charged", "twice", "rain", "tomorrow", "roses", "soil", "my", "why")


def unit(rows):
    """Scale rows to length one; rows of nothing stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths, lengths, 1)).astype(np.float32)


def vectors_of(random, count):
    """Return unit rows that point rather the same way, as embeddings do."""
    return unit(random.normal(size=(count, DIMENSIONS)) + 0.3)


def agents_of(random, phrases):
    """Return the rows of agents with so many phrases each."""
    owner = np.repeat(np.arange(len(phrases)), phrases)
    return AgentRows(vectors_of(random, len(phrases)), vectors_of(random, len(owner)), owner)


def of_one_phrase(wholes):
    """Return agents by the rows of their texts, no description having several phrases."""
    return AgentRows(wholes, wholes[:0], np.array([], dtype=np.intp))


def lessons_of(random, owners, said=None):
    """Return examples with these owners, each of words of its own unless told otherwise."""
    if said is None:
        said = [f"{SAID[row % len(SAID)]} number{row}" for row in range(len(owners))]
    return Lessons(tuple(said), vectors_of(random, len(owners)), np.array(owners, dtype=np.intp))


def clusters(random, agents, each, nobodies=0, noise=0.5):
    """Return agents and examples that lie around centres, which the descriptions miss.

    Nobody's examples have a centre of their own; an example's words name its owner.
    """
    centres = vectors_of(random, agents + 1)
    described = unit(centres[:agents] + random.normal(size=(agents, DIMENSIONS)) * 0.35)
    owners = [agent for agent in range(agents) for _ in range(each)] + [NO_OWNER] * nobodies
    rows = unit(centres[owners] + random.normal(size=(len(owners), DIMENSIONS)) * noise)
    said = [f"word{owner} other{row}" for row, owner in enumerate(owners)]
    return of_one_phrase(described), Lessons(tuple(said), rows, np.array(owners, dtype=np.intp))
