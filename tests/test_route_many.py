"""Many queries: order kept, failures beside successes, and the fallback."""

import asyncio

import pytest

from handoff.core.errors import ProviderError, ProviderUnavailableError, SpendingCapError
from handoff.core.lexical import build_lexicon
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.index.exact import ExactIndex
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.router import QUERIES_AT_ONCE, Router
from handoff.trace import Trace

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "bread from the oven", ("bread",)),
        Agent("florist", "Florist", "roses and a bouquet", ("roses",)),
    )
)
LEXICON = build_lexicon([agent.description for agent in REGISTRY.agents])
POLICY = Policy(0.3, ThresholdSource.EMBEDDER)


class OtherEmbedder(ScriptedEmbedder):
    """The same directions under another identity and with another default threshold."""

    identity = "other-embedder"
    default_threshold = 0.05


def make_router(embedder=None, tagger=None, fallback=None):
    """Join scripted parts."""
    embedder = embedder or ScriptedEmbedder()
    tagger = tagger or ScriptedTagExtractor(REGISTRY)
    index = ExactIndex(REGISTRY, embedder)
    return Router(REGISTRY, embedder, tagger, index, LEXICON, SimulatedRunner(), fallback)


def route_many(router, queries):
    """Collect what comes for the queries."""

    async def collect():
        return [each async for each in router.route_many(queries, POLICY)]

    return asyncio.run(collect())


def test_order_is_kept_over_parts():
    """The n-th result belongs to the n-th query, across batches."""
    queries = [f"bread number {number}" for number in range(2 * QUERIES_AT_ONCE + 3)]

    routes = route_many(make_router(), queries)

    assert [route.evidence.query for route in routes] == queries


def test_a_part_is_one_batch_for_the_embedder():
    """The registry and each part of the queries are one call each."""
    embedder = ScriptedEmbedder()

    route_many(make_router(embedder), ["bread"] * (QUERIES_AT_ONCE + 1))

    assert [len(texts) for texts in embedder.calls] == [2, QUERIES_AT_ONCE, 1]


def test_queries_are_taken_as_they_are_needed():
    """A generator of queries is read a part at a time, so memory does not grow with it."""
    taken = []

    def queries():
        for number in range(5 * QUERIES_AT_ONCE):
            taken.append(number)
            yield f"bread {number}"

    async def first():
        routes = make_router().route_many(queries(), POLICY)
        await anext(routes)
        await routes.aclose()

    asyncio.run(first())

    assert len(taken) == QUERIES_AT_ONCE


def test_a_failed_part_stands_beside_the_others():
    """Each query of it gets the error; the next part is routed."""
    embedder = ScriptedEmbedder()
    router = make_router(embedder)
    failure = ProviderError("It is down.")

    async def collect():
        results = []
        async for each in router.route_many(["bread"] * (QUERIES_AT_ONCE + 2), POLICY):
            results.append(each)
            embedder.failure = None
        return results

    asyncio.run(router.index.prepare())
    embedder.failure = failure
    results = asyncio.run(collect())

    assert results[:QUERIES_AT_ONCE] == [failure] * QUERIES_AT_ONCE
    assert [route.decision.agent.id for route in results[QUERIES_AT_ONCE:]] == ["baker", "baker"]


def test_one_querys_missing_tags_degrade_that_query_only():
    """The others keep their tags."""

    class Half:
        identity = "half"

        async def extract(self, queries):
            return [None if "roses" in query else ("bread",) for query in queries]

    first, second = route_many(make_router(tagger=Half()), ["bread", "roses"])

    assert first.evidence.degraded == ()
    assert second.evidence.degraded == ("extract_tags",)
    assert second.ranking.candidates == 2


def test_the_fallback_takes_over_query_and_registry():
    """Evidence is wholly the fallback's, marked, and judged by its default threshold."""
    down = ScriptedEmbedder()
    down.failure = ProviderUnavailableError("It is down.")
    fallback = make_router(OtherEmbedder())
    router = make_router(down, fallback=fallback)
    trace = Trace()

    evidence = asyncio.run(router.gather("bread", trace))
    (query_span,) = (span for span in trace.spans if span.name == "embed_query")

    assert evidence.embedder == "other-embedder"
    assert evidence.degraded == ("embed_query",)
    assert query_span.facts.trouble == "It is down."
    assert router.policy_for(evidence, POLICY).threshold == 0.05


def test_the_fallback_hands_off_what_it_can_read():
    """A query that the first embedder knows and the fallback does not is nobody's meanwhile."""
    embedder, latin = ScriptedEmbedder(), OtherEmbedder()
    latin.scripts = frozenset({"Latin"})
    router = make_router(embedder, fallback=make_router(latin))
    query = "bread oven Καλημέρα καλημέρα"

    (before,) = route_many(router, [query])
    embedder.failure = ProviderUnavailableError("It is down.")
    (meanwhile,) = route_many(router, [query])

    assert (before.decision.agent.id, before.decision.unknown_script) == ("baker", None)
    assert (meanwhile.decision.agent, meanwhile.decision.unknown_script) == (None, "Greek")


def test_a_chosen_threshold_is_kept_on_the_fallback():
    """Only the default follows the embedder."""
    down = ScriptedEmbedder()
    down.failure = ProviderUnavailableError("It is down.")
    router = make_router(down, fallback=make_router(OtherEmbedder()))
    evidence = asyncio.run(router.gather("bread", Trace()))
    chosen = Policy(0.7, ThresholdSource.ARGUMENT)

    assert router.policy_for(evidence, chosen) is chosen


def test_a_refusal_is_nothing_to_fall_back_from():
    """A wrong key would stay wrong: it is an error, with a fallback too."""
    down = ScriptedEmbedder()
    down.failure = ProviderError("It refused the key.")
    router = make_router(down, fallback=make_router(OtherEmbedder()))

    with pytest.raises(ProviderError, match="refused the key"):
        asyncio.run(router.gather("bread", Trace()))


def test_a_spending_cap_is_no_degraded_stage():
    """Who set a cap wants to be told, not to get worse routes."""
    tagger = ScriptedTagExtractor(REGISTRY)
    tagger.failure = SpendingCapError("The cap is reached.")

    with pytest.raises(SpendingCapError):
        asyncio.run(make_router(tagger=tagger).gather("bread", Trace()))
