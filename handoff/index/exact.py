"""Exact similarity: one matrix in memory, one product a query.

Below about 100 MB of vectors (100,000 agents at 256 dimensions) nothing is faster; see
`docs/architecture.md`.
"""

import asyncio
from collections.abc import Sequence

from handoff.core.agent_rows import AgentRows, compare, texts_of
from handoff.core.model import FloatArray, IntArray, Registry
from handoff.index.one_thread import OneThread
from handoff.protocols import Embedder
from handoff.trace import note


class ExactIndex:
    """The similarity of a query with every agent of one registry; see `VectorIndex`."""

    learned = None

    def __init__(self, registry: Registry, embedder: Embedder) -> None:
        """Embed nothing yet; examples of the registry are left alone."""
        self._texts = texts_of(registry.agents)
        self._embedder = embedder
        self._agents: AgentRows | None = None
        self._embedding = asyncio.Lock()
        self._one_thread = OneThread()

    async def prepare(self, agents: AgentRows | None = None) -> None:
        """Embed the agents in one batch, the first time, unless their rows are given."""
        texts = self._texts.texts
        if self._agents is None:
            async with self._embedding:
                if self._agents is None:
                    if agents is None:
                        agents = self._texts.rows(await self._embedder.embed(texts))
                    self._agents = agents
                    return
        note(count=len(texts), cached=len(texts))

    async def search(
        self,
        vectors: FloatArray,
        queries: Sequence[str],  # noqa: ARG002 - vectors are all it compares
    ) -> tuple[FloatArray, IntArray | None]:
        """Return every query's similarity with every agent, shape (queries, agents), and None."""
        if self._agents is None:
            raise RuntimeError("prepare() comes before search()")
        with self._one_thread.hold():
            return compare(vectors, self._agents), None
