"""Embeddings from OpenAI, in as few requests as its limits allow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from handoff.core.model import FloatArray
from handoff.files.openai_settings import OpenAISettings
from handoff.providers.openai.connection import (
    MOST_REPLY_BYTES,
    Call,
    OpenAIConnection,
    load_sdk,
)
from handoff.providers.openai.dialect import LEFT_OUT, Field, Form, whole_words
from handoff.providers.openai.portions import Portions, most_tokens
from handoff.providers.openai.vectors import read_vectors

_DIMENSIONS = {
    "text-embedding-3-small": 1_536,
    "text-embedding-3-large": 3_072,
    "text-embedding-ada-002": 1_536,
}

_SHORTENED = whole_words("dimensions?|matryoshka")

_PACKED = Field(
    "encoding_format",
    whole_words("encoding_format|base64"),
    # A third of the bytes and a tenth of the time of a list of decimal numbers.
    (Form("base64", {"encoding_format": "base64"}), LEFT_OUT),
    elsewhere=(LEFT_OUT,),
)

_LONGEST = 16_384
"""Numbers of a vector whose length nobody knows yet; of four times any that was seen."""

_USUALLY_LONGEST, _USUAL_TEXTS = 4_096, 256

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
        """Call nobody yet."""
        self._connection = connection
        self._settings = connection.settings
        model = self._settings.embedding_model
        self._length = self._settings.dimensions or _DIMENSIONS.get(model)
        self._dialect = connection.dialects.of("embeddings", model)
        if self._length is not None:
            self._dialect.expect(self._length)

    @property
    def dimensions(self) -> int | None:
        """How long each vector is; None for an unknown model before its first."""
        return self._dialect.length

    @property
    def label(self) -> str:
        """Whose model it is."""
        return self._settings.server("embeddings").label

    @property
    def identity(self) -> str:
        """Server, model and dimensions; it stays the same when an unknown length is learned.

        Nothing of another length passes for the same: every reply, and what was kept, is held
        against the first.
        """
        length = "own" if self._length is None else self._length
        server = self._settings.server("embeddings").identity
        return f"openai-{self._settings.embedding_model}-{length}-{server}"

    def cost_usd(self, texts: Sequence[str]) -> float | None:
        """Return the most that texts can cost: a token is at least one byte, and four as a rule."""
        price = self._connection.prices.get(self._settings.embedding_model)
        return None if price is None else price.cost_usd(most_tokens(texts), 0)

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit row a text, in order, shape (texts, dimensions); see `Embedder`."""
        if not texts:
            return np.zeros((0, self.dimensions or 0), dtype=np.float32)
        server = self._settings.server("embeddings")
        at_once = self._settings.concurrency
        return await Portions(texts, self._ask, self._dialect, server, at_once).fill()

    async def _ask(self, texts: Sequence[str]) -> list[FloatArray | None]:
        call = Call(
            "embeddings",
            self._settings.embedding_model,
            {"input": list(texts)},
            (_PACKED, *_shortened(self._settings)),
            most_tokens(texts),
            most_reply_bytes=MOST_REPLY_BYTES + _most_bytes(len(texts), self.dimensions),
        )

        async def send(body: dict[str, Any], client: Any) -> Any:  # noqa: ANN401 - the SDK is not imported here
            # The SDK's own method asks for base64 where nobody asks for anything.
            return await client.post("/embeddings", cast_to=load_sdk().Embeddings, body=body)

        who = self._settings.server("embeddings").called
        return await self._connection.call(
            call,
            send,
            lambda reply: read_vectors(reply.data, len(texts), self._dialect.expect, who),
        )


def _most_bytes(texts: int, length: int | None) -> int:
    """Return how long a reply's vectors can be.

    Of a usual number of texts those of another length than expected are let in, to be told as such.
    """
    numbers = texts * (length or _LONGEST)
    return _MOST_BYTES_A_NUMBER * max(numbers, min(texts, _USUAL_TEXTS) * _USUALLY_LONGEST)


def _shortened(settings: OpenAISettings) -> tuple[Field, ...]:
    """Return the wish for vectors that are shorter than the model's own, if there is one."""
    wanted = settings.dimensions
    if wanted is None or wanted == _DIMENSIONS.get(settings.embedding_model):
        return ()
    asked = Form("dimensions", {"dimensions": wanted})
    return (Field(asked.name, _SHORTENED, (asked, LEFT_OUT)),)
