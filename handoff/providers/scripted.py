"""Deterministic doubles: no model, no network, no clock; for tests, docs and demonstrations."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from handoff.core.errors import ProviderError
from handoff.core.model import Agent, EvidenceSet, FloatArray, Registry
from handoff.core.scoring import unit
from handoff.protocols import OnText

_WORD_BREAKS = str.maketrans(dict.fromkeys(".,:;!?()[]{}\"'/", " "))


class ScriptedEmbedder:
    """Every word gets a direction from its hash; a text is the sum of its words."""

    identity = "scripted-embedder-1-64"
    label = "the scripted embedder (for tests)"
    paid = False
    default_threshold = 0.3
    typical_similarities = (-0.4, 1.0)
    scripts = None
    dimensions = 64

    def __init__(self) -> None:
        """Count the calls, for those who must know that none was made."""
        self.calls: list[tuple[str, ...]] = []
        self.failure: ProviderError | None = None

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 64); see `Embedder`."""
        self.calls.append(tuple(texts))
        if self.failure is not None:
            raise self.failure
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _words(text):
                rows[row] += _direction(word, self.dimensions)
        return unit(rows)


class ScriptedTagExtractor:
    """A tag is extracted when a query holds it word for word, or when the script says so."""

    identity = "scripted-tagger-1"
    label = "words"
    paid = False

    def __init__(
        self, registry: Registry, script: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """Read the vocabulary; `script` gives the tags of exact queries."""
        self._vocabulary = registry.vocabulary
        self._script = script or {}
        self.calls: list[tuple[str, ...]] = []
        self.failure: ProviderError | None = None

    async def extract(self, queries: Sequence[str]) -> list[tuple[str, ...] | None]:
        """Return at most five tags a query; see `TagExtractor`."""
        self.calls.append(tuple(queries))
        if self.failure is not None:
            raise self.failure
        return [self._script.get(query, self._spoken(query)) for query in queries]

    async def choose_again(self, evidence: EvidenceSet) -> None:
        """Choose nothing again: an extractor of the simplest kind is asked anew."""

    def _spoken(self, query: str) -> tuple[str, ...]:
        words = f" {' '.join(_words(query))} "
        held = (tag for tag in self._vocabulary if f" {' '.join(_words(tag))} " in words)
        return tuple(held)[:5]


class SimulatedRunner:
    """No agent is connected: says what would have happened."""

    async def run(
        self,
        handoffs: Sequence[tuple[Agent, str]],
        on_text: OnText | None = None,  # noqa: ARG002 - its answers come whole
    ) -> list[str]:
        """Return one sentence a handoff; see `AgentRunner`."""
        return [
            f"Simulated hand-off: {agent.name} would answer now; no agent is connected."
            for agent, _ in handoffs
        ]


def _words(text: str) -> list[str]:
    return text.lower().translate(_WORD_BREAKS).split()


def _direction(word: str, dimensions: int) -> FloatArray:
    digest = hashlib.shake_128(word.encode()).digest(dimensions)
    return np.frombuffer(digest, dtype=np.uint8).astype(np.float32) - 127.5
