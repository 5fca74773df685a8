"""A server that speaks OpenAI's wire format on loopback, with delays and faults on request.

It answers `POST /v1/chat/completions`, `POST /v1/embeddings` and `GET /v1/models`. In a test:
`with FakeOpenAI() as server:`. As a process, from the repository's root:
`python -m tests.fake_openai --port 8123 --chat-ms 500 --embeddings-ms 200`.
"""

from .answers import tag_list, vector_of
from .quirks import Quirks
from .server import FakeOpenAI
from .wire import (
    CHAT,
    CHAT_FAULTS,
    EMBEDDINGS,
    EMBEDDINGS_FAULTS,
    FAULTS,
    HTTP_FAULTS,
    WIRE_FAULTS,
    Fault,
    Json,
    Receive,
    Reply,
    Request,
    Send,
    encoded,
    tokens_in,
)

__all__ = [
    "CHAT",
    "CHAT_FAULTS",
    "EMBEDDINGS",
    "EMBEDDINGS_FAULTS",
    "FAULTS",
    "HTTP_FAULTS",
    "WIRE_FAULTS",
    "FakeOpenAI",
    "Fault",
    "Json",
    "Quirks",
    "Receive",
    "Reply",
    "Request",
    "Send",
    "encoded",
    "tag_list",
    "tokens_in",
    "vector_of",
]
