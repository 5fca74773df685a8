"""The agents as vectors, and how queries are compared with them.

A description of several phrases is compared as a whole and by its phrases:

    score = cos(query, whole) + 0.3 * (highest cos(query, phrase) - cos(query, whole))

A query is mostly about one thing that an agent does, and the vector of a long list lies between
all of them. Where a description is one phrase, the score is the cosine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.model import Agent, FloatArray, IntArray
from handoff.core.texts import agent_texts

PHRASES = np.float32(0.3)
"""How much the nearest phrase counts; from .2 to .4 do about as well: docs/embedded-model.md."""


@dataclass(frozen=True, slots=True, eq=False)
class AgentRows:
    """Unit rows of agents.

    Attributes:
        wholes: Of name and description, shape (agents, d).
        phrases: Of the phrases of descriptions that have several, shape (phrases, d).
        owner: The position of the agent whose each phrase is, ascending, shape (phrases,).
    """

    wholes: FloatArray
    phrases: FloatArray
    owner: IntArray

    def __len__(self) -> int:
        return len(self.wholes)


@dataclass(frozen=True, slots=True, eq=False)
class AgentTexts:
    """What has to be embedded of agents.

    Attributes:
        texts: One an agent, in order, then the phrases.
        owner: The position of the agent whose each phrase is, ascending, shape (phrases,).
    """

    texts: Sequence[str]
    owner: IntArray

    def rows(self, vectors: FloatArray) -> AgentRows:
        """Take the texts' unit rows apart, shape (texts, d); nothing is copied."""
        agents = len(self.texts) - len(self.owner)
        return AgentRows(vectors[:agents], vectors[agents:], self.owner)

    def rows_from(self, row_of: Mapping[str, FloatArray]) -> AgentRows:
        """Look the texts' unit rows up, each of shape (d,)."""
        return self.rows(np.stack([row_of[text] for text in self.texts]))


def texts_of(agents: Sequence[Agent]) -> AgentTexts:
    """List what has to be embedded of at least one agent."""
    wholes: list[str] = []
    phrases: list[str] = []
    owner: list[int] = []
    for position, agent in enumerate(agents):
        whole, *own = agent_texts(agent)
        wholes.append(whole)
        if own:
            phrases += own
            owner += [position] * len(own)
    return AgentTexts(wholes + phrases, np.array(owner, dtype=np.intp))


def compare(vectors: FloatArray, agents: AgentRows) -> FloatArray:
    """Return the similarity of every query with every agent.

    Args:
        vectors: The queries' unit rows, shape (queries, d).
        agents: Theirs.

    Returns:
        Shape (queries, agents), between -1 and 1.
    """
    scores = _cosines(vectors, agents.wholes)
    if len(agents.owner):
        starts = np.flatnonzero(np.diff(agents.owner, prepend=-1))
        of_several = agents.owner[starts]
        nearest = np.maximum.reduceat(_cosines(vectors, agents.phrases), starts, axis=1)
        whole = scores[:, of_several]
        scores[:, of_several] = whole + PHRASES * (nearest - whole)
    return scores


def _cosines(vectors: FloatArray, matrix: FloatArray) -> FloatArray:
    # For a single query the product of matrix and vector is the faster one.
    one = len(vectors) == 1
    products: FloatArray = (matrix @ vectors[0])[None, :] if one else vectors @ matrix.T
    np.minimum(products, 1, out=products)
    np.maximum(products, -1, out=products)
    return products
