"""Exact similarity: one matrix in memory, one product a query.

Below about 100 MB of vectors (100,000 agents at 256 dimensions) nothing is faster; see
`docs/architecture.md`.
"""

import asyncio
from collections.abc import Sequence

import numpy as np

from handoff.core.model import FloatArray, IntArray, Registry
from handoff.core.scoring import similarities
from handoff.core.texts import agent_text
from handoff.index.one_thread import OneThread
from handoff.protocols import Embedder
from handoff.trace import note


class ExactIndex:
    """The cosine of a query with every agent of one registry; see `VectorIndex`."""

    learned = None

    def __init__(self, registry: Registry, embedder: Embedder) -> None:
        """Embed nothing yet; examples of the registry are left alone."""
        self._texts = [agent_text(agent) for agent in registry.agents]
        self._embedder = embedder
        self._owner: IntArray = np.arange(len(registry), dtype=np.intp)
        self._matrix: FloatArray | None = None
        self._embedding = asyncio.Lock()
        self._one_thread = OneThread()

    async def prepare(self, agents: FloatArray | None = None) -> None:
        """Embed the agents in one batch, the first time, unless their rows are given."""
        if self._matrix is None:
            async with self._embedding:
                if self._matrix is None:
                    self._matrix = agents
                    if agents is None:
                        self._matrix = await self._embedder.embed(self._texts)
                    return
        note(count=len(self._texts), cached=len(self._texts))

    async def search(
        self,
        vectors: FloatArray,
        queries: Sequence[str],  # noqa: ARG002 - a cosine has no use for words
    ) -> tuple[FloatArray, IntArray | None]:
        """Return the cosine of every query with every agent, shape (queries, agents), and None."""
        if self._matrix is None:
            raise RuntimeError("prepare() comes before search()")
        with self._one_thread.hold():
            return similarities(vectors, self._matrix, self._owner), None
