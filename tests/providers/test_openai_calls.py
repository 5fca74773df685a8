"""How often OpenAI is asked: once for the same, together for many, at the same time for both."""

import asyncio

import numpy as np
from fake_openai import (
    CHAT,
    EMBEDDINGS,
)
from openai_routes import POLICY, QUERY, counted, facts_of, routed, run_with


def test_a_cold_route_asks_three_times_a_warm_one_twice_and_a_known_one_never(server, configure):
    """Tags, agents and query; then tags and query; then nobody."""

    async def work(router, _):
        counts = []
        for query in (QUERY, "Who carries furniture?", QUERY):
            server.clear()
            await router.route(query, POLICY)
            counts.append(counted(server))
        return counts

    cold, warm, known = run_with(configure(), work)

    assert cold == {CHAT: 1, EMBEDDINGS: 2}
    assert warm == {CHAT: 1, EMBEDDINGS: 1}
    assert not known


def test_the_next_process_knows_what_this_one_learned(server, configure):
    """Agents and queries come from the file after a new start, in the same words."""
    before = routed(configure())
    server.clear()
    after = routed(configure())

    assert not server.requests
    assert after.evidence.tags == before.evidence.tags
    assert np.array_equal(after.evidence.similarities, before.evidence.similarities)
    assert facts_of(after, "extract_tags").from_cache
    assert facts_of(after, "extract_tags").tokens is None


def test_what_is_not_kept_is_asked_for_again(server, configure):
    """Without the cache, each route of one query asks for its tags and its vector."""

    async def work(router, _):
        await router.route(QUERY, POLICY)
        await router.route(QUERY, POLICY)

    run_with(configure(), work, on_disk=False)

    assert counted(server) == {CHAT: 2, EMBEDDINGS: 3}


def test_another_model_does_not_meet_the_vectors_of_the_first(server, configure):
    """Identities keep what one model said apart from what another one says."""
    routed(configure())
    server.clear()
    routed(configure(embedding_model="text-embedding-3-large", chat_model="other"))

    assert counted(server) == {CHAT: 1, EMBEDDINGS: 2}


def test_ten_identical_routes_at_once_ask_three_times(server, configure):
    """Whoever asks for what is under way waits for it."""
    server.chat_delay_seconds = server.embeddings_delay_seconds = 0.05

    async def work(router, _):
        return await asyncio.gather(*(router.route(QUERY, POLICY) for _ in range(10)))

    routes = run_with(configure(), work)

    assert counted(server) == {CHAT: 1, EMBEDDINGS: 2}
    assert len({route.evidence.tags for route in routes}) == 1


def test_a_cancelled_first_caller_does_not_take_the_others_along(server, configure):
    """The work goes on for those who still wait for it."""
    server.chat_delay_seconds = server.embeddings_delay_seconds = 0.1

    async def work(router, _):
        first, *others = [asyncio.create_task(router.route(QUERY, POLICY)) for _ in range(5)]
        while len(server.requests) < 3:  # noqa: ASYNC110 - they arrive on the server's thread
            await asyncio.sleep(0.001)
        first.cancel()
        routes = await asyncio.gather(*others)
        return first.cancelled(), routes

    cancelled, routes = run_with(configure(), work)

    assert cancelled
    assert [route.evidence.degraded for route in routes] == [()] * 4
    assert {route.evidence.tags for route in routes} == {routes[0].evidence.tags}
    assert counted(server)[CHAT] == 1


def test_tags_and_vectors_are_asked_for_at_the_same_time(server, configure):
    """A server that answers neither endpoint before both were asked holds nobody up."""
    server.both_first = True

    route = routed(configure(timeout_seconds=3, deadline_seconds=10))

    assert route.evidence.degraded == ()
    assert counted(server) == {CHAT: 1, EMBEDDINGS: 2}
