"""What a call to OpenAI costs, the cap on it, and how much may be asked in a minute."""

import asyncio
import json
import math

import pytest
from fake_openai import (
    CHAT,
    EMBEDDINGS,
    Quirks,
    Reply,
    answers,
    encoded,
    tokens_in,
)
from openai_routes import (
    POLICY,
    QUERY,
    REGISTRY,
    Clock,
    counted,
    embedded,
    extracted,
    facts_of,
    routed,
    run_with,
)

from handoff.core.errors import (
    ProviderError,
    ProviderRejectedError,
    ProviderReplyError,
)
from handoff.core.texts import agent_text
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.providers.openai.tagger import PROMPT
from handoff.resilience.spending import SpendingCap, SpendingCapError, visitor_cap
from handoff.trace import billed


def test_tokens_and_cost_stand_on_the_spans(at_openai):
    """Each stage says what it used, at gpt-4o-mini's and text-embedding-3-small's prices."""
    route = routed(at_openai(), "Who sells bread?")

    asked, answered = tokens_in(PROMPT + "Who sells bread?"), tokens_in('{"tags": ["bread"]}')
    agents = sum(tokens_in(agent_text(agent)) for agent in REGISTRY.agents)
    query = tokens_in("Who sells bread?")
    tags, vector, index = (
        facts_of(route, stage) for stage in ("extract_tags", "embed_query", "embed_agents")
    )
    assert (tags.tokens, vector.tokens, index.tokens) == (asked + answered, query, agents)
    assert tags.cost_usd == pytest.approx((0.15 * asked + 0.60 * answered) / 1e6)
    assert vector.cost_usd == pytest.approx(0.02 * query / 1e6)
    assert index.cost_usd == pytest.approx(0.02 * agents / 1e6)
    assert (tags.retries, vector.retries, index.retries) == (None, None, None)
    assert billed(route.spans)[0] == asked + answered + query + agents


def test_the_cost_of_an_unknown_model_is_unknown(configure):
    """Tokens are counted where no price is known, and the whole route's cost is none."""
    route = routed(configure(chat_model="mystery"))

    facts = facts_of(route, "extract_tags")
    assert facts.tokens > 0
    assert facts.cost_usd is None
    assert billed(route.spans)[1] is None


def test_retries_are_counted(server, configure):
    """Two failures before a success are two retries of one stage."""
    server.fail("chat", "server_error", times=2)

    route = routed(configure())

    assert route.evidence.degraded == ()
    assert facts_of(route, "extract_tags").retries == 2


def test_the_cap_refuses_the_call_that_could_pass_it(server, configure):
    """The first call fits under the cap, the second does not, and the server never sees it."""

    async def work(router, _):
        await router.embedder.embed(["a" * 100])
        before = counted(server)
        with pytest.raises(SpendingCapError) as refusal:
            await router.embedder.embed(["b" * 100])
        return before, str(refusal.value)

    before, sentence = run_with(configure(cap=2.2e-6), work)

    assert before == counted(server) == {EMBEDDINGS: 1}
    assert sentence.endswith(
        "may cost 0.000003 USD in all, with 0.000001 USD spent, and this call could cost "
        "0.000002 USD: raise HANDOFF_SPENDING_CAP_USD or use the embedded model."
    )


def test_calls_under_way_count_against_the_cap(server, configure):
    """Of ten calls at once only as many are made as fit together at their worst."""
    server.embeddings_delay_seconds = 0.05

    async def work(router, _):
        calls = (router.embedder.embed([str(number) * 100]) for number in range(10))
        return await asyncio.gather(*calls, return_exceptions=True)

    results = run_with(configure(cap=6.5e-6), work)

    assert sum(isinstance(result, SpendingCapError) for result in results) == 7
    assert counted(server) == {EMBEDDINGS: 3}


def test_a_cancelled_call_sets_nothing_aside_any_more(server, configure):
    """What was set aside for a call is free again when its caller has gone."""
    server.embeddings_delay_seconds = 0.3
    settings = configure()
    cap = SpendingCap(1, name="A test")
    connection = OpenAIConnection(settings.openai, load_prices(), cap)

    async def work(router, _):
        call = asyncio.create_task(router.embedder.embed(["a" * 1_000]))
        while not server.requests:  # noqa: ASYNC110 - they arrive on the server's thread
            await asyncio.sleep(0.001)
        during = cap.left_usd
        call.cancel()
        await asyncio.wait([call])
        await asyncio.sleep(0)
        return during

    during = run_with(settings, work, connection=connection)

    assert during == pytest.approx(1 - 2e-5)
    assert cap.left_usd == pytest.approx(1)


def test_an_empty_purse_does_not_fail_another_visitors_query(server, configure):
    """Two ask the same at the same moment: the one without money is refused, the other served."""
    server.chat_delay_seconds = server.embeddings_delay_seconds = 0.05
    purses = [SpendingCap(usd, name="This session") for usd in (1e-9, 1)]

    async def work(router, _):
        tasks = []
        for purse in purses:
            token = visitor_cap.set(purse)
            tasks.append(asyncio.create_task(router.route(QUERY, POLICY)))
            visitor_cap.reset(token)
        return await asyncio.gather(*tasks, return_exceptions=True)

    poor, rich = run_with(configure(), work)

    assert isinstance(poor, SpendingCapError)
    assert rich.evidence.tags
    assert purses[0].spent_usd == 0
    assert purses[1].spent_usd > 0


def test_the_caps_sentence_begins_with_a_capital(configure):
    """What is refused for its cost is told in a sentence like all others."""
    with pytest.raises(SpendingCapError) as refusal:
        embedded(configure(cap=1e-9), ["fresh bread"])

    assert str(refusal.value)[0].isupper()


def test_a_cap_that_is_reached_ends_the_route(server, configure):
    """Tags that could pass the cap are no mere trouble of a stage."""
    with pytest.raises(SpendingCapError, match="HANDOFF_SPENDING_CAP_USD"):
        routed(configure(cap=1.2e-5))

    assert CHAT not in counted(server)


def test_a_cap_needs_a_price(server, configure):
    """A model of unknown price is not asked under a cap."""
    with pytest.raises(ProviderRejectedError) as refusal:
        embedded(configure(cap=1, embedding_model="mine", dimensions=8), ["fresh bread"])

    assert str(refusal.value) == (
        "What mine costs is not known, so the spending cap cannot hold: add its price with "
        "HANDOFF_PRICES, or take HANDOFF_SPENDING_CAP_USD away."
    )
    assert not server.requests


@pytest.mark.parametrize("fault", ["length", "content_filter", "not_json", "wrong_tag", "refusal"])
def test_an_answer_of_no_use_is_paid_for(server, configure, fault):
    """OpenAI bills what it wrote, so the cap counts it whether or not it could be used."""
    server.fail("chat", fault)
    settings = configure()
    cap = SpendingCap(1, name="A test")
    connection = OpenAIConnection(settings.openai, load_prices(), cap)

    with pytest.raises(ProviderReplyError):
        extracted(settings, [QUERY], connection=connection)

    assert cap.spent_usd > 0


ODD_USAGES = {
    "absent": {},
    "null": {"usage": None},
    "words": {"usage": {"prompt_tokens": "many", "completion_tokens": 1}},
    "digits": {"usage": {"prompt_tokens": "7", "total_tokens": "7"}},
    "a part": {"usage": {"prompt_tokens": 7.5}},
    "negative": {"usage": {"prompt_tokens": -1_000_000, "completion_tokens": 1}},
    "a list": {"usage": {"prompt_tokens": [1]}},
    "infinite": {"usage": {"prompt_tokens": math.inf}},
    "endless": {"usage": {"prompt_tokens": 10**400}},
    "a number": {"usage": 7},
}


@pytest.mark.parametrize("usage", ODD_USAGES.values(), ids=ODD_USAGES)
def test_an_answer_that_does_not_say_its_usage_counts_in_full(configure, monkeypatch, usage):
    """A server that counts oddly is usable, and the cap takes the most that it could cost."""
    answer = answers.embeddings_reply

    def without_usage(body, fault):
        whole = json.loads(answer(body, fault).body)
        del whole["usage"]
        return Reply((encoded(whole | usage),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", without_usage)
    settings = configure()
    cap = SpendingCap(1, name="A test")
    connection = OpenAIConnection(settings.openai, load_prices(), cap)

    rows = embedded(settings, ["a" * 100], connection=connection)

    assert rows.shape == (1, 1536)
    assert cap.spent_usd == pytest.approx(2e-6)


def test_what_is_not_said_is_unknown_and_never_zero(server, configure):
    """A model with a price cost something, and nobody knows what."""
    server.quirks = Quirks(bare=True)

    assert billed(routed(configure()).spans) == (None, None)


@pytest.mark.parametrize("usage", ODD_USAGES.values(), ids=ODD_USAGES)
def test_tags_are_taken_whatever_is_said_of_their_usage(configure, monkeypatch, usage):
    """What a chat costs is a question of its own."""
    answer = answers.chat_reply

    def oddly_counted(body, fault, number):
        whole = json.loads(answer(body, fault, number).body)
        del whole["usage"]
        return Reply((encoded(whole | usage),))

    monkeypatch.setattr("fake_openai.server.chat_reply", oddly_counted)

    assert extracted(configure(), ["bread"]) == [("bread",)]


@pytest.mark.parametrize(
    ("failures", "calls"),
    [pytest.param(0, 3, id="three calls"), pytest.param(1, 2, id="two calls and a retry")],
)
def test_requests_a_minute_hold(server, configure, failures, calls):
    """The third request of a minute waits until the first is a minute old, a retry counted."""
    if failures:
        server.fail("embeddings", "server_error", times=failures)
    settings = configure(requests_per_minute=2)
    clock = Clock()
    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(
        settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
    )

    async def work(router, _):
        for number in range(calls):
            await router.embedder.embed([f"text {number}"])

    run_with(settings, work, connection=connection)

    assert len(server.requests) == 3
    assert clock.naps == [60.0]


def test_tokens_a_minute_hold(server, configure):
    """What a call could take at most is waited for, over both endpoints' calls together."""
    settings = configure(tokens_per_minute=250)
    clock = Clock()
    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(
        settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
    )

    async def work(router, _):
        for letter in "abc":
            await router.embedder.embed([letter * 100])

    run_with(settings, work, connection=connection)

    assert len(server.requests) == 3
    assert clock.naps == [60.0]


def test_half_a_request_a_minute_is_not_blamed_on_the_server(server, configure):
    """A limit that no call can ever pass is named, instead of an answer that never came."""
    with pytest.raises(ProviderError) as refusal:
        embedded(configure(requests_per_minute=0.5), ["fresh bread"])

    assert not server.requests
    assert "HANDOFF_OPENAI_REQUESTS_PER_MINUTE" in str(refusal.value)


def test_a_call_larger_than_a_minutes_tokens_takes_a_minute(server, configure):
    """Bytes only bound the tokens, so such a call is made, and the next one waits."""
    settings = configure(tokens_per_minute=100)
    clock = Clock()
    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(
        settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
    )

    async def work(router, _):
        for letter in "ab":
            await router.embedder.embed([letter * 200])

    run_with(settings, work, connection=connection)

    assert len(server.requests) == 2
    assert clock.naps == [60.0]


def test_waiting_for_our_own_limit_does_not_use_up_the_deadline(server, configure):
    """A retry that waits for the limit is still made, as the first attempt is."""
    server.fail("embeddings", "server_error")
    settings = configure(requests_per_minute=1, timeout_seconds=0.3, deadline_seconds=0.3)
    clock = Clock()

    async def sleep(seconds):
        await asyncio.sleep(0.6)
        clock.now += seconds

    cap = SpendingCap(None, name="A test")
    connection = OpenAIConnection(settings.openai, load_prices(), cap, clock=clock, sleep=sleep)

    rows = embedded(settings, ["fresh bread"], connection=connection)

    assert rows.shape == (1, 1536)
    assert len(server.requests) == 2


def test_no_more_calls_are_under_way_than_agreed(server, configure):
    """Twelve queries go through three slots of the chat endpoint."""
    server.chat_delay_seconds = 0.03

    tags = extracted(configure(concurrency=3), [f"bread number {number}" for number in range(12)])

    assert tags == [("bread",)] * 12
    assert counted(server) == {CHAT: 12}
    assert server.most_at_once[CHAT] <= 3
