"""OpenAI's wire format in values: requests, replies, errors, and what can go wrong."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

HOST = "127.0.0.1"
WIDTH = 1536
MODEL_WIDTHS = {"text-embedding-3-large": 3072}
MODELS = ("gpt-4o-mini", "text-embedding-3-small", "text-embedding-3-large")
MAX_INPUTS = 2048
LIMIT_REQUESTS = 10_000
LIMIT_TOKENS = 2_000_000
ECHOED_CHARACTERS = 60
START_SECONDS = 10

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"

HttpFault = Literal[
    "rate_limited", "quota", "server_error", "unauthorized", "no_model", "bad_request", "redirect"
]
WireFault = Literal[
    "hang", "drop", "half_body", "broken_json", "html", "drip", "endless", "compressed"
]
ChatFault = Literal["refusal", "length", "content_filter", "not_json", "wrong_tag", "many_tags"]
EmbeddingsFault = Literal["wrong_dimension", "nan", "missing_rows", "shuffled_rows", "zero_row"]
Fault = HttpFault | WireFault | ChatFault | EmbeddingsFault

HTTP_FAULTS: tuple[str, ...] = get_args(HttpFault)
WIRE_FAULTS: tuple[str, ...] = get_args(WireFault)
CHAT_FAULTS: tuple[str, ...] = get_args(ChatFault)
EMBEDDINGS_FAULTS: tuple[str, ...] = get_args(EmbeddingsFault)
FAULTS = HTTP_FAULTS + WIRE_FAULTS + CHAT_FAULTS + EMBEDDINGS_FAULTS
DETAILS = {
    "rate_limited": {"retry_after", "retry_after_ms"},
    "server_error": {"status"},
    "redirect": {"status", "port"},
}

Json = dict[str, Any]
Vectors = NDArray[np.float32]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; `started_at` is on the clock of `time.monotonic`."""

    path: str
    body: Json | None
    headers: dict[str, str]
    started_at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: one part with its length, or several that are streamed."""

    parts: tuple[bytes, ...]
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    tokens: int = 0

    @property
    def body(self) -> bytes:
        """All parts as one."""
        return b"".join(self.parts)


@dataclass(slots=True)
class Queued:
    """A fault that waits for its requests; `left` counts down, and None never ends."""

    path_part: str
    fault: str
    left: int | None
    probability: float
    details: Json

    def fits(self, path: str) -> bool:
        """Tell whether a request to this path can show the fault."""
        return (
            self.path_part in path
            and self.left != 0
            and not (self.fault in CHAT_FAULTS and path != CHAT)
            and not (self.fault in EMBEDDINGS_FAULTS and path != EMBEDDINGS)
        )


class ApiError(Exception):
    """An answer in the shape of OpenAI's errors."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": code}

    def reply(self, headers: dict[str, str] | None = None) -> Reply:
        """Return the answer with these extra headers."""
        return Reply((encoded({"error": self.error}),), self.status, headers=headers or {})


def encoded(value: object) -> bytes:
    """Return compact JSON; a NaN stays the bare word that Python's parser accepts."""
    return json.dumps(value, separators=(",", ":")).encode()


def tokens_in(text: str) -> int:
    """Return a rough count of tokens: four characters each, and at least one."""
    return max(1, len(text) // 4)


def key_of(headers: dict[str, str]) -> str:
    """Return the API key of a request, empty where there is none."""
    return headers.get("authorization", "").removeprefix("Bearer").strip()
