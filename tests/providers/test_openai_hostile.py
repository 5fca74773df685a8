"""A server that means harm, or is broken in a costly way: what it gets, and what it costs."""

import asyncio
import tracemalloc

import pytest
from fake_openai import CHAT, FakeOpenAI
from openai_routes import (
    QUERY,
    REGISTRY,
    Clock,
    counted,
    embedded,
    extracted,
    run_with,
)

from handoff.core.errors import (
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
    ProviderUnavailableError,
    RestingError,
    TimedOutError,
)
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.resilience.breaker import BreakerState
from handoff.resilience.spending import SpendingCap

MEGABYTE = 2**20


def answered(settings, **options):
    """Let the first agent answer."""
    return run_with(
        settings, lambda router, _: router.runner.run([(REGISTRY.agents[0], QUERY)]), **options
    )


ASKED = {
    "tags": lambda settings, **options: extracted(settings, [QUERY], **options),
    "vectors": lambda settings, **options: embedded(settings, [QUERY], **options),
    "an answer": answered,
}
every_call = pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)


@pytest.fixture
def paid_by():
    """Return a function that gives a cap of a dollar and a connection that it pays for."""

    def connected(settings):
        cap = SpendingCap(1, name="A test")
        return cap, OpenAIConnection(settings.openai, load_prices(), cap)

    return connected


@every_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_query_does_not_follow_a_redirect(server, configure, asked, status):
    """Whoever owns the configured address cannot send key or query on to somebody else."""
    with FakeOpenAI() as other:
        port = int(other.base_url.rsplit(":", 1)[1].split("/")[0])
        server.fail("v1", "redirect", times=None, status=status, port=port)

        with pytest.raises(ProviderRejectedError, match="name that address in OPENAI_BASE_URL"):
            asked(configure())

        assert len(server.requests) == 1
        assert other.requests == []


@every_call
@pytest.mark.parametrize("fault", ["endless", "compressed"])
def test_a_reply_takes_a_bounded_amount_of_memory(server, configure, asked, fault):
    """Neither a body without end nor 64 MB behind 64 kB of gzip is gathered."""
    asked(configure())
    server.fail("v1", fault, times=None)
    tracemalloc.start()
    try:
        with pytest.raises(ProviderReplyError):
            asked(configure(), on_disk=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The bound, held as pieces and joined, and the double that serves on this process's memory.
    assert peak < 24 * MEGABYTE


@every_call
def test_no_compressed_reply_is_asked_for(server, configure, asked):
    """What is not compressed cannot burst."""
    asked(configure())

    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


@every_call
@pytest.mark.parametrize("fault", ["drip", "hang"])
def test_a_server_that_uses_up_the_deadline_is_left_alone(server, configure, asked, fault):
    """Five attempts that the deadline ended open the breaker, as five time-outs do."""
    server.fail("v1", fault, times=None)
    settings = configure(timeout_seconds=5, deadline_seconds=0.15)
    connection = OpenAIConnection(
        settings.openai, load_prices(), SpendingCap(None, name="A test"), clock=Clock()
    )
    ends = []

    async def work(router, _):
        for number in range(6):
            query = f"{QUERY} {number}"
            calls = {
                ASKED["tags"]: lambda query=query: router.tagger.extract([query]),
                ASKED["vectors"]: lambda query=query: router.embedder.embed([query]),
                answered: lambda query=query: router.runner.run([(REGISTRY.agents[0], query)]),
            }
            with pytest.raises(ProviderError) as trouble:
                await calls[asked]()
            ends.append(type(trouble.value))

    run_with(settings, work, connection=connection, on_disk=False)

    assert ends == [TimedOutError] * 5 + [RestingError]
    assert len(server.requests) == 5


def test_a_call_that_its_caller_gives_up_says_nothing_of_the_server(server, configure):
    """Visitors who leave while they wait do not open the breaker for everybody else."""
    server.chat_delay_seconds = 5
    settings = configure(timeout_seconds=5, deadline_seconds=5)

    async def work(router, connection):
        for number in range(6):
            call = asyncio.create_task(router.tagger.extract([f"{QUERY} {number}"]))
            while len(server.requests) == number:  # noqa: ASYNC110 - on the server's thread
                await asyncio.sleep(0.001)
            call.cancel()
            await asyncio.wait([call])
        return connection.breakers["chat"].state

    assert run_with(settings, work) is BreakerState.WORKING


@every_call
def test_a_refusal_that_asks_for_patience_costs_nothing(server, configure, paid_by, asked):
    """A 429 is not billed, however long the server wants to be left alone."""
    server.fail("v1", "rate_limited", times=None, retry_after=30)
    settings = configure(deadline_seconds=0.5)
    cap, connection = paid_by(settings)

    with pytest.raises(ProviderUnavailableError):
        asked(settings, connection=connection)

    assert (cap.spent_usd, cap.left_usd) == (0, 1)


@every_call
@pytest.mark.parametrize("fault", ["half_body", "drip", "endless", "hang"])
def test_an_answer_that_began_or_may_come_is_paid_for(server, configure, paid_by, asked, fault):
    """What a server wrote before the line broke is billed: all that was set aside counts."""
    server.fail("v1", fault, times=None)
    settings = configure(timeout_seconds=0.2, deadline_seconds=0.3)
    cap, connection = paid_by(settings)

    with pytest.raises(ProviderError):
        asked(settings, connection=connection)

    assert cap.spent_usd > 0
    assert cap.left_usd == pytest.approx(1 - cap.spent_usd)


def test_an_answer_that_its_visitor_left_is_paid_for(server, configure, paid_by):
    """The pieces that came were billed, so that leaving early is no way around a cap."""
    settings = configure()
    cap, connection = paid_by(settings)

    def leave(_):
        raise asyncio.CancelledError

    async def work(router, _):
        running = asyncio.create_task(
            router.runner.run([(REGISTRY.agents[0], QUERY)], on_text=leave)
        )
        await asyncio.wait([running])
        return running.cancelled()

    assert run_with(settings, work, connection=connection)
    assert counted(server) == {CHAT: 1}
    assert cap.spent_usd > 0
