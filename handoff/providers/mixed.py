"""Two embedded models in one vector: a cosine is a part of one's and the rest of the other's.

MiniLM reads the order of words and knows what a sentence means, wordllama weighs single words;
they fail on different queries, so that both together find more right agents than either.
"""

from collections.abc import Sequence

import numpy as np

from handoff.core.model import FloatArray
from handoff.core.scoring import unit
from handoff.providers.minilm import MiniLMEmbedder
from handoff.providers.wordllama import WordllamaEmbedder

SHARE = 0.6
"""MiniLM's part of a cosine; anything from .5 to .7 does about as well."""


class MixedEmbedder:
    """A text's vector is MiniLM's beside wordllama's, each at the root of its share."""

    label = "the embedded model (MiniLM and wordllama)"
    paid = False
    quick = False
    dimensions = MiniLMEmbedder.dimensions + WordllamaEmbedder.dimensions
    # Found as wordllama's was; see docs/embedded-model.md.
    default_threshold = 0.17
    typical_similarities = (-0.15, 0.8)
    scripts = frozenset({"Latin"})

    def __init__(self) -> None:
        """Load nothing yet."""
        self._minilm = MiniLMEmbedder()
        self._wordllama = WordllamaEmbedder()

    @property
    def identity(self) -> str:
        """The share, and both models' identities."""
        return f"mixed-{SHARE}-{self._minilm.identity}-{self._wordllama.identity}"

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    def load(self) -> None:
        """Load both models, once a process; raises ProviderError."""
        self._minilm.load()
        self._wordllama.load()

    def content(self, texts: Sequence[str]) -> FloatArray:
        """Return how much each text says, by wordllama; see `EmbeddedModel`."""
        return self._wordllama.content(texts)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 640); see `Embedder`.

        Of a text that says nothing to one model the other's row is the whole.
        """
        reading = await self._minilm.embed(texts)
        weighing = await self._wordllama.embed(texts)
        return unit(np.hstack([np.sqrt(SHARE) * reading, np.sqrt(1 - SHARE) * weighing]))
