"""Tags without a language model, by how like a query is to agents and to tags' names."""

from collections.abc import Callable, Sequence

from handoff.core.model import EvidenceSet, FloatArray, Registry
from handoff.core.tagging import choose_tags, likeliest_tags, pair_tags
from handoff.core.tags_again import TagsBySimilarity
from handoff.protocols import Embedder, VectorIndex
from handoff.providers.embedded import EmbeddedModel
from handoff.trace import note

TAGGING_VERSION = 2
"""Part of the tag extractor's identity: raise it whenever `core.tagging` decides otherwise."""

_QUERIES_AT_ONCE = 256


class LocalTagExtractor:
    """Tags by words and by similarity, in the context of the agents that carry a tag."""

    label = "similarity"
    paid = False

    def __init__(
        self,
        registry: Registry,
        model: EmbeddedModel,
        index: VectorIndex,
        cached: Embedder | None = None,
    ) -> None:
        """Embed nothing yet.

        Args:
            registry: Whose vocabulary to choose from.
            model: Says how like two texts are, and how much a query says.
            index: All of the registry's agents, by the same model.
            cached: The same model, where it remembers what it embedded.
        """
        self._pairs = pair_tags(registry)
        self._model = model
        self._embedder = cached or model
        # What takes longer to look up than to embed is embedded again.
        self._asked = model if model.quick else self._embedder
        self._index = index
        self._names: FloatArray | None = None

    @property
    def identity(self) -> str:
        """The rule's version and the embedder that it judges by."""
        return f"similarity-{TAGGING_VERSION}-{self._embedder.identity}"

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return one or two tags a query, best first, or none; see `TagExtractor`."""
        tags = await self._weighed(queries, lambda *row: choose_tags(self._pairs, *row))
        note(count=len(queries), cached=0)
        return list(tags)

    async def choose_again(self, evidence: EvidenceSet) -> TagsBySimilarity | None:
        """Compare the queries with the tags' names, from the vectors at hand.

        None where the evidence holds vectors of another model, or other tags than its own.
        """
        if (evidence.embedder, evidence.tagger) != (self._embedder.identity, self.identity):
            return None
        return TagsBySimilarity(
            queries=evidence.queries,
            vectors=evidence.vectors,
            content=self._model.content(evidence.queries),
            names=self._pairs.vocabulary,
            similarities=evidence.vectors @ (await self._name_rows()).T,
        )

    async def shortlist(self, queries: Sequence[str], most: int) -> list[tuple[str, ...]]:
        """Return the likeliest tags of each query, for a model that can weigh only so many."""
        return await self._weighed(
            queries,
            lambda _, agents, names, __: likeliest_tags(self._pairs, agents, names, most),
        )

    async def _weighed(
        self,
        queries: Sequence[str],
        weigh: Callable[[str, FloatArray, FloatArray, float], tuple[str, ...]],
    ) -> list[tuple[str, ...]]:
        """Weigh each query's similarities with agents and tags' names, and what it says."""
        if not self._pairs.vocabulary:
            return [()] * len(queries)
        # First of all, while the router waits for the same vectors: they are embedded once.
        vectors = await self._asked.embed(queries)
        content = self._model.content(queries)
        await self._index.prepare()
        tag_rows = await self._name_rows()
        tags: list[tuple[str, ...]] = []
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(first, first + _QUERIES_AT_ONCE)
            agents, _ = await self._index.search(vectors[part], queries[part])
            names = vectors[part] @ tag_rows.T
            rows = zip(queries[part], agents, names, content[part].tolist(), strict=True)
            tags += [weigh(*row) for row in rows]
        return tags

    async def _name_rows(self) -> FloatArray:
        """Return the unit rows of the tags' names, shape (vocabulary, dimensions)."""
        if self._names is None:
            self._names = await self._embedder.embed(self._pairs.vocabulary)
        return self._names
