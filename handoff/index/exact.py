"""Exact similarity: one matrix in memory, one product a query.

Below about 100 MB of vectors (100,000 agents at 256 dimensions) nothing is faster; see
`docs/architecture.md`.
"""

import asyncio

import numpy as np
from threadpoolctl import ThreadpoolController

from handoff.core.model import FloatArray, IntArray, Registry
from handoff.core.scoring import similarities
from handoff.core.texts import agent_text
from handoff.protocols import Embedder
from handoff.trace import note


class ExactIndex:
    """All agents of one registry; see `VectorIndex`."""

    def __init__(self, registry: Registry, embedder: Embedder) -> None:
        """Embed nothing yet."""
        self._texts = [agent_text(agent) for agent in registry.agents]
        self._embedder = embedder
        self._owner: IntArray = np.arange(len(registry), dtype=np.intp)
        self._matrix: FloatArray | None = None
        self._embedding = asyncio.Lock()
        # With two BLAS threads on a busy machine the product takes up to ten times as long.
        self._blas = ThreadpoolController().select(user_api="blas")

    async def prepare(self) -> None:
        """Embed the registry in one batch, the first time."""
        if self._matrix is None:
            async with self._embedding:
                if self._matrix is None:
                    self._matrix = await self._embedder.embed(self._texts)
                    return
        note(count=len(self._texts), cached=len(self._texts))

    def search(self, vectors: FloatArray) -> tuple[FloatArray, IntArray | None]:
        """Return the cosine of every query with every agent, shape (queries, agents), and None."""
        if self._matrix is None:
            raise RuntimeError("prepare() comes before search()")
        with self._blas.limit(limits=1):
            return similarities(vectors, self._matrix, self._owner), None
