"""An embedder that remembers, by content."""

import hashlib
from collections.abc import Sequence

import numpy as np

from handoff.core.model import FloatArray
from handoff.core.texts import TEXT_VERSION
from handoff.protocols import Embedder
from handoff.resilience.cache import VectorCache
from handoff.trace import note

_LENGTH_TOLERANCE = 1e-3


class CachedEmbedder:
    """The same vectors as the embedder inside, each text embedded once."""

    def __init__(self, embedder: Embedder, cache: VectorCache) -> None:
        """Wrap an embedder; its identity is part of every key."""
        self._embedder = embedder
        self._cache = cache

    @property
    def identity(self) -> str:
        """The inner embedder's."""
        return self._embedder.identity

    @property
    def dimensions(self) -> int:
        """The inner embedder's."""
        return self._embedder.dimensions

    @property
    def default_threshold(self) -> float:
        """The inner embedder's."""
        return self._embedder.default_threshold

    @property
    def typical_similarities(self) -> tuple[float, float]:
        """The inner embedder's."""
        return self._embedder.typical_similarities

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order, shape (texts, dimensions); see `Embedder`."""
        keys = [self._key(text) for text in texts]
        known = self._known(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        note(count=len(texts), cached=len(texts) - sum(key in missing for key in keys))
        if missing or not texts:
            fresh = await self._embedder.embed(list(missing.values()))
            if len(missing) == len(texts):
                self._cache.put(dict(zip(missing, fresh, strict=True)))
                return fresh
            known.update(zip(missing, fresh, strict=True))
            self._cache.put({key: known[key] for key in missing})
        return np.stack([known[key] for key in keys])

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Return the stored rows that still have their length; damaged ones are embedded again."""
        stored = self._cache.get(keys)
        whole = {key: row for key, row in stored.items() if row.shape == (self.dimensions,)}
        if not whole:
            return {}
        matrix = np.stack(list(whole.values()))
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.einsum("td,td->t", matrix, matrix)
        sound = np.abs(lengths - 1) < _LENGTH_TOLERANCE
        return {key: whole[key] for key, kept in zip(whole, sound, strict=True) if kept}

    def _key(self, text: str) -> bytes:
        parts = (self.identity, str(TEXT_VERSION), text)
        return hashlib.sha256("\0".join(parts).encode()).digest()
