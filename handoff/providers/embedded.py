"""The embedded models, and which of them is one where not every package can be installed."""

from collections.abc import Sequence
from typing import Protocol

from handoff.core.model import FloatArray
from handoff.protocols import Embedder
from handoff.providers import minilm, wordllama
from handoff.providers.minilm import MiniLMEmbedder
from handoff.providers.mixed import MixedEmbedder
from handoff.providers.weights import is_installed
from handoff.providers.wordllama import WordllamaEmbedder


class EmbeddedModel(Embedder, Protocol):
    """An embedder that runs here; tags without a language model rest on one."""

    @property
    def quick(self) -> bool:
        """Whether it embeds a text in less time than a stored vector is looked up."""
        ...

    def load(self) -> None:
        """Load what a first text would wait for.

        Raises:
            ProviderError: It is not installed, or not whole.
        """
        ...

    def content(self, texts: Sequence[str]) -> FloatArray:
        """Return how much each text says, in typical tokens, shape (texts,).

        A word that stands in every other text says little. Raises ProviderError.
        """
        ...


def choose_embedded(name: str) -> EmbeddedModel:
    """Return an embedded model by the name that the settings use; nothing is loaded yet.

    `local` is both models in one. Where one of them is not installed it is the other, with that
    one's identity and threshold.
    """
    if name == "local-fast":
        return WordllamaEmbedder()
    if name == "local-minilm":
        return MiniLMEmbedder()
    without_minilm, without_wordllama = _missing()
    if without_minilm and not without_wordllama:
        return WordllamaEmbedder()
    if without_wordllama and not without_minilm:
        return MiniLMEmbedder()
    return MixedEmbedder()


def tell_alone() -> str | None:
    """Return why `local` is one model here, as half a sentence; None where it is both."""
    without_minilm, without_wordllama = _missing()
    if without_minilm and not without_wordllama:
        gone = " and ".join(without_minilm)
        return f"wordllama alone, with its own threshold, since {gone} cannot be found"
    if without_wordllama and not without_minilm:
        return "MiniLM alone, with its own threshold, since wordllama cannot be found"
    return None


def _missing() -> tuple[list[str], list[str]]:
    """Return the packages of MiniLM and of wordllama that are not installed."""
    of_minilm = [package for package in minilm.PACKAGES if not is_installed(package)]
    return of_minilm, [] if is_installed(wordllama.PACKAGE) else [wordllama.PACKAGE]
