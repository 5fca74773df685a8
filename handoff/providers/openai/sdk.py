"""The SDK's side: the guarded HTTP client, its errors in our words, and what a reply used.

The SDK retries by itself. The breaker sits in the client's `send`, below the retries, so that it
sees every attempt to its last byte and ends the retrying of a server that is down.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2
import openai
from openai.types import CreateEmbeddingResponse

from handoff.core.errors import (
    ProviderError,
    ProviderReplyError,
    ProviderUnavailableError,
    RestingError,
    TimedOutError,
)
from handoff.files.openai_settings import OpenAISettings
from handoff.files.servers import Server
from handoff.providers.openai.complaints import quote_complaint
from handoff.providers.openai.refusals import (
    Refusal,
    blames_texts,
    says_loading,
    translate_refusal,
)
from handoff.resilience.breaker import Attempt, Breaker, BreakerOpenError
from handoff.resilience.limiter import RateLimiter
from handoff.trace import note

OWN_ADDRESS = "https://api.openai.com/v1"
"""OpenAI's; named, or else the SDK would look into the environment by itself."""

Embeddings = CreateEmbeddingResponse
"""What a request for vectors is answered with."""

_COUNTED_BELOW = 10**9
"""Tokens of one reply; what says more counts something else."""

_CONNECT_SECONDS = 2.0
_REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 300, 400, 500
_LAST_BYTES = 32
_BROKEN_OFF = (httpx2.ReadError, httpx2.RemoteProtocolError)
_MOST_SAID = 4_000
"""Characters of a refusal that are looked at: what it names stands near its beginning."""


@dataclass(slots=True)
class Course:
    """What holds for one call over all its attempts, and what became of them.

    Attributes:
        limit: The deadline.
        most_reply_bytes: A longer reply is no answer.
        billable: An answer began, or was given up while it may have been under way.
        seconds_left: Of the deadline, once the request is over.
        last_bytes: Of the last reply, as far as it was read.
    """

    limit: asyncio.Timeout
    most_reply_bytes: int
    billable: bool = False
    seconds_left: float = 0.0
    last_bytes: bytes = b""


_course: ContextVar[Course] = ContextVar("course")


class _Resting(openai.OpenAIError):
    """The breaker is open; the SDK raises its own errors on at once and does not retry them."""

    def __init__(self, open_breaker: BreakerOpenError) -> None:
        super().__init__(str(open_breaker))
        self.open_breaker = open_breaker


class _UnboundedError(openai.OpenAIError):
    """A reply that is longer than any answer to the call, or that could become so."""


class _CompressedError(openai.OpenAIError):
    """A reply whose length nobody knows before it is unpacked."""


class _Attempt:
    """One attempt under way; the endpoint's breaker is told once how it ended."""

    def __init__(self, breaker: Breaker) -> None:
        try:
            self._ticket = breaker.enter()
        except BreakerOpenError as error:
            raise _Resting(error) from None
        self._breaker = breaker
        self._is_over = False

    def end(self, health: Attempt) -> None:
        """Tell the breaker, unless it was told already."""
        if not self._is_over:
            self._is_over = True
            self._breaker.leave(self._ticket, health)

    @contextmanager
    def watch(self, course: Course) -> Generator[None]:
        """Tell the breaker of what goes wrong within."""
        try:
            yield
        except BaseException as error:
            # The deadline cancels; nothing else tells a server that drips from a caller who left.
            out_of_time = isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout) or (
                isinstance(error, asyncio.CancelledError) and course.limit.expired()
            )
            course.billable = course.billable or out_of_time
            foreign = isinstance(error, httpx2.HTTPError | openai.OpenAIError)
            self.end(Attempt.FAILURE if out_of_time or foreign else Attempt.NEUTRAL)
            raise


class _Body(httpx2.AsyncByteStream):
    """A reply's body: never longer than agreed, and watched to its end."""

    def __init__(
        self,
        response: httpx2.Response,
        body: httpx2.AsyncByteStream,
        attempt: _Attempt,
        course: Course,
    ) -> None:
        self._response = response
        self._body = body
        self._attempt = attempt
        self._course = course

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        seen = 0
        beginning = b""
        with self._attempt.watch(self._course):
            async for piece in self._body:
                seen += len(piece)
                if seen > self._course.most_reply_bytes:
                    raise _UnboundedError
                last = self._course.last_bytes + piece[-_LAST_BYTES:]
                self._course.last_bytes = last[-_LAST_BYTES:]
                beginning = beginning or piece[:_MOST_SAID]
                yield piece
        self._attempt.end(self._health(beginning))

    def _health(self, beginning: bytes) -> Attempt:
        """Return what a reply says of the server, once all of it is here."""
        if self._response.status_code < _REDIRECT:
            return Attempt.SUCCESS
        if self._response.status_code < _SERVER_ERROR:
            return Attempt.NEUTRAL
        said = beginning.decode(errors="replace")
        is_absent = self._response.status_code == HTTPStatus.NOT_IMPLEMENTED
        if not (is_absent or blames_texts(said) or says_loading(said)):
            return Attempt.FAILURE
        # The same would fail again, and loading takes longer; the SDK obeys this header.
        self._response.headers["x-should-retry"] = "false"
        return Attempt.NEUTRAL

    async def aclose(self) -> None:
        """Close the connection, or give it back; a body that was left unread says nothing."""
        self._attempt.end(Attempt.NEUTRAL)
        await self._body.aclose()


class _GuardedClient(openai.DefaultAsyncHttpxClient):
    """Asks the endpoint's breaker before each attempt and tells it how the attempt went."""

    breakers: dict[str, Breaker]
    requests: RateLimiter
    server: Server

    async def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        **options: Any,  # noqa: ANN401 - the SDK's
    ) -> httpx2.Response:
        """Make one attempt."""
        course = _course.get()
        if not self.server.key or self.server.is_deployment:
            request.headers.pop("authorization", None)
        if self.server.key and self.server.is_deployment:
            request.headers["api-key"] = self.server.key
        is_chat = request.url.path.endswith("/chat/completions")
        endpoint = "chat" if is_chat else "embeddings"
        if request.headers.get("x-stainless-retry-count", "0") != "0":
            # The first attempt was counted before the call's deadline began to run.
            note(retries=1)
            await _wait(self.requests, course.limit)
        attempt = _Attempt(self.breakers[endpoint])
        with attempt.watch(course):
            response = await super().send(request, stream=True, **options)
            try:
                await _guard(response, attempt, course)
                if not stream:
                    await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response


async def _guard(response: httpx2.Response, attempt: _Attempt, course: Course) -> None:
    """Bound a reply whose headers came, before anything of its body is read.

    Raises:
        _CompressedError: A few bytes of it could become any number.
    """
    if response.status_code < _REDIRECT:
        course.billable = True
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _CompressedError
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("an asynchronous client got a synchronous reply")
    course.last_bytes = b""
    response.stream = _Body(response, response.stream, attempt, course)


def connect(
    server: Server, settings: OpenAISettings, breakers: dict[str, Breaker], requests: RateLimiter
) -> openai.AsyncOpenAI:
    """Return a client of one server on the loop that runs."""
    timeout = _timeout(settings.timeout_seconds)
    http = _GuardedClient(
        timeout=timeout,
        base_url=server.root or OWN_ADDRESS,
        # A redirect would take the query to whomever the server names.
        follow_redirects=False,
    )
    http.breakers = breakers
    http.requests = requests
    http.server = server
    return openai.AsyncOpenAI(
        # The SDK refuses to do without; what is sent is up to the guarded client.
        api_key=server.key or "none",
        base_url=server.root or OWN_ADDRESS,
        default_query=server.query,
        timeout=timeout,
        http_client=http,
        # So that the bytes that are counted are those that will be held.
        default_headers={"Accept-Encoding": "identity"},
    )


def patient(client: openai.AsyncOpenAI, seconds: float) -> openai.AsyncOpenAI:
    """Return a client that waits so long for an answer, over the same connections."""
    return client.with_options(timeout=_timeout(seconds))


def _timeout(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))


@asynccontextmanager
async def following(seconds: float, most_reply_bytes: int) -> AsyncGenerator[Course]:
    """Follow one call, and end what takes longer with a TimeoutError.

    Waiting for our own limits stops the clock.
    """
    async with asyncio.timeout(seconds) as limit:
        course = Course(limit, most_reply_bytes)
        token = _course.set(course)
        try:
            yield course
        finally:
            _course.reset(token)
            ends = limit.when()
            if ends is not None:
                course.seconds_left = ends - asyncio.get_running_loop().time()


async def _wait(requests: RateLimiter, limit: asyncio.Timeout) -> None:
    """Wait for our own limit, with the deadline's clock stopped."""
    when = limit.when()
    if when is None:
        await requests.acquire()
        return
    loop = asyncio.get_running_loop()
    left = when - loop.time()
    limit.reschedule(None)
    await requests.acquire()
    limit.reschedule(loop.time() + left)


def usage(reply: Any) -> tuple[int, int]:  # noqa: ANN401 - whatever the SDK returned
    """Return the tokens in and out that a reply says it used; none where it does not say.

    What counts in no whole numbers of at least 0 says nothing: the answer beside it may be sound.
    """
    used = getattr(reply, "usage", None)
    counts = [getattr(used, name, None) or 0 for name in ("prompt_tokens", "completion_tokens")]
    tokens_in, tokens_out = (
        count if isinstance(count, int) and 0 <= count < _COUNTED_BELOW else None
        for count in counts
    )
    return (0, 0) if tokens_in is None or tokens_out is None else (tokens_in, tokens_out)


def said_done() -> bool:
    """Tell whether the last stream ended with the word for it, which the SDK keeps to itself."""
    return b"[DONE]" in _course.get().last_bytes


def translate(
    error: Exception, settings: OpenAISettings, server: Server, model: str
) -> ProviderError:
    """Return our error for a foreign one, with what the server says of it, and nothing secret."""
    who = server.called
    kind: type[ProviderError] = ProviderUnavailableError
    match error:
        case openai.APIStatusError():
            said = _said(error, server.secrets)
            refusal = Refusal(error.status_code, error.code, error.request.url.path, said)
            return translate_refusal(refusal, server, model)
        case _Resting():
            seconds = error.open_breaker.seconds_left
            for_how_long = f"for {seconds:.0f} s" if seconds >= 1 else "until one attempt is back"
            kind = RestingError
            told = f"failed several times in a row: it is left alone {for_how_long}."
        case openai.APITimeoutError() if isinstance(error.__cause__, httpx2.ConnectTimeout):
            told = f"cannot be reached: check the network and {server.named_by}."
        case TimeoutError() | openai.APITimeoutError():
            kind = TimedOutError
            told = (
                "did not answer in time: try again, or raise HANDOFF_OPENAI_TIMEOUT_SECONDS "
                f"({settings.timeout_seconds:g}) and HANDOFF_OPENAI_DEADLINE_SECONDS "
                f"({settings.deadline_seconds:g})."
            )
        case openai.APIConnectionError() if isinstance(error.__cause__, _BROKEN_OFF):
            told = "closed the connection before it had answered: try again."
        case openai.APIConnectionError():
            told = f"cannot be reached: check the network and {server.named_by}."
        case openai.APIError() if type(error) is openai.APIError:
            quoted = quote_complaint(error.message, server.secrets)
            kind = ProviderReplyError
            told = f"broke off amid its answer{quoted and f', {quoted}'}: try again."
        case _:
            # Whatever else the SDK lets through comes of an answer that it could not read.
            kind = ProviderReplyError
            told = f"{_tell_unreadable(error)}."
    return kind(f"{who} {told}")


def _said(error: openai.APIStatusError, secrets: Sequence[str]) -> str:
    """Return the beginning of a refusal's body; a server may repeat the key in it."""
    longest = _MOST_SAID + sum(map(len, secrets))
    text = error.response.content[: 4 * longest].decode(errors="replace")[:longest]
    for secret in secrets:
        text = text.replace(secret, "…")
    return text[:_MOST_SAID]


def _tell_unreadable(error: Exception) -> str:
    match error:
        case openai.LengthFinishReasonError() | openai.ContentFilterFinishReasonError():
            return "broke its answer off: put the query otherwise"
        case _UnboundedError():
            return "gave an answer without end: name a server that speaks OpenAI's format"
        case _CompressedError():
            return "gave a compressed answer, though it was asked for none: switch compression off"
    return "gave an answer that cannot be read: name a server that speaks OpenAI's format"
