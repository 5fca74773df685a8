"""A server that is down is left alone, and no error tells the key."""

import asyncio
import re

import pytest
from fake_openai import (
    CHAT,
    EMBEDDINGS,
)
from openai_routes import (
    KEY,
    POLICY,
    QUERY,
    SECRET,
    WHO,
    Clock,
    chain,
    counted,
    embedded,
    extracted,
    facts_of,
    run_with,
)

from handoff.core.errors import (
    ProviderError,
    ProviderUnavailableError,
    RestingError,
)
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.resilience.breaker import BreakerState
from handoff.resilience.spending import SpendingCap


def test_a_server_that_is_down_is_left_alone(server, configure):
    """A hundred routes ask at most 24 times over both endpoints, and all end in a sentence."""
    server.fail("v1", "server_error", times=None, status=503)

    async def work(router, _):
        routes = (router.route(f"query {number}", POLICY) for number in range(100))
        return await asyncio.gather(*routes, return_exceptions=True)

    results = run_with(configure(), work)

    assert all(isinstance(result, ProviderUnavailableError) for result in results)
    assert any(isinstance(result, RestingError) for result in results)
    assert len(server.requests) <= 24


def test_chat_that_is_down_does_not_stop_embeddings(server, configure):
    """Each endpoint has a breaker of its own, and the stage says how long chat rests."""
    server.fail("chat", "server_error", times=None)

    async def work(router, connection):
        routes = [await router.route(f"query {number}", POLICY) for number in range(10)]
        return routes, {name: breaker.state for name, breaker in connection.breakers.items()}

    routes, states = run_with(configure(), work)

    assert states == {"chat": BreakerState.RESTING, "embeddings": BreakerState.WORKING}
    assert {route.evidence.degraded for route in routes} == {("extract_tags",)}
    assert counted(server) == {CHAT: 5, EMBEDDINGS: 11}
    assert re.fullmatch(
        rf"{WHO} failed several times in a row: it is left alone for 1\d s\.",
        facts_of(routes[-1], "extract_tags").trouble,
    )


@pytest.mark.parametrize("fault", ["rate_limited", "quota", "unauthorized", "bad_request"])
def test_a_refusal_does_not_open_the_breaker(server, configure, fault):
    """A server that refuses is up: neither 429 nor another 4xx counts as a failure."""
    server.fail("chat", fault, times=None)

    async def work(router, connection):
        for number in range(6):
            with pytest.raises(ProviderError):
                await router.tagger.extract([f"query {number}"])
        return connection.breakers["chat"].state

    assert run_with(configure(), work) is BreakerState.WORKING


def test_a_server_that_is_up_again_is_asked_again(server, configure):
    """After the rest one attempt succeeds, and everything works as before."""
    server.fail("embeddings", "server_error", times=5)
    settings = configure()
    clock = Clock()
    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(
        settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
    )

    async def work(router, connection):
        for _ in range(3):
            with pytest.raises(ProviderUnavailableError):
                await router.embedder.embed(["fresh bread"])
        rests = connection.breakers["embeddings"].state
        clock.now += 16
        rows = await router.embedder.embed(["fresh bread"])
        return rests, rows, connection.breakers["embeddings"].state

    rests, rows, after = run_with(settings, work, connection=connection)

    assert rests is BreakerState.RESTING
    assert rows.shape == (1, 1536)
    assert after is BreakerState.WORKING
    assert len(server.requests) == 6


def test_who_waits_for_a_probe_is_not_told_to_wait_no_time(server, configure):
    """While one attempt tries whether the server is up again, nobody reads of 0 seconds."""
    server.fail("embeddings", "server_error", times=5)
    settings = configure()
    clock = Clock()
    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(
        settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
    )

    async def work(router, _):
        for _ in range(2):
            with pytest.raises(ProviderUnavailableError):
                await router.embedder.embed(["fresh bread"])
        clock.now += 16
        server.embeddings_delay_seconds = 0.1
        calls = (router.embedder.embed([text]) for text in ("a sofa", "a tulip"))
        return await asyncio.gather(*calls, return_exceptions=True)

    probe, other = run_with(settings, work, connection=connection)

    assert probe.shape == (1, 1536)
    assert isinstance(other, RestingError)
    assert "for 0 s" not in str(other)


def test_an_address_that_holds_the_word_chat_does_not_mix_the_breakers(server, configure):
    """The endpoint counts, not what stands in the server's address."""
    server.fail("embeddings", "server_error", times=None)

    async def work(router, connection):
        for number in range(3):
            with pytest.raises(ProviderError):
                await router.embedder.embed([f"text {number}"])
        return {name: breaker.state for name, breaker in connection.breakers.items()}

    states = run_with(configure(base_url=f"{server.base_url}/chatgateway"), work)

    assert states == {"chat": BreakerState.WORKING, "embeddings": BreakerState.RESTING}


@pytest.mark.parametrize("fault", ["unauthorized", "server_error", "hang", "drop", "broken_json"])
@pytest.mark.parametrize("endpoint", ["chat", "embeddings"])
def test_no_error_leads_to_the_request_that_holds_the_key(server, configure, endpoint, fault):
    """Whoever dumps an error and all behind it does not find the key in their attributes."""
    server.fail(endpoint, fault, times=None)
    ask = {"chat": extracted, "embeddings": embedded}[endpoint]

    with pytest.raises(ProviderError) as trouble:
        ask(configure(timeout_seconds=0.5, deadline_seconds=1), ["fresh bread"])

    for error in chain(trouble.value):
        for held in (vars(error).get("request"), vars(error).get("_request")):
            headers = [] if held is None else held.headers.items()
            assert SECRET not in str(list(headers))


def test_neither_facts_nor_identities_nor_settings_show_the_key(server, configure):
    """What is shown or kept of a route holds no part of the key, good or degraded."""
    server.fail("chat", "unauthorized")
    settings = configure()

    async def work(router, connection):
        routes = [await router.route(query, POLICY) for query in (QUERY, "bread", QUERY)]
        names = [router.embedder.identity, router.tagger.identity]
        return routes, names, repr(connection.settings)

    routes, names, shown = run_with(settings, work)

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert SECRET not in repr([route.spans for route in routes])
    assert SECRET not in repr([route.evidence for route in routes])
    assert SECRET not in f"{names} {shown} {settings!r}"
    for file in settings.cache_dir.iterdir():
        assert SECRET.encode() not in file.read_bytes()
