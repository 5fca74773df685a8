"""Embeddings from OpenAI, in as few requests as its limits allow."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from handoff.core.errors import ProviderReplyError, SettingsError
from handoff.core.model import FloatArray
from handoff.core.scoring import unit
from handoff.files.settings import OpenAISettings
from handoff.providers.openai.connection import (
    MOST_REPLY_BYTES,
    Call,
    OpenAIConnection,
    load_sdk,
)
from handoff.providers.openai.dialect import LEFT_OUT, Field, Form

_DIMENSIONS = {
    "text-embedding-3-small": 1_536,
    "text-embedding-3-large": 3_072,
    "text-embedding-ada-002": 1_536,
}

MOST_INPUTS = 2_048
MOST_TOKENS = 300_000
"""Inputs, and tokens over all inputs, of one request; the API's limits."""

_PACKED = Field(
    "encoding_format",
    "encoding_format|base64",
    # A third of the bytes and a tenth of the time of a list of decimal numbers.
    (Form("base64", {"encoding_format": "base64"}), LEFT_OUT),
    elsewhere=(LEFT_OUT,),
)

_MOST_BYTES_A_NUMBER = 32
"""Written out in full, with a sign, an exponent and the blanks of pretty JSON."""


class OpenAIEmbedder:
    """Unit vectors by an embedding model; see `Embedder`."""

    paid = True
    # Not found on labelled queries yet, as the embedded model's is: users of the model report it.
    default_threshold = 0.3
    typical_similarities = (0.0, 0.8)
    scripts = None

    def __init__(self, connection: OpenAIConnection) -> None:
        """Call nobody yet; raises SettingsError where the vectors' length is not known."""
        self._connection = connection
        self._settings = connection.settings
        self.dimensions = _vector_length(self._settings)

    @property
    def label(self) -> str:
        """Whose model it is."""
        return self._settings.server("embeddings").label

    @property
    def identity(self) -> str:
        """Server, model and dimensions."""
        server = self._settings.server("embeddings").identity
        return f"openai-{self._settings.embedding_model}-{self.dimensions}-{server}"

    def cost_usd(self, texts: Sequence[str]) -> float | None:
        """Return the most that texts can cost: a token is at least one byte, and four as a rule."""
        price = self._connection.prices.get(self._settings.embedding_model)
        return None if price is None else price.cost_usd(_most_tokens(texts), 0)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order, shape (texts, dimensions); see `Embedder`."""
        rows = [await self._embed_part(part) for part in _parts(texts)]
        empty = np.zeros((0, self.dimensions), dtype=np.float32)
        return np.concatenate([empty, *rows])

    async def _embed_part(self, texts: Sequence[str]) -> FloatArray:
        call = Call(
            "embeddings",
            self._settings.embedding_model,
            {"input": list(texts)},
            (_PACKED, *_shortened(self._settings)),
            _most_tokens(texts),
            most_reply_bytes=MOST_REPLY_BYTES + len(texts) * self.dimensions * _MOST_BYTES_A_NUMBER,
        )

        async def send(body: dict[str, Any], client: Any) -> Any:  # noqa: ANN401 - the SDK is not imported here
            # The SDK's own method asks for base64 where nobody asks for anything.
            return await client.post("/embeddings", cast_to=load_sdk().Embeddings, body=body)

        return await self._connection.call(
            call, send, lambda reply: unit(self._checked(reply.data, len(texts)))
        )

    def _checked(self, data: Sequence[Any], texts: int) -> FloatArray:
        """Return a reply's rows in the order of the texts; the SDK checks none of this."""
        if len(data) != texts or {row.index for row in data} != set(range(texts)):
            raise ProviderReplyError(
                f"OpenAI returned {len(data)} vectors for {texts} texts: try again."
            )
        rows = [_row(each.embedding) for each in sorted(data, key=lambda row: row.index)]
        for row in rows:
            if len(row) != self.dimensions:
                raise ProviderReplyError(
                    f"The model's vectors have {len(row)} numbers where {self.dimensions} were "
                    f"expected: set HANDOFF_OPENAI_DIMENSIONS={len(row)}."
                )
            if not np.isfinite(row).all() or not row.any():
                raise ProviderReplyError("OpenAI returned a vector without meaning: try again.")
        return np.stack(rows)


def _shortened(settings: OpenAISettings) -> tuple[Field, ...]:
    """Return the wish for vectors that are shorter than the model's own, if there is one."""
    wanted = settings.dimensions
    if wanted is None or wanted == _DIMENSIONS.get(settings.embedding_model):
        return ()
    asked = Form("dimensions", {"dimensions": wanted})
    words = "dimensions?|matryoshka"
    return (Field(asked.name, words, (asked, LEFT_OUT)),)


def _vector_length(settings: OpenAISettings) -> int:
    known = settings.dimensions or _DIMENSIONS.get(settings.embedding_model)
    if known is None:
        raise SettingsError(
            f"How long the vectors of {settings.embedding_model} are is not known: set "
            "HANDOFF_OPENAI_DIMENSIONS."
        )
    return known


def _row(embedding: str | Sequence[float]) -> FloatArray:
    """Read a vector in either encoding; servers that know no base64 answer lists.

    Raises:
        ValueError: It is no row of numbers; so does TypeError.
    """
    if isinstance(embedding, str):
        row = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    else:
        row = np.asarray(embedding, dtype=np.float32)
    if row.ndim != 1 or not len(row):
        raise ValueError("a vector has no numbers")
    return row


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut texts into parts within the limits of one request."""
    first, tokens = 0, 0
    for at, text in enumerate(texts):
        more = _most_tokens([text])
        if at > first and (at - first == MOST_INPUTS or tokens + more > MOST_TOKENS):
            yield texts[first:at]
            first, tokens = at, 0
        tokens += more
    if first < len(texts):
        yield texts[first:]


def _most_tokens(texts: Sequence[str]) -> int:
    """Return what texts cannot exceed: a token is at least one byte."""
    return sum(len(text.encode()) for text in texts)
