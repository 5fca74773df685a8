"""A server that speaks OpenAI's wire format on loopback, with delays and faults on request.

It answers `POST /v1/chat/completions`, `POST /v1/embeddings` and `GET /v1/models`. In a test:
`with FakeOpenAI() as server:`. As a process, from the repository's root:
`python -m tests.fake_openai --port 8123 --chat-ms 500 --embeddings-ms 200`.
"""

import argparse
import asyncio
import base64
import functools
import hashlib
import itertools
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self, get_args

import numpy as np
import uvicorn
from numpy.typing import NDArray
from uvicorn.protocols.http.h11_impl import H11Protocol

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
    "rate_limited", "quota", "server_error", "unauthorized", "no_model", "bad_request"
]
WireFault = Literal["hang", "drop", "half_body", "broken_json", "html"]
ChatFault = Literal["refusal", "length", "content_filter", "not_json", "wrong_tag", "many_tags"]
EmbeddingsFault = Literal["wrong_dimension", "nan", "missing_rows", "shuffled_rows", "zero_row"]
Fault = HttpFault | WireFault | ChatFault | EmbeddingsFault

HTTP_FAULTS: tuple[str, ...] = get_args(HttpFault)
WIRE_FAULTS: tuple[str, ...] = get_args(WireFault)
CHAT_FAULTS: tuple[str, ...] = get_args(ChatFault)
EMBEDDINGS_FAULTS: tuple[str, ...] = get_args(EmbeddingsFault)
FAULTS = HTTP_FAULTS + WIRE_FAULTS + CHAT_FAULTS + EMBEDDINGS_FAULTS
DETAILS = {"rate_limited": {"retry_after", "retry_after_ms"}, "server_error": {"status"}}

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


# Faults that are an HTTP status


def http_fault(queued: Queued, key: str, model: str) -> Reply:
    """Return the error that a fault of this kind stands for."""
    headers: dict[str, str] = {}
    match queued.fault:
        case "rate_limited":
            if "retry_after" in queued.details:
                headers["retry-after"] = str(queued.details["retry_after"])
            if "retry_after_ms" in queued.details:
                headers["retry-after-ms"] = str(queued.details["retry_after_ms"])
            error = ApiError(
                429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded"
            )
        case "quota":
            error = ApiError(
                429,
                "You exceeded your current quota.",
                kind="insufficient_quota",
                code="insufficient_quota",
            )
        case "server_error":
            status = queued.details.get("status", 500)
            error = ApiError(status, "The server had an error.", kind="server_error")
        case "unauthorized":
            message = f"Incorrect API key provided: {key[:6]}***{key[-3:]}."
            error = ApiError(401, message, code="invalid_api_key")
        case "no_model":
            message = f"The model `{model}` does not exist or you do not have access to it."
            error = ApiError(404, message, code="model_not_found")
        case _:
            error = ApiError(400, "The request is not valid.", param="model")
    return error.reply(headers)


# Chat


def text_of(content: object) -> str:
    """Return a message's text, be it a string or a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def alternatives(schema: Json, root: Json) -> Iterator[Json]:
    """Yield the schemas that this one stands for, with references and unions resolved."""
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        yield from alternatives(target, root)
        return
    parts = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
    if not parts:
        yield schema
    for part in parts:
        yield from alternatives(part, root)


def allowed(schema: Json, root: Json) -> list[str]:
    """Return the strings that an enum, a const or a union of them permits."""
    found: list[str] = []
    for one in alternatives(schema, root):
        values = one.get("enum", [one["const"]] if "const" in one else [])
        found.extend(value for value in values if isinstance(value, str))
    return found


def tag_list(schema: Json) -> tuple[str, list[str], int | None]:
    """Return the name, the permitted values and the longest length of the list of enum values."""
    for root in alternatives(schema, schema):
        for name, declared in root.get("properties", {}).items():
            for one in alternatives(declared, schema):
                values = allowed(one.get("items", {}), schema)
                if one.get("type") == "array" and values:
                    return name, values, one.get("maxItems")
    raise ApiError(400, "The schema has no list of enum values.", param="response_format")


def in_words(text: str) -> str:
    """Return the words of a text in lower case, each with a space on either side."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def tags_for(schema: Json, text: str, fault: str | None) -> str:
    """Return the JSON object whose tags are the permitted values that the text mentions."""
    name, values, most = tag_list(schema)
    said = in_words(text)
    chosen = [one for one in values if in_words(one).strip() and in_words(one) in said][:most]
    if fault == "wrong_tag":
        chosen = ["no such tag"]
    elif fault == "many_tags":
        longest = len(values) if most is None else most
        chosen = list(itertools.islice(itertools.cycle(values), longest + 1))
    return json.dumps({name: chosen}, ensure_ascii=False)


def chat_message(body: Json, text: str, fault: str | None) -> tuple[Json, str]:
    """Return the message and the reason why it ends."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        content = tags_for(schema, text, fault)
    else:
        content = f"You asked: {text[:ECHOED_CHARACTERS]}"
    message: Json = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    match fault:
        case "refusal":
            return message | {"content": None, "refusal": "I cannot help with that."}, "stop"
        case "length":
            return message | {"content": content[: len(content) // 2]}, "length"
        case "content_filter":
            return message | {"content": ""}, "content_filter"
        case "not_json":
            return message | {"content": "Happy to help: it is about an invoice."}, "stop"
    return message, "stop"


def chat_reply(body: Json, fault: str | None, number: int) -> Reply:
    """Return the answer to a chat request, as one object or as events."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise ApiError(400, "`messages` is a list of objects.", param="messages")
    if not messages:
        raise ApiError(400, "A chat needs at least one message.", param="messages")
    asked = [one for one in messages if one.get("role") == "user"]
    text = text_of(asked[-1].get("content")) if asked else ""
    message, reason = chat_message(body, text, fault)
    prompt = tokens_in("".join(text_of(one.get("content")) for one in messages))
    completion = tokens_in(message["content"] or message["refusal"] or "")
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    head = {
        "id": f"chatcmpl-{number:08d}",
        "created": int(time.time()),
        "model": body["model"],
        "service_tier": "default",
    }
    if body.get("stream"):
        counted = bool((body.get("stream_options") or {}).get("include_usage"))
        events = chat_events(head, message, reason, usage if counted else None)
        return Reply(tuple(events), content_type="text/event-stream", tokens=prompt + completion)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return Reply((encoded(answer),), tokens=prompt + completion)


def chat_events(head: Json, message: Json, reason: str, usage: Json | None) -> Iterator[bytes]:
    """Yield the server-sent events of a streamed message, word by word."""
    kind = "content" if message["refusal"] is None else "refusal"
    opening = {"role": "assistant", "content": "", "refusal": None}
    words = ({kind: word} for word in re.findall(r"\s*\S+", message[kind]))
    endings = itertools.repeat(None)
    deltas = [*zip(itertools.chain([opening], words), endings, strict=False), ({}, reason)]
    last: Json = {} if usage is None else {"usage": None}
    for delta, ending in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ending}
        yield event({**head, "object": "chat.completion.chunk", "choices": [choice], **last})
    if usage is not None:
        yield event({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def event(value: Json) -> bytes:
    """Return one server-sent event."""
    return b"data: " + encoded(value) + b"\n\n"


# Embeddings


@functools.lru_cache(maxsize=8192)
def direction(word: str, width: int) -> Vectors:
    """Return the direction of a word, the same in every process."""
    digest = hashlib.sha256(word.encode(errors="surrogatepass")).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    return generator.standard_normal(width, dtype=np.float32)


def vector_of(text: str, width: int, dimensions: int) -> Vectors:
    """Return the unit vector of a text: the sum of its words' directions, cut to size."""
    words = re.findall(r"\w+", text.casefold()) or [text]
    total = np.sum([direction(word, width)[:dimensions] for word in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def embedding_inputs(body: Json) -> list[str]:
    """Return the texts to embed, or refuse what OpenAI refuses."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise ApiError(400, "`input` is a text or a list of texts.", param="input")
    if len(texts) > MAX_INPUTS:
        message = f"`input` holds {len(texts)} texts, and {MAX_INPUTS} are the most."
        raise ApiError(400, message, param="input", code="array_above_max_length")
    if not all(isinstance(text, str) and text for text in texts):
        raise ApiError(400, "`input` holds an empty text or no text.", param="input")
    return texts


def spoiled(rows: Vectors, fault: str | None) -> Vectors:
    """Return the rows with the fault in their figures; the last row carries it."""
    match fault:
        case "wrong_dimension":
            return rows[:, : rows.shape[1] // 2] if rows.shape[1] > 1 else np.hstack([rows, rows])
        case "nan":
            rows[-1, 0] = np.nan
        case "zero_row":
            rows[-1] = 0.0
        case "missing_rows":
            return rows[:-1]
    return rows


def embeddings_reply(body: Json, fault: str | None) -> Reply:
    """Return the answer to an embeddings request."""
    texts = embedding_inputs(body)
    width = MODEL_WIDTHS.get(body["model"], WIDTH)
    dimensions = width if body.get("dimensions") is None else body["dimensions"]
    if not isinstance(dimensions, int) or not 1 <= dimensions <= width:
        raise ApiError(400, f"`dimensions` is from 1 to {width}.", param="dimensions")
    rows = spoiled(np.stack([vector_of(text, width, dimensions) for text in texts]), fault)
    packed = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": (
                base64.b64encode(row.astype("<f4").tobytes()).decode() if packed else row.tolist()
            ),
        }
        for index, row in enumerate(rows)
    ]
    if fault == "shuffled_rows":
        data.reverse()
    used = sum(tokens_in(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    return Reply((encoded(answer),), tokens=used)


def models_reply() -> Reply:
    """Return the list of models."""
    rows = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai"}
        for name in MODELS
    ]
    return Reply((encoded({"object": "list", "data": rows}),))


# The server


class Connection(H11Protocol):
    """Uvicorn's connection, which the application can reach in order to cut it."""

    def __init__(self, config: uvicorn.Config, *, app_state: Json, **rest: Any) -> None:
        super().__init__(config, app_state={**app_state, "connection": self}, **rest)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    It names its protocol, or else asyncio leaves Nagle's algorithm on, and every answer in two
    parts waits 40 ms for the client's acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class LoopbackServer(uvicorn.Server):
    """Uvicorn that stops at once when told, and does not poll for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the main loop, from whichever thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, cut the connections and wait for their tasks."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        await asyncio.sleep(0)
        while self.server_state.connections:
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks)
        for server in self.servers:
            await server.wait_closed()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request's way in and its answer's way out."""

    scope: Json
    receive: Receive
    send: Send

    async def body(self) -> bytes | None:
        """Return the request's body, or None where the client went away."""
        parts: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def gone(self) -> None:
        """Wait until the client goes away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def stays(self, seconds: float) -> bool:
        """Wait this long, and tell whether the client is still there."""
        if seconds <= 0:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.gone()
        except TimeoutError:
            return True
        return False

    async def cut(self) -> None:
        """Close the connection, whatever was sent of the answer."""
        self.scope["state"]["connection"].transport.close()
        await self.gone()

    async def head(self, status: int, headers: dict[str, str]) -> None:
        """Send the status and the headers."""
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})

    async def part(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


class FakeOpenAI:
    """OpenAI on loopback: a context manager that serves on a thread, and its records.

    `chat_delay_seconds` and `embeddings_delay_seconds` hold back good answers and those whose
    content is at fault; errors and broken transfers come at once.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        port: int = 0,
        chat_delay_seconds: float = 0.0,
        embeddings_delay_seconds: float = 0.0,
    ) -> None:
        self.chat_delay_seconds = chat_delay_seconds
        self.embeddings_delay_seconds = embeddings_delay_seconds
        self.requests: list[Request] = []
        self.base_url = ""
        self._port = port
        self._random = np.random.default_rng(seed)
        self._faults: list[Queued] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._server: LoopbackServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        listener = listening(self._port)
        self.base_url = f"http://{HOST}:{listener.getsockname()[1]}/v1"
        config = uvicorn.Config(
            self,
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=60,
        )
        self._server = LoopbackServer(config)
        self._thread = threading.Thread(
            target=lambda server: asyncio.run(server.serve([listener])),
            args=(self._server,),
            name="fake-openai",
            daemon=True,
        )
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            listener.close()
            raise RuntimeError(f"The server did not start within {START_SECONDS} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()

    def fail(
        self,
        path_part: str,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        **details: float,
    ) -> None:
        """Queue a fault for requests whose path holds this part; the first that fits is taken.

        Args:
            path_part: Such as "chat" or "embeddings".
            fault: One of `FAULTS`; a fault of an answer's content passes other endpoints by.
            times: How many requests it meets, or None for all of them until `mend`.
            probability: How likely it meets a request, by the server's seed.
            details: `retry_after` (seconds) and `retry_after_ms` of "rate_limited", and
                `status` of "server_error".
        """
        if fault not in FAULTS:
            raise ValueError(f"No such fault: {fault}")
        unknown = set(details) - DETAILS.get(fault, set())
        if unknown:
            raise TypeError(f"{fault} has no {', '.join(sorted(unknown))}")
        with self._lock:
            self._faults.append(Queued(path_part, fault, times, probability, details))

    def mend(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def clear(self) -> None:
        """Forget the requests; faults and delays stay."""
        self.requests.clear()

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI asks it."""
        exchange = Exchange(scope, receive, send)
        started = time.monotonic()
        raw = await exchange.body()
        if raw is None:
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        asked = Request(scope["path"], body if isinstance(body, dict) else None, headers, started)
        self.requests.append(asked)
        queued = self._next_fault(asked.path)
        if queued is not None and queued.fault == "hang":
            await exchange.gone()
        elif queued is not None and queued.fault == "drop":
            await exchange.cut()
        else:
            await self._respond(exchange, asked, queued)

    def _next_fault(self, path: str) -> Queued | None:
        """Return the first queued fault that meets this request, and count it."""
        with self._lock:
            for queued in self._faults:
                if queued.fits(path) and self._random.random() < queued.probability:
                    if queued.left is not None:
                        queued.left -= 1
                    return queued
        return None

    def _reply(self, method: str, asked: Request, queued: Queued | None, number: int) -> Reply:
        """Return the answer to a request, or raise the error that it earns."""
        if not key_of(asked.headers):
            raise ApiError(401, "You did not provide an API key.")
        body = asked.body or {}
        if queued is not None and queued.fault in HTTP_FAULTS:
            return http_fault(queued, key_of(asked.headers), str(body.get("model")))
        if (method, asked.path) == ("GET", "/v1/models"):
            return models_reply()
        if (method, asked.path) not in {("POST", CHAT), ("POST", EMBEDDINGS)}:
            message = f"There is no {method} {asked.path}."
            raise ApiError(404, message, code="unknown_url")
        if asked.body is None:
            raise ApiError(400, "The body is no JSON object.")
        if not isinstance(body.get("model"), str):
            raise ApiError(400, "You must provide a model.", param="model")
        fault = None if queued is None else queued.fault
        if asked.path == CHAT:
            return chat_reply(body, fault, number)
        return embeddings_reply(body, fault)

    async def _respond(self, exchange: Exchange, asked: Request, queued: Queued | None) -> None:
        """Send the answer, after its delay and with the fault of its transfer."""
        number = next(self._numbers)
        fault = None if queued is None else queued.fault
        try:
            reply = self._reply(exchange.scope["method"], asked, queued, number)
        except ApiError as error:
            reply = error.reply()
        good = reply.status < 400 and fault not in WIRE_FAULTS
        delays = {CHAT: self.chat_delay_seconds, EMBEDDINGS: self.embeddings_delay_seconds}
        if good and not await exchange.stays(delays.get(asked.path, 0.0)):
            return
        headers = {
            "content-type": reply.content_type,
            "x-request-id": f"req_{number:032x}",
            "openai-processing-ms": str(round((time.monotonic() - asked.started_at) * 1000)),
            **reply.headers,
        }
        if good:
            headers |= {
                "x-ratelimit-limit-requests": str(LIMIT_REQUESTS),
                "x-ratelimit-remaining-requests": str(LIMIT_REQUESTS - 1),
                "x-ratelimit-limit-tokens": str(LIMIT_TOKENS),
                "x-ratelimit-remaining-tokens": str(max(0, LIMIT_TOKENS - reply.tokens)),
            }
        await deliver(exchange, reply, headers, fault)


async def deliver(
    exchange: Exchange, reply: Reply, headers: dict[str, str], fault: str | None
) -> None:
    """Send a reply over the wire, whole or with a fault of the transfer."""
    parts = reply.parts
    if reply.status == 200 and fault == "broken_json":
        parts = (reply.body[: len(reply.body) // 2],)
    elif reply.status == 200 and fault == "html":
        parts = (b"<!doctype html><title>Sign in</title><p>Welcome to this network.</p>",)
        headers = {**headers, "content-type": "text/html; charset=utf-8"}
    elif reply.status == 200 and fault == "half_body":
        length = len(reply.body)
        await exchange.head(reply.status, {**headers, "content-length": str(length)})
        await exchange.part(reply.body[: length // 2], more=True)
        await exchange.cut()
        return
    if len(parts) == 1:
        headers = {**headers, "content-length": str(len(parts[0]))}
    await exchange.head(reply.status, headers)
    for part in parts[:-1]:
        await exchange.part(part, more=True)
    await exchange.part(parts[-1], more=False)


def main() -> None:
    """Serve until interrupted, and print the address first."""
    parser = argparse.ArgumentParser(description="OpenAI's wire format on loopback")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--chat-ms", type=float, default=500)
    parser.add_argument("--embeddings-ms", type=float, default=200)
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with FakeOpenAI(
        port=options.port,
        chat_delay_seconds=options.chat_ms / 1000,
        embeddings_delay_seconds=options.embeddings_ms / 1000,
    ) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        stopped.wait()


if __name__ == "__main__":
    main()
