"""Providers that remember, by content; what is asked for twice at once is asked once."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from statistics import mode

import numpy as np

from handoff.core.errors import Partly, ProviderError, ProviderReplyError, SpendingCapError
from handoff.core.model import EvidenceSet, FloatArray
from handoff.core.texts import TEXT_VERSION
from handoff.protocols import Embedder, TagChooser, TagExtractor
from handoff.providers.openai.vectors import tell_length
from handoff.resilience.cache import VectorCache
from handoff.resilience.single_flight import SingleFlight
from handoff.trace import note

_LENGTH_TOLERANCE = 1e-3


class CachedEmbedder:
    """The same vectors as the embedder inside, each text embedded once."""

    def __init__(self, embedder: Embedder, cache: VectorCache) -> None:
        """Wrap an embedder; its identity is part of every key."""
        self._embedder = embedder
        self._cache = cache
        self._flights: SingleFlight[FloatArray] = SingleFlight(personal=SpendingCapError)
        self._width: int | None = None

    @property
    def identity(self) -> str:
        """The inner embedder's."""
        return self._embedder.identity

    @property
    def label(self) -> str:
        """The inner embedder's."""
        return self._embedder.label

    @property
    def paid(self) -> bool:
        """The inner embedder's."""
        return self._embedder.paid

    @property
    def dimensions(self) -> int | None:
        """The inner embedder's; where that is not known yet, that of the rows that were kept."""
        return self._width or self._embedder.dimensions

    @property
    def default_threshold(self) -> float:
        """The inner embedder's."""
        return self._embedder.default_threshold

    @property
    def typical_similarities(self) -> tuple[float, float]:
        """The inner embedder's."""
        return self._embedder.typical_similarities

    @property
    def scripts(self) -> frozenset[str] | None:
        """The inner embedder's."""
        return self._embedder.scripts

    def cost_usd(self, texts: Sequence[str]) -> float | None:
        """Return the inner embedder's, whatever is kept."""
        return self._embedder.cost_usd(texts)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order, shape (texts, dimensions); see `Embedder`."""
        keys = [self._key(text) for text in texts]
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        note(count=len(texts), cached=len(texts) - sum(key in missing for key in keys))
        if missing or not texts:
            try:
                fresh = await self._flights.run(
                    tuple(missing), lambda: self._embed_and_keep(missing)
                )
            except ProviderError as error:
                raise _told_of_all(error, keys, missing, known) from None
            if len(missing) == len(texts):
                return fresh
            known.update(zip(missing, fresh, strict=True))
        return np.stack([known[key] for key in keys])

    async def _embed_and_keep(self, missing: Mapping[bytes, str]) -> FloatArray:
        """Embed for whoever asks at the same time, and write once."""
        try:
            fresh = await self._embedder.embed(list(missing.values()))
        except ProviderError as error:
            if error.partly is not None:
                self._keep(_taken(error.partly, missing), error.partly.rows)
            raise
        self._keep(tuple(missing), fresh)
        return fresh

    def _keep(self, keys: Sequence[bytes], rows: FloatArray) -> None:
        """Write rows that came; raises ProviderReplyError where those kept have another length."""
        if keys:
            if self._width not in {None, rows.shape[1]}:
                raise ProviderReplyError(tell_length(rows.shape[1], self._width))
            self._width = rows.shape[1]
        self._cache.put(dict(zip(keys, rows, strict=True)))

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Return the stored rows that still have their length; damaged ones are embedded again."""
        stored = self._cache.get(keys)
        width = self.dimensions or mode(map(len, stored.values())) if stored else None
        whole = {key: row for key, row in stored.items() if row.shape == (width,)}
        if not whole:
            return {}
        matrix = np.stack(list(whole.values()))
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.einsum("td,td->t", matrix, matrix)
        sound = np.abs(lengths - 1) < _LENGTH_TOLERANCE
        if sound.any():
            self._width = width
        return {key: whole[key] for key, kept in zip(whole, sound, strict=True) if kept}

    def _key(self, text: str) -> bytes:
        return _digest(self.identity, str(TEXT_VERSION), text)


def _taken(partly: Partly, missing: Iterable[bytes]) -> list[bytes]:
    """Return the keys of the texts that were embedded."""
    return [key for at, key in enumerate(missing) if at not in partly.reasons]


def _told_of_all(
    error: ProviderError,
    keys: Sequence[bytes],
    missing: Mapping[bytes, str],
    known: dict[bytes, FloatArray],
) -> ProviderError:
    """Return the error with what was known before beside what was embedded now.

    Args:
        error: Of the missing texts; everybody who waited for them has it.
        keys: Of all texts.
        missing: Those that were asked for.
        known: The others' rows.
    """
    partly = error.partly
    if partly is None:
        return error
    rows = known | dict(zip(_taken(partly, missing), partly.rows, strict=True))
    why = {key: partly.reasons[at] for at, key in enumerate(missing) if at in partly.reasons}
    reasons = {at: why[key] for at, key in enumerate(keys) if key in why}
    others = [rows[key] for key in keys if key in rows]
    told = copy(error)
    told.partly = Partly(reasons, np.stack(others) if others else partly.rows)
    return told


class CachedTagExtractor:
    """The same tags as the extractor inside, each query asked once.

    Tags are kept as their places in the vocabulary, which is part of the extractor's identity.
    """

    def __init__(self, tagger: TagExtractor, cache: VectorCache, vocabulary: Sequence[str]) -> None:
        """Wrap an extractor; its identity is part of every key."""
        self._tagger = tagger
        self._cache = cache
        self._vocabulary = vocabulary
        self._places = {tag: place for place, tag in enumerate(vocabulary)}
        self._flights: SingleFlight[list[tuple[str, ...] | None]] = SingleFlight(
            personal=SpendingCapError
        )

    @property
    def identity(self) -> str:
        """The inner extractor's."""
        return self._tagger.identity

    @property
    def label(self) -> str:
        """The inner extractor's."""
        return self._tagger.label

    @property
    def paid(self) -> bool:
        """The inner extractor's."""
        return self._tagger.paid

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return at most five tags a query; see `TagExtractor`."""
        keys = [_digest(self.identity, query) for query in queries]
        known: dict[bytes, tuple[str, ...] | None] = {
            key: self._read(row) for key, row in self._cache.get(keys).items()
        }
        missing = {key: query for key, query in zip(keys, queries, strict=True) if key not in known}
        note(count=len(queries), cached=len(queries) - sum(key in missing for key in keys))
        if missing:
            fresh = await self._flights.run(
                tuple(missing), lambda: self._tagger.extract(list(missing.values()))
            )
            new = dict(zip(missing, fresh, strict=True))
            self._cache.put(
                {key: self._written(tags) for key, tags in new.items() if tags is not None}
            )
            known |= new
        return [known[key] for key in keys]

    async def choose_again(self, evidence: EvidenceSet) -> TagChooser | None:
        """Return what the extractor inside does."""
        return await self._tagger.choose_again(evidence)

    def _written(self, tags: tuple[str, ...]) -> FloatArray:
        """Return how many tags there are, then their places."""
        return np.array([len(tags), *(self._places[tag] for tag in tags)], dtype=np.float32)

    def _read(self, row: FloatArray) -> tuple[str, ...]:
        places = row[1:].astype(np.intp)
        return tuple(self._vocabulary[place] for place in places if 0 <= place < len(self._places))


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
