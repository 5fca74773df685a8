"""The embedded model: no key, no network; its weights travel inside an installed package.

The package's own loader is left out on purpose: it imports an HTTP client, looks for its tokenizer
in the wrong folder and then asks a hub, and takes over the root logger. Reading its two files
takes a seventh of the time and leads nowhere. A test holds the vectors against the package's.
"""

import functools
import hashlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from handoff.core.errors import ProviderError
from handoff.core.model import EvidenceSet, FloatArray, Registry
from handoff.core.scoring import unit
from handoff.core.tagging import choose_tags, likeliest_tags, pair_tags
from handoff.core.tags_again import TagsBySimilarity
from handoff.protocols import Embedder, VectorIndex
from handoff.trace import note

Loaded = TypeVar("Loaded")

PACKAGE = "wordllama"
CONFIGURATION = "l2_supercat"
DIMENSIONS = 256

TAGGING_VERSION = 1
"""Part of the tag extractor's identity: raise it whenever `core.tagging` decides otherwise."""

# So few that their rows, 4 MB, stay in a processor's cache until they are added up.
_TOKENS_AT_ONCE = 4_096
_QUERIES_AT_ONCE = 256


class LocalEmbedder:
    """A text's vector is the mean of its tokens' vectors, at length one."""

    label = "the embedded model (wordllama)"
    paid = False
    dimensions = DIMENSIONS
    # Found by an exact sweep over cases.csv; docs/embedded-model.md says how and what it costs.
    default_threshold = 0.23
    # On the public sets one similarity in a thousand lies below, and above only the best ones of
    # queries that repeat a description.
    typical_similarities = (-0.2, 0.8)
    # benchmarks/languages.py shows what becomes of others.
    scripts = frozenset({"Latin"})

    @property
    def identity(self) -> str:
        """Package, version, configuration, dimensions and a hash of both files."""
        return _noted(_identity)

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 256); see `Embedder`."""
        sums, _ = _pooled(tuple(texts))
        return unit(sums)


class LocalTagExtractor:
    """Tags by words and by similarity, in the context of the agents that carry a tag."""

    label = "similarity"
    paid = False

    def __init__(self, registry: Registry, embedder: Embedder, index: VectorIndex) -> None:
        """Embed nothing yet.

        Args:
            registry: Whose vocabulary to choose from.
            embedder: A `LocalEmbedder`, cached or not.
            index: All of the registry's agents, by the same embedder.
        """
        self._pairs = pair_tags(registry)
        self._embedder = embedder
        self._index = index
        self._names: FloatArray | None = None

    @property
    def identity(self) -> str:
        """The rule's version and the embedder that it judges by."""
        return f"similarity-{TAGGING_VERSION}-{self._embedder.identity}"

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return at most five tags a query, best first; see `TagExtractor`."""
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
            content=load_model().pool(evidence.queries)[1],
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
        await self._index.prepare()
        tag_rows = await self._name_rows()
        tags: list[tuple[str, ...]] = []
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            part = queries[first : first + _QUERIES_AT_ONCE]
            sums, content = _pooled(tuple(part))
            vectors = unit(sums)
            agents, _ = await self._index.search(vectors, part)
            names = vectors @ tag_rows.T
            rows = zip(part, agents, names, content.tolist(), strict=True)
            tags += [weigh(*row) for row in rows]
        return tags

    async def _name_rows(self) -> FloatArray:
        """Return the unit rows of the tags' names, shape (vocabulary, dimensions)."""
        if self._names is None:
            self._names = await self._embedder.embed(self._pairs.vocabulary)
        return self._names


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    """A tokenizer and what its tokens stand for.

    Attributes:
        tokenizer: Text to token numbers, a `tokenizers.Tokenizer`.
        weights: One row a token, shape (tokens, 256).
        content: The length of each row, in lengths of the median row, shape (tokens,). The model
            learned short rows for words that say little.
    """

    tokenizer: Any
    weights: FloatArray
    content: FloatArray

    def pool(self, texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Add up each text's token rows.

        Texts are not padded to one length: a long one among short ones costs no memory, and a
        text's vector does not depend on its neighbours.

        Returns:
            The sums, shape (texts, 256), and the sums of the tokens' content, shape (texts,).
        """
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        content = np.zeros(len(texts), dtype=np.float32)
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        first = 0
        while first < len(texts):
            last = first
            tokens: list[int] = []
            starts: list[int] = []
            filled: list[int] = []
            while last < len(texts) and len(tokens) < _TOKENS_AT_ONCE:
                if ids[last]:
                    filled.append(last)
                    starts.append(len(tokens))
                    tokens += ids[last]
                last += 1
            if filled:
                rows[filled] = np.add.reduceat(self.weights[tokens], starts, axis=0)
                content[filled] = np.add.reduceat(self.content[tokens], starts)
            first = last
        return rows, content


@functools.lru_cache(maxsize=1)
def _pooled(texts: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Pool texts once, though they are embedded and tagged; see `_Model.pool`."""
    pooled = load_model().pool(texts)
    for array in pooled:
        array.setflags(write=False)
    return pooled


def _files() -> tuple[str, Path, Path]:
    """Return the package's version, its weights and its tokenizer."""
    from importlib.metadata import version  # noqa: PLC0415 - as in `_load`

    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ProviderError(f"The embedded model is not installed: install the package {PACKAGE}.")
    folder = Path(spec.origin).parent
    return (
        version(PACKAGE),
        folder / "weights" / f"{CONFIGURATION}_{DIMENSIONS}.safetensors",
        folder / "tokenizers" / f"{CONFIGURATION}_tokenizer_config.json",
    )


@functools.cache
def _identity() -> str:
    version, *files = _files()
    digest = hashlib.sha256()
    for file in files:
        digest.update(_read(file))
    return f"{PACKAGE}-{version}-{CONFIGURATION}-{DIMENSIONS}-{digest.hexdigest()[:12]}"


def load_model() -> _Model:
    """Return the model, loaded on first use, once a process."""
    return _noted(_load)


def _noted(load: "functools._lru_cache_wrapper[Loaded]") -> Loaded:
    """Load, or return what was loaded; the span that waited for it says how long."""
    if load.cache_info().currsize:
        return load()
    started = time.perf_counter()
    loaded = load()
    note(load_ms=(time.perf_counter() - started) * 1000)
    return loaded


@functools.cache
def _load() -> _Model:
    # Only who uses the model pays for what loads it.
    import safetensors.numpy  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    _, weights, tokenizer = _files()
    encoder = Tokenizer.from_buffer(_read(tokenizer))
    encoder.no_padding()
    encoder.no_truncation()
    matrix = safetensors.numpy.load(_read(weights))["embedding.weight"]
    rows = np.asarray(matrix, dtype=np.float32)
    lengths = np.sqrt(np.einsum("td,td->t", rows, rows))
    median = np.sort(lengths)[len(lengths) // 2]
    return _Model(encoder, rows, lengths / median)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as failure:
        raise ProviderError(
            f"The embedded model's file {file.name} cannot be read: install {PACKAGE} again."
        ) from failure
