"""All calls to OpenAI: guarded, limited, and paid for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from handoff.core.errors import (
    LoadingError,
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
    RateLimitedError,
    SpendingCapError,
    TimedOutError,
)
from handoff.files.openai_settings import OpenAISettings
from handoff.files.servers import Server
from handoff.providers.openai.complaints import refuse_error
from handoff.providers.openai.dialect import Dialects, Field, Phrasing
from handoff.providers.openai.prices import Price
from handoff.providers.openai.refusals import blames_texts
from handoff.resilience.breaker import Breaker
from handoff.resilience.limiter import RateLimiter
from handoff.resilience.spending import SpendingCap, visitor_cap
from handoff.resilience.warming import Warmth
from handoff.trace import note

if TYPE_CHECKING:
    from handoff.providers.openai.sdk import Course

MOST_REPLY_BYTES = 4 * 2**20
"""A streamed answer of 400 tokens takes a thirtieth of it."""

LOADING_PAUSE_SECONDS = 1.0
"""Between two requests to a server that says that it is loading a model."""

Reply = TypeVar("Reply")
Result = TypeVar("Result")


Send = Callable[[dict[str, Any], Any], Awaitable[Reply]]
"""Makes one request of this body with the SDK's client."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be made.

    Attributes:
        endpoint: `chat` or `embeddings`.
        model: Whose price counts.
        body: What is asked whatever the server is like, beside the model.
        fields: What is asked in whichever form the server takes.
        most_input_tokens: It cannot take more.
        most_output_tokens: It may not answer more.
        most_reply_bytes: A longer reply is no answer to it.
    """

    endpoint: str
    model: str
    body: Mapping[str, Any]
    fields: Sequence[Field]
    most_input_tokens: int
    most_output_tokens: int = 0
    most_reply_bytes: int = MOST_REPLY_BYTES


@dataclass(slots=True)
class _Patience:
    """How long a call may still take, over all its requests.

    Attributes:
        seconds: What is left.
        is_first: It waits for a model that may have to be loaded, in one attempt.
    """

    seconds: float
    is_first: bool = False


class OpenAIConnection:
    """Shared by all providers of one process; a client is made on the loop that first uses it."""

    def __init__(
        self,
        settings: OpenAISettings,
        prices: dict[str, Price],
        cap: SpendingCap,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Connect to nothing yet.

        Args:
            settings: How to reach OpenAI.
            prices: By model.
            cap: What may be spent.
            clock: For breakers and limiters, seconds that never go back.
            sleep: For limiters, and while a model is loaded.
        """
        self.settings = settings
        self.breakers = {name: Breaker(name, clock=clock) for name in ("chat", "embeddings")}
        self.dialects = Dialects()
        self.prices = prices
        self._cap = cap
        self._slots = {name: asyncio.Semaphore(settings.concurrency) for name in self.breakers}
        self._requests = RateLimiter(settings.requests_per_minute, clock=clock, sleep=sleep)
        self._tokens = RateLimiter(settings.tokens_per_minute, clock=clock, sleep=sleep)
        self._sleep = sleep
        self._clock = clock
        self._clients: dict[Server, Any] = {}
        self._warmths: dict[tuple[str, str], Warmth] = {}

    async def close(self) -> None:
        """Close the clients' connections, on the loop that used them."""
        while self._clients:
            await self._clients.popitem()[1].close()

    def is_cold(self, endpoint: str) -> bool:
        """Tell whether the model of `chat` or `embeddings` may have to be loaded."""
        settings = self.settings
        if (
            settings.server(endpoint).is_openai
            or settings.first_seconds <= settings.deadline_seconds
        ):
            return False
        model = settings.chat_model if endpoint == "chat" else settings.embedding_model
        return self._warmth(endpoint, model).is_cold

    async def call(
        self,
        call: Call,
        send: Send[Reply],
        read: Callable[[Reply], Result],
    ) -> Result:
        """Make a request through the SDK, book what it used, and read the reply.

        Where the server refuses a field, the same is asked again in another form of it. Each
        request is booked and counted as any other; the deadline is that of all together. A model
        that may have to be loaded is asked by one call first, which waits longer, and for which
        the others wait.

        Args:
            call: What is asked, and what it may cost at most.
            send: Makes a request of this body with the SDK's client.
            read: Makes sense of the reply, which has `usage`; may raise anything.

        Raises:
            ProviderError: Refused before the call, failed, or not understood.
        """
        if not self.is_cold(call.endpoint):
            return await self._negotiate(
                call, send, read, _Patience(self.settings.deadline_seconds)
            )
        async with self._warmth(call.endpoint, call.model).asking() as is_first:
            settings = self.settings
            seconds = settings.first_seconds if is_first else settings.deadline_seconds
            patience = _Patience(seconds, is_first=is_first)
            try:
                return await self._negotiate(call, send, read, patience)
            except TimedOutError:
                if not is_first:
                    raise
            raise TimedOutError(
                f"{settings.server(call.endpoint).called} did not answer within {seconds:g} s, "
                "which is the time for loading a model: try again, or raise "
                "HANDOFF_OPENAI_FIRST_SECONDS."
            )

    async def _negotiate(
        self,
        call: Call,
        send: Send[Reply],
        read: Callable[[Reply], Result],
        patience: "_Patience",
    ) -> Result:
        """Ask until the server takes the fields as they are put."""
        server = self.settings.server(call.endpoint)
        dialect = self.dialects.of(call.endpoint, call.model)
        phrasing = Phrasing(dialect, call.fields, at_openai=server.is_openai)

        async def put(client: Any) -> Reply:  # noqa: ANN401 - the SDK is not imported here
            return await send({"model": call.model, **call.body, **phrasing.put()}, client)

        while True:
            try:
                result = await self._ask_loaded(call, put, read, patience)
            except ProviderRejectedError as error:
                blamed = phrasing.blamed(error.status, error.said)
                if blamed is None:
                    raise
                if not phrasing.reword(blamed, lasting=not blames_texts(error.said)):
                    raise ProviderRejectedError(
                        f"{server.called} refuses {blamed.name}, and goes on to refuse it where "
                        "it is left out: name another server or model.",
                        status=error.status,
                        said=error.said,
                    ) from None
            else:
                phrasing.accepted()
                return result
            note(retries=1)

    async def _ask_loaded(
        self,
        call: Call,
        send: Callable[[Any], Awaitable[Reply]],
        read: Callable[[Reply], Result],
        patience: "_Patience",
    ) -> Result:
        """Make one request, and again as long as the server says that it loads the model."""
        while True:
            try:
                return await self._ask(call, send, read, patience)
            except LoadingError:
                if not patience.is_first or patience.seconds <= LOADING_PAUSE_SECONDS:
                    raise
            patience.seconds -= LOADING_PAUSE_SECONDS
            await self._sleep(LOADING_PAUSE_SECONDS)

    def _warmth(self, endpoint: str, model: str) -> Warmth:
        """Return whether a model answered lately, as far as this process knows."""
        answers = (RateLimitedError, ProviderRejectedError, ProviderReplyError)
        return self._warmths.setdefault(
            (endpoint, model), Warmth(answers, (SpendingCapError,), clock=self._clock)
        )

    async def _ask(
        self,
        call: Call,
        send: Callable[[Any], Awaitable[Reply]],
        read: Callable[[Reply], Result],
        patience: "_Patience",
    ) -> Result:
        """Make one request, with the SDK's retries; see `call`."""
        sdk = load_sdk()
        server = self.settings.server(call.endpoint)
        price = self.prices.get(call.model)
        payers = [self._cap, *filter(None, [visitor_cap.get()])]
        reserved = self._reserve(call, price, payers)
        failure: ProviderError
        course = None
        try:
            async with self._slots[call.endpoint]:
                await self._wait_for_limits(call)
                if server not in self._clients:
                    self._clients[server] = sdk.connect(
                        server, self.settings, self.breakers, self._requests
                    )
                async with sdk.following(patience.seconds, call.most_reply_bytes) as course:
                    client = self._clients[server]
                    if patience.is_first:
                        client = sdk.patient(client, patience.seconds)
                    reply = await send(client)
            refuse_error(reply, server)
            tokens = sdk.usage(reply)
            _book(payers, reserved, price, tokens)
            reserved = 0.0
            payers = []
            return read(reply)
        except ProviderError as error:
            failure = error
        except asyncio.CancelledError:
            _give_up(payers, reserved, course)
            raise
        except Exception as error:  # noqa: BLE001 - the SDK leaks errors of many libraries
            failure = sdk.translate(error, self.settings, server, call.model)
        _give_up(payers, reserved, course)
        if course is not None:
            patience.seconds = course.seconds_left
        # Raised out here, so that the SDK's error, which holds the request and with it the key,
        # hangs on to nothing.
        raise failure

    async def _wait_for_limits(self, call: Call) -> None:
        settings = self.settings
        if settings.requests_per_minute is not None and settings.requests_per_minute < 1:
            raise ProviderRejectedError(
                "No request fits the limit: set HANDOFF_OPENAI_REQUESTS_PER_MINUTE to at least 1."
            )
        await self._requests.acquire()
        tokens = call.most_input_tokens + call.most_output_tokens
        # The bound counts bytes; what it says of a large batch may be over any limit.
        await self._tokens.acquire(min(tokens, settings.tokens_per_minute or tokens))

    def _reserve(self, call: Call, price: Price | None, payers: Sequence[SpendingCap]) -> float:
        if price is None:
            if any(payer.left_usd is not None for payer in payers):
                raise ProviderRejectedError(
                    f"What {call.model} costs is not known, so the spending cap cannot hold: add "
                    "its price with HANDOFF_PRICES, or take HANDOFF_SPENDING_CAP_USD away."
                )
            return 0.0
        reserved = price.cost_usd(call.most_input_tokens, call.most_output_tokens)
        for at, payer in enumerate(payers):
            try:
                payer.reserve(reserved)
            except SpendingCapError:
                for earlier in payers[:at]:
                    earlier.release(reserved)
                raise
        return reserved


def load_sdk() -> ModuleType:
    """Load the SDK, which takes a second or two, the first time."""
    from handoff.providers.openai import sdk  # noqa: PLC0415 - only who calls pays for it

    return sdk


def _give_up(payers: Sequence[SpendingCap], reserved: float, course: "Course | None") -> None:
    """Book a call that failed: what was answered, or may still be, is billed though of no use."""
    for payer in payers:
        if course is not None and course.billable:
            payer.settle(reserved, None)
        else:
            payer.release(reserved)


def _book(
    payers: Sequence[SpendingCap], reserved: float, price: Price | None, tokens: tuple[int, int]
) -> None:
    """Put what a reply used on its span and on everybody's bill."""
    tokens_in, tokens_out = tokens
    is_counted = tokens_in + tokens_out > 0
    spent = price.cost_usd(tokens_in, tokens_out) if price is not None and is_counted else None
    for payer in payers:
        payer.settle(reserved, spent)
    if not is_counted:
        note(uncounted=1)
        return
    note(tokens=tokens_in + tokens_out, cost_usd=spent)
