"""wordllama, the fast embedded model; its weights travel inside an installed package.

The package's own loader is left out on purpose: it imports an HTTP client, looks for its tokenizer
in the wrong folder and then asks a hub, and takes over the root logger. Reading its two files
takes a seventh of the time and leads nowhere. A test holds the vectors against the package's.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handoff.core.errors import ProviderError
from handoff.core.model import FloatArray
from handoff.core.scoring import unit
from handoff.providers.weights import Once, package_folder, read_file

PACKAGE = "wordllama"
CONFIGURATION = "l2_supercat"
DIMENSIONS = 256

# So few that their rows, 4 MB, stay in a processor's cache until they are added up.
_TOKENS_AT_ONCE = 4_096


class WordllamaEmbedder:
    """A text's vector is the mean of its tokens' vectors, at length one."""

    label = "the fast embedded model (wordllama)"
    paid = False
    quick = True
    dimensions = DIMENSIONS
    # Found by an exact sweep over cases.csv; docs/embedded-model.md says how and what it costs.
    default_threshold = 0.28
    # On the public sets one similarity in a thousand lies below, and above only the best ones of
    # queries that repeat a description.
    typical_similarities = (-0.2, 0.8)
    # benchmarks/languages.py shows what becomes of others.
    scripts = frozenset({"Latin"})

    @property
    def identity(self) -> str:
        """Package, version, configuration, dimensions and a hash of both files."""
        return _identity()

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    def load(self) -> None:
        """Load tokenizer and weights, once a process; raises ProviderError."""
        _load()

    def content(self, texts: Sequence[str]) -> FloatArray:
        """Return how much each text says, in typical tokens; see `EmbeddedModel`."""
        return _pooled(tuple(texts))[1]

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 256); see `Embedder`."""
        sums, _ = _pooled(tuple(texts))
        return unit(sums)


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
    pooled = _load().pool(texts)
    for array in pooled:
        array.setflags(write=False)
    return pooled


def _files() -> tuple[str, Path, Path]:
    """Return the package's version, its weights and its tokenizer."""
    from importlib.metadata import version  # noqa: PLC0415 - as in `_load`

    folder = package_folder(PACKAGE, PACKAGE)
    return (
        version(PACKAGE),
        folder / "weights" / f"{CONFIGURATION}_{DIMENSIONS}.safetensors",
        folder / "tokenizers" / f"{CONFIGURATION}_tokenizer_config.json",
    )


@Once
def _identity() -> str:
    version, *files = _files()
    digest = hashlib.sha256()
    for file in files:
        digest.update(read_file(file, PACKAGE))
    return f"{PACKAGE}-{version}-{CONFIGURATION}-{DIMENSIONS}-{digest.hexdigest()[:12]}"


@Once
def _load() -> _Model:
    # Only who uses the model pays for what loads it.
    import safetensors.numpy  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    _, weights, tokenizer = _files()
    try:
        encoder = Tokenizer.from_buffer(read_file(tokenizer, PACKAGE))
        matrix = safetensors.numpy.load(read_file(weights, PACKAGE))["embedding.weight"]
    except (ValueError, KeyError, safetensors.SafetensorError) as failure:
        raise ProviderError(
            f"The embedded model's files are not whole: install {PACKAGE} again."
        ) from failure
    encoder.no_padding()
    encoder.no_truncation()
    rows = np.asarray(matrix, dtype=np.float32)
    lengths = np.sqrt(np.einsum("td,td->t", rows, rows))
    median = np.sort(lengths)[len(lengths) // 2]
    return _Model(encoder, rows, lengths / median)
