"""A provider as the recipe in CONTRIBUTING.md has it: one file that fulfils the protocols."""

from collections.abc import Sequence

import numpy as np

from handoff.core.model import EvidenceSet, FloatArray, Registry
from handoff.core.scoring import unit


class SmallEmbedder:
    """Counts letters; see `Embedder`."""

    identity = "small-embedder-1"
    label = "Smallwood"
    paid = True
    dimensions = 26
    default_threshold = 0.5
    typical_similarities = (0.0, 1.0)
    scripts = None

    def cost_usd(self, texts: Sequence[str]) -> float:
        """Return a cent a text."""
        return 0.01 * len(texts)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 26)."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        counts = [[text.lower().count(letter) for letter in letters] for text in texts]
        return unit(np.array(counts, dtype=np.float32).reshape(-1, 26))


class SmallTagExtractor:
    """Finds the first tag of the vocabulary that stands in a query; see `TagExtractor`."""

    identity = "small-tagger-1"
    label = "Smallwood"
    paid = True

    def __init__(self, registry: Registry) -> None:
        """Read the vocabulary."""
        self._vocabulary = registry.vocabulary

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return at most one tag a query."""
        return [tuple(tag for tag in self._vocabulary if tag in query)[:1] for query in queries]

    async def choose_again(self, evidence: EvidenceSet) -> None:
        """Leave it to extracting anew."""
