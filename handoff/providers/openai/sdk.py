"""The SDK's side: the guarded HTTP client, its errors in our words, and what a reply used.

The SDK retries by itself. The breaker sits in the client's `send`, below the retries, so that it
sees every attempt and ends the retrying of a server that is down.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import httpx2
import openai

from handoff.core.errors import (
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
    ProviderUnavailableError,
    RateLimitedError,
    RestingError,
    TimedOutError,
)
from handoff.files.settings import OpenAISettings
from handoff.resilience.breaker import Attempt, Breaker, BreakerOpenError
from handoff.resilience.limiter import RateLimiter
from handoff.trace import note

_CONNECT_SECONDS = 2.0
_deadline: ContextVar[asyncio.Timeout | None] = ContextVar("deadline", default=None)
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


class _Resting(openai.OpenAIError):
    """The breaker is open; the SDK raises its own errors on at once and does not retry them."""

    def __init__(self, open_breaker: BreakerOpenError) -> None:
        super().__init__(str(open_breaker))
        self.open_breaker = open_breaker


class _GuardedClient(openai.DefaultAsyncHttpxClient):
    """Asks the endpoint's breaker before each attempt and tells it how the attempt went."""

    breakers: dict[str, Breaker]
    requests: RateLimiter

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:  # noqa: ANN401
        """Make one attempt."""
        is_chat = request.url.path.endswith("/chat/completions")
        endpoint = "chat" if is_chat else "embeddings"
        breaker = self.breakers[endpoint]
        if request.headers.get("x-stainless-retry-count", "0") != "0":
            # The first attempt was counted before the call's deadline began to run.
            note(retries=1)
            await _wait(self.requests)
        try:
            ticket = breaker.enter()
        except BreakerOpenError as error:
            raise _Resting(error) from None
        attempt = Attempt.NEUTRAL
        try:
            response = await super().send(request, **options)
            if response.status_code >= _SERVER_ERROR:
                attempt = Attempt.FAILURE
            elif response.status_code < _CLIENT_ERROR:
                attempt = Attempt.SUCCESS
        except httpx2.HTTPError:
            attempt = Attempt.FAILURE
            raise
        finally:
            breaker.leave(ticket, attempt)
        return response


def connect(
    settings: OpenAISettings, breakers: dict[str, Breaker], requests: RateLimiter
) -> openai.AsyncOpenAI:
    """Return a client on the loop that runs."""
    timeout = httpx2.Timeout(
        settings.timeout_seconds, connect=min(_CONNECT_SECONDS, settings.timeout_seconds)
    )
    http = _GuardedClient(timeout=timeout, base_url=settings.base_url or "")
    http.breakers = breakers
    http.requests = requests
    return openai.AsyncOpenAI(
        api_key=settings.api_key, base_url=settings.base_url, timeout=timeout, http_client=http
    )


@asynccontextmanager
async def deadline(seconds: float) -> AsyncGenerator[None]:
    """End what takes longer with a TimeoutError; waiting for our own limits stops the clock."""
    async with asyncio.timeout(seconds) as limit:
        token = _deadline.set(limit)
        try:
            yield
        finally:
            _deadline.reset(token)


async def _wait(requests: RateLimiter) -> None:
    """Wait for our own limit, with the deadline's clock stopped."""
    limit = _deadline.get()
    when = None if limit is None else limit.when()
    if limit is None or when is None:
        await requests.acquire()
        return
    loop = asyncio.get_running_loop()
    left = when - loop.time()
    limit.reschedule(None)
    await requests.acquire()
    limit.reschedule(loop.time() + left)


def usage(reply: Any) -> tuple[int, int]:  # noqa: ANN401 - whatever the SDK returned
    """Return the tokens in and out that a reply says it used; none where it does not say.

    Raises:
        AttributeError: The reply is no object of the SDK's, such as a page of HTML.
        ValueError: It counts below zero, or no numbers.
    """
    used = reply.usage
    if used is None:
        return 0, 0
    tokens = (used.prompt_tokens or 0, getattr(used, "completion_tokens", 0) or 0)
    if not all(isinstance(count, int) and count >= 0 for count in tokens):
        raise ValueError("a reply counts its tokens in no numbers of at least 0")
    return tokens


def translate(error: Exception, settings: OpenAISettings, model: str) -> ProviderError:
    """Return our error for a foreign one; no text of a request or a reply gets into it."""
    who = "OpenAI" if settings.base_url is None else "The server of OPENAI_BASE_URL"
    match error:
        case openai.APIStatusError():
            return _translate_status(error, who, model)
        case _Resting():
            seconds = error.open_breaker.seconds_left
            for_how_long = f"for {seconds:.0f} s" if seconds >= 1 else "until one attempt is back"
            return RestingError(
                f"{who} failed several times in a row: it is left alone {for_how_long}."
            )
        case TimeoutError() | openai.APITimeoutError():
            return TimedOutError(f"{who} did not answer in time: try again.")
        case openai.APIConnectionError():
            return ProviderUnavailableError(
                f"{who} cannot be reached: check the network and OPENAI_BASE_URL."
            )
        case openai.LengthFinishReasonError() | openai.ContentFilterFinishReasonError():
            return ProviderReplyError(f"{who} broke its answer off: put the query otherwise.")
    # Whatever else the SDK lets through comes of an answer that it could not read.
    return ProviderReplyError(
        f"{who} gave an answer that cannot be read: name a server that speaks OpenAI's format."
    )


def _translate_status(error: openai.APIStatusError, who: str, model: str) -> ProviderError:
    match error:
        case openai.RateLimitError() if error.code == "insufficient_quota":
            return ProviderRejectedError(f"{who} says that the quota is used up: check the plan.")
        case openai.RateLimitError():
            return RateLimitedError(f"{who} refused too many requests at once: try again later.")
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ProviderRejectedError(f"{who} refused the key: check OPENAI_API_KEY.")
        case openai.NotFoundError():
            return ProviderRejectedError(f"{who} does not know the model {model}: name another.")
        case openai.InternalServerError():
            return ProviderUnavailableError(
                f"{who} failed with status {error.status_code}: try again."
            )
    return ProviderRejectedError(
        f"{who} refused the request with status {error.status_code}: check the settings."
    )
