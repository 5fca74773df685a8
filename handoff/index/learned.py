"""What a registry's examples teach, laid over any index."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from handoff.core.agent_rows import AgentRows, texts_of
from handoff.core.learning import Learned, correct, learn, lessons_of
from handoff.core.model import FloatArray, IntArray, Registry
from handoff.core.texts import TEXT_VERSION
from handoff.core.word_overlap import normal_form
from handoff.index.learned_file import load_learned, save_learned
from handoff.index.one_thread import OneThread
from handoff.protocols import Embedder, VectorIndex
from handoff.trace import note


class LearnedIndex:
    """The similarities of the index inside, corrected by examples; see `VectorIndex`."""

    def __init__(
        self,
        index: VectorIndex,
        registry: Registry,
        embedder: Embedder,
        kept_in: Path | None = None,
    ) -> None:
        """Embed nothing yet.

        Args:
            index: Over the agents as they are described.
            registry: The agents and their examples, at least one.
            embedder: Makes the vectors, for the index inside as well.
            kept_in: The folder where what was learned is kept; None to learn it again each time.
        """
        self._index = index
        self._registry = registry
        self._embedder = embedder
        self._kept_in = kept_in
        self._texts = texts_of(registry.agents)
        self._queries = [example.query for example in registry.examples]
        self._learned: Learned | None = None
        self._learning = asyncio.Lock()
        self._one_thread = OneThread()

    @property
    def learned(self) -> Learned | None:
        """What the examples taught; None before `prepare`."""
        return self._learned

    async def prepare(self, agents: AgentRows | None = None) -> None:
        """Embed agents and examples in one batch, and learn, the first time."""
        if self._learned is None:
            async with self._learning:
                if self._learned is None:
                    texts = self._texts.texts if agents is None else []
                    rows = await self._embedder.embed([*texts, *self._queries])
                    if agents is None:
                        agents = self._texts.rows(rows[: len(texts)])
                    examples = rows[len(texts) :]
                    await self._index.prepare(agents)
                    self._learned = await asyncio.to_thread(self._learn, agents, examples)
                    return
        count = len(self._texts.texts) + len(self._queries)
        note(count=count, cached=count)

    async def search(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Return the corrected similarities of the agents that the index inside returns."""
        if self._learned is None:
            raise RuntimeError("prepare() comes before search()")
        cosines, positions = await self._index.search(vectors, queries)
        with self._one_thread.hold():
            return correct(cosines, vectors, queries, self._learned, positions), positions

    def _learn(self, agents: AgentRows, vectors: FloatArray) -> Learned:
        """Learn from the examples, or load what was learned from just these."""
        lessons = lessons_of(self._registry.examples, vectors, self._registry)
        key = f"{self._embedder.identity} {TEXT_VERSION} {self._registry.fingerprint}"
        learned = load_learned(self._kept_in, key, agents, lessons)
        if learned is None:
            with self._one_thread.hold():
                learned = learn(agents, lessons)
            save_learned(self._kept_in, key, learned)
        return learned


class HeldOutIndex:
    """An index for evaluations: no example helps to answer itself; see `VectorIndex`."""

    def __init__(self, index: VectorIndex) -> None:
        """Share everything with the index."""
        self._index = index
        self._rows: dict[str, int] | None = None

    @property
    def learned(self) -> Learned | None:
        """What the examples taught."""
        return self._index.learned

    async def prepare(self, agents: AgentRows | None = None) -> None:
        """Prepare the index that is shared."""
        await self._index.prepare(agents)

    async def search(
        self, vectors: FloatArray, queries: Sequence[str]
    ) -> tuple[FloatArray, IntArray | None]:
        """Search as the index does, but score a query that is an example as if it were none."""
        scores, positions = await self._index.search(vectors, queries)
        if self.learned is None:
            return scores, positions
        if self._rows is None:
            texts = self.learned.lessons.texts
            self._rows = {normal_form(text): row for row, text in enumerate(texts)}
        for at, query in enumerate(queries):
            row = self._rows.get(normal_form(query))
            if row is not None:
                held_out = self.learned.held_out[row]
                scores[at] = held_out if positions is None else held_out[positions[at]]
        return scores, positions
