"""The server: its delays, its queue of faults, and the record of what it was asked."""

import asyncio
import itertools
import json
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np
import uvicorn

from .answers import chat_reply, embeddings_reply, http_fault, models_reply
from .bending import bend
from .connection import Connection, Exchange, LoopbackServer, deliver, listening
from .quirks import Quirks, asked_of, deployed, refuse
from .wire import (
    CHAT,
    DETAILS,
    EMBEDDINGS,
    FAULTS,
    HOST,
    HTTP_FAULTS,
    LIMIT_REQUESTS,
    LIMIT_TOKENS,
    START_SECONDS,
    WIRE_FAULTS,
    ApiError,
    Fault,
    Json,
    Queued,
    Receive,
    Reply,
    Request,
    Send,
    key_of,
)

OPENAI = Quirks()


class FakeOpenAI:
    """OpenAI on loopback, or a server like it: serves on a thread, and records what it was asked.

    `chat_delay_seconds` and `embeddings_delay_seconds` hold back good answers and those whose
    content is at fault; errors and broken transfers come at once. `quirks` are how the server is.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        port: int = 0,
        chat_delay_seconds: float = 0.0,
        embeddings_delay_seconds: float = 0.0,
        quirks: Quirks = OPENAI,
    ) -> None:
        self.chat_delay_seconds = chat_delay_seconds
        self.embeddings_delay_seconds = embeddings_delay_seconds
        self.quirks = quirks
        self.requests: list[Request] = []
        self.base_url = ""
        self._loaded: set[str] = set()
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
            details: `retry_after` (seconds) and `retry_after_ms` of "rate_limited", `status` of
                "server_error" and of "redirect", whose `port` on this machine it sends on to.
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

    def unload(self) -> None:
        """Drop the models, so that each has to be loaded again."""
        self._loaded.clear()

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
        path = scope["path"]
        if self.quirks.deployments:
            path, headers = deployed(path, scope["query_string"], headers)
        asked = Request(path, body if isinstance(body, dict) else None, headers, started)
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

    def _loading(self, asked: Request) -> float:
        """Return how long the model that is asked for still takes to load."""
        return 0.0 if asked.path in self._loaded else self.quirks.loading_seconds

    def _reply(self, method: str, asked: Request, queued: Queued | None, number: int) -> Reply:
        """Return the answer to a request, or raise the error that it earns."""
        quirks = self.quirks
        if not key_of(asked.headers) and not quirks.keyless:
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
        refused = refuse(quirks, asked.path, body)
        if refused is not None:
            return refused
        body = asked_of(quirks, body)
        if asked.path == CHAT:
            reply = chat_reply(body, fault, number)
        else:
            reply = embeddings_reply(body, fault)
        alike = sum(one.path == asked.path for one in self.requests)
        return reply if quirks == OPENAI else bend(quirks, asked.path, body, reply, alike)

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
        if good and not await exchange.stays(delays.get(asked.path, 0.0) + self._loading(asked)):
            return
        if good:
            self._loaded.add(asked.path)
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
