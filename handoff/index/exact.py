"""Exact similarity: one matrix in memory, one product a query.

Below about 100 MB of vectors (100,000 agents at 256 dimensions) nothing is faster; see
`docs/architecture.md`.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

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
        self._blas = ThreadpoolController().select(user_api="blas").lib_controllers

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
        with self._one_thread():
            return similarities(vectors, self._matrix, self._owner), None

    @contextmanager
    def _one_thread(self) -> Generator[None]:
        """Hold BLAS to one thread: on a busy machine two take up to ten times as long.

        The controller's own `limit` does the same and takes three times as long to do it.
        """
        before = [library.get_num_threads() for library in self._blas]
        for library in self._blas:
            library.set_num_threads(1)
        try:
            yield
        finally:
            for library, threads in zip(self._blas, before, strict=True):
                library.set_num_threads(threads)
