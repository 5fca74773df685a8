"""Exact similarity: one matrix in memory, one product a query.

Below about 100 MB of vectors (100,000 agents at 256 dimensions) nothing is faster; see
`docs/architecture.md`.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from handoff.core.learning import NOBODY, Learned, Lessons, learn, score_queries
from handoff.core.model import FloatArray, IntArray, Registry
from handoff.core.scoring import similarities
from handoff.core.texts import TEXT_VERSION, agent_text
from handoff.core.word_overlap import normal_form
from handoff.index.learned_file import load_learned, save_learned
from handoff.protocols import Embedder
from handoff.trace import note


class ExactIndex:
    """All agents of one registry, and what its examples teach; see `VectorIndex`."""

    def __init__(self, registry: Registry, embedder: Embedder, kept_in: Path | None = None) -> None:
        """Embed nothing yet.

        Args:
            registry: The agents and their examples.
            embedder: Makes the vectors.
            kept_in: The folder where what was learned is kept; None to learn it again each time.
        """
        self._texts = [agent_text(agent) for agent in registry.agents]
        self._registry = registry
        self._embedder = embedder
        self._kept_in = kept_in
        self._owner: IntArray = np.arange(len(registry), dtype=np.intp)
        self._matrix: FloatArray | None = None
        self._learned: Learned | None = None
        self._rows: dict[str, int] = {}
        self._embedding = asyncio.Lock()
        self._blas = ThreadpoolController().select(user_api="blas").lib_controllers

    @property
    def learned(self) -> Learned | None:
        """What the examples taught; None without examples, or before `prepare`."""
        return self._learned

    async def prepare(self) -> None:
        """Embed the registry in one batch, and learn from its examples, the first time."""
        if self._matrix is None:
            async with self._embedding:
                if self._matrix is None:
                    queries = [example.query for example in self._registry.examples]
                    rows = await self._embedder.embed([*self._texts, *queries])
                    agents = len(self._texts)
                    if queries:
                        await asyncio.to_thread(self._learn, rows[:agents], rows[agents:])
                    self._matrix = rows[:agents]
                    return
        count = len(self._texts) + len(self._registry.examples)
        note(count=count, cached=count)

    def search(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Return the similarity of every query with every agent, shape (queries, agents), and None.

        Without examples it is the cosine.
        """
        if self._matrix is None:
            raise RuntimeError("prepare() comes before search()")
        with self._one_thread():
            if self._learned is not None:
                return score_queries(vectors, queries, self._learned), None
            return similarities(vectors, self._matrix, self._owner), None

    def search_held_out(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Search as `search` does, but score a query that is an example as if it were none."""
        scores, positions = self.search(vectors, queries)
        if self._learned is not None:
            for at, query in enumerate(queries):
                row = self._rows.get(normal_form(query))
                if row is not None:
                    scores[at] = self._learned.held_out[row]
        return scores, positions

    def _learn(self, agents: FloatArray, vectors: FloatArray) -> None:
        """Learn from the examples, or load what was learned from just these."""
        examples = self._registry.examples
        positions = self._registry.positions
        owners = [
            NOBODY if example.agent is None else positions[example.agent] for example in examples
        ]
        texts = tuple(example.query for example in examples)
        lessons = Lessons(texts, vectors, np.array(owners, dtype=np.intp))
        key = f"{self._embedder.identity} {TEXT_VERSION} {self._registry.fingerprint}"
        learned = load_learned(self._kept_in, key, agents, lessons)
        if learned is None:
            with self._one_thread():
                learned = learn(agents, lessons)
            save_learned(self._kept_in, key, learned)
        self._rows = {normal_form(text): row for row, text in enumerate(texts)}
        self._learned = learned

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


class HeldOutIndex:
    """An index for evaluations: no example helps to answer itself; see `VectorIndex`."""

    def __init__(self, index: ExactIndex) -> None:
        """Share everything with the index."""
        self._index = index

    @property
    def learned(self) -> Learned | None:
        """What the examples taught; see `ExactIndex`."""
        return self._index.learned

    async def prepare(self) -> None:
        """Prepare the index that is shared."""
        await self._index.prepare()

    def search(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Return what `ExactIndex.search_held_out` returns."""
        return self._index.search_held_out(vectors, queries)
