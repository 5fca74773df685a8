"""Fields that a server refuses: asked once without, and never again in this process."""

from typing import get_args

import pytest
from fake_openai import CHAT, EMBEDDINGS, Quirks, quirks, vector_of
from fake_openai.quirks import Manner
from openai_routes import (
    QUERY,
    REGISTRY,
    Clock,
    counted,
    embedded,
    extracted,
    facts_of,
    run_with,
)

from handoff.core.errors import ProviderRejectedError, TimedOutError
from handoff.files.policy import load_policy
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.providers.openai.tagger import PROMPT
from handoff.resilience.spending import SpendingCap

GENEROUS = load_policy(None, -1.0)

MANNERS = [each for each in get_args(Manner) if each != "nameless"]

HERE = "The server of OPENAI_BASE_URL"


def sent(server, path=CHAT):
    """Return the names of the fields of each request, but for what every request has."""
    common = {"model", "messages", "input", "stream", "response_format"}
    return [set(one.body) - common for one in server.requests if one.path == path]


def answered(router):
    """Let the first agent answer."""
    return router.runner.run([(REGISTRY.agents[0], QUERY)])


def test_openais_own_is_asked_as_ever(server, at_openai):
    """Nothing is kept, what a stream used is told, limits have their new name, vectors packed."""

    async def work(router, _):
        await router.route(QUERY, GENEROUS)

    run_with(at_openai(dimensions=256), work)

    tags, answer = sorted(sent(server), key=len)
    assert tags == {"store", "max_completion_tokens"}
    assert answer == {"store", "max_completion_tokens", "stream_options"}
    assert sent(server, EMBEDDINGS) == [{"encoding_format", "dimensions"}] * 2


def test_any_other_server_is_asked_for_the_least(server, configure):
    """Fields that some server refuses are not sent where nothing hangs on them."""

    async def work(router, _):
        await router.route(QUERY, GENEROUS)

    run_with(configure(), work)

    assert sent(server) == [{"max_tokens"}] * 2
    assert sent(server, EMBEDDINGS) == [set()] * 2


def test_a_model_is_not_asked_for_the_length_that_it_has(server, at_openai):
    """Dimensions are sent only where vectors are to be shorter than the model's own."""
    rows = embedded(at_openai(dimensions=1536), ["fresh bread"])

    assert rows.shape == (1, 1536)
    assert sent(server, EMBEDDINGS) == [{"encoding_format"}]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_name_is_replaced_in_whichever_words_it_is_refused(
    server, configure, manner, status
):
    """The first query costs one request more, the second none, and both have their tags."""
    server.quirks = Quirks(refuses=("max_tokens",), manner=manner, status=status)

    async def work(router, _):
        return [await router.tagger.extract([f"{word} please"]) for word in ("bread", "oven")]

    assert run_with(configure(), work) == [[("bread",)], [("oven",)]]
    assert sent(server) == [{"max_tokens"}, *[{"max_completion_tokens"}] * 2]


@pytest.mark.parametrize("manner", MANNERS)
def test_what_is_refused_under_both_names_is_left_out(server, configure, manner):
    """A request is put again in each form once."""
    server.quirks = Quirks(refuses=("max_tokens", "max_completion_tokens"), manner=manner)

    assert extracted(configure(), ["bread please"]) == [("bread",)]
    assert sent(server) == [{"max_tokens"}, {"max_completion_tokens"}, set()]


@pytest.mark.parametrize("manner", ["openai", "pydantic"])
def test_a_role_that_is_refused_stands_before_the_query(server, configure, manner):
    """Tags and answers come from a model that knows users only, whatever it calls the role."""
    server.quirks = Quirks(refuses=("system",), manner=manner)

    async def work(router, _):
        return await router.tagger.extract(["bread please"]), await answered(router)

    tags, (answer,) = run_with(configure(), work)

    assert tags == [("bread",)]
    assert answer.startswith("You asked: You are Baker")
    (message,) = server.requests[1].body["messages"]
    assert message["role"] == "user"
    assert message["content"].startswith(PROMPT)
    assert message["content"].endswith("\n\nThe user's message:\nbread please")
    assert len(server.requests) == 3


def test_dimensions_are_left_out_where_they_are_refused(server, configure):
    """The model's vectors have the wanted length by themselves."""
    server.quirks = Quirks(refuses=("dimensions",))
    settings = configure(embedding_model="mine", dimensions=1536)

    async def work(router, _):
        return [await router.embedder.embed([text]) for text in ("fresh bread", "an oven")]

    first, _ = run_with(settings, work)

    assert first[0] == pytest.approx(vector_of("fresh bread", 1536, 1536), abs=1e-5)
    assert sent(server, EMBEDDINGS) == [{"dimensions"}, set(), set()]


def test_base64_is_left_out_where_it_is_refused(server, at_openai):
    """Vectors come as lists."""
    server.quirks = Quirks(refuses=("base64",))

    assert embedded(at_openai(), ["fresh bread"]).shape == (1, 1536)
    assert sent(server, EMBEDDINGS) == [{"encoding_format"}, set()]


def test_a_field_that_was_left_out_and_is_refused_all_the_same_ends_in_a_sentence(
    server, configure
):
    """Nothing is asked for ever: each form once, then the server is named."""
    server.quirks = Quirks(always=("max_tokens",))

    with pytest.raises(ProviderRejectedError) as trouble:
        extracted(configure(), ["bread please"])

    assert str(trouble.value) == (
        f"{HERE} refuses max_completion_tokens, and goes on to refuse it where it is left out: "
        "name another server or model."
    )
    assert len(server.requests) == 3


def test_a_refusal_of_nothing_that_was_sent_is_not_asked_again(server, configure):
    """A message that repeats the query is no word about a field."""
    server.quirks = Quirks(always=("top_p",), manner="pydantic")

    with pytest.raises(ProviderRejectedError, match="status 400"):
        extracted(configure(), ["Which system role and max_tokens has bread?"])

    assert len(server.requests) == 1


def test_a_server_that_changes_its_mind_is_followed(server, configure):
    """What was refused comes last, not never; what is taken again comes first again."""
    settings = configure()
    server.quirks = Quirks(refuses=("max_tokens",))

    async def work(router, connection):
        await router.tagger.extract(["bread please"])
        server.quirks = Quirks(refuses=("max_completion_tokens",))
        server.clear()
        await router.tagger.extract(["an oven"])
        return connection.dialects.of("chat", "gpt-4o-mini").refused

    refused = run_with(settings, work)

    assert sent(server)[0] == {"max_completion_tokens"}
    assert len(server.requests) <= 3
    assert refused["max_completion_tokens"] != ()


def test_a_refusal_for_one_querys_length_is_not_remembered(server, configure, monkeypatch):
    """An answer's limit is left out of the call that it is too large for, and of no other."""
    refuse = quirks.refuse

    def too_large(own, path, body):
        if "long" in body["messages"][-1]["content"] and "max_tokens" in body:
            return quirks.told(400, "max_tokens is too large: the context length is 4,096.")
        return refuse(own, path, body)

    monkeypatch.setattr("fake_openai.server.refuse", too_large)

    async def work(router, connection):
        for query in ("a long query about bread", "bread please"):
            await router.tagger.extract([query])
        return connection.dialects.of("chat", "gpt-4o-mini").refused

    assert run_with(configure(), work) == {}
    assert [next(iter(fields)) for fields in sent(server)] == [
        "max_tokens",
        "max_completion_tokens",
        "max_tokens",
    ]


def test_every_request_that_is_asked_again_counts(server, configure):
    """It waits for the limit of requests a minute, and is told as a retry."""
    server.quirks = Quirks(refuses=("max_tokens",))
    settings = configure(requests_per_minute=1, embedder="local-fast")
    clock = Clock()
    connection = OpenAIConnection(
        settings.openai,
        load_prices(),
        SpendingCap(None, name="A test"),
        clock=clock,
        sleep=clock.sleep,
    )

    async def work(router, _):
        return await router.decide("bread please", GENEROUS)

    route = run_with(settings, work, connection=connection)

    assert counted(server) == {CHAT: 2}
    assert clock.naps == [60.0]
    assert facts_of(route, "extract_tags").retries == 1


def test_what_is_refused_costs_nothing_and_what_is_answered_its_price(server, configure):
    """The cap counts the request that was answered, as if it had been the only one."""
    caps = []
    for refuses in ((), ("max_tokens",)):
        server.quirks = Quirks(refuses=refuses)
        settings = configure()
        cap = SpendingCap(1, name="A test")
        connection = OpenAIConnection(settings.openai, load_prices(), cap)
        extracted(settings, ["bread please"], connection=connection, on_disk=False)
        caps.append((cap.spent_usd, cap.left_usd))

    assert caps[0] == caps[1]
    assert caps[0][0] > 0


def test_the_deadline_is_that_of_all_requests_together(server, configure):
    """A server that refuses slowly is not waited for a second time from the beginning."""
    server.quirks = Quirks(refuses=("max_tokens", "max_completion_tokens"))
    server.chat_delay_seconds = 10

    with pytest.raises(TimedOutError):
        extracted(configure(timeout_seconds=20, deadline_seconds=0.5), ["bread please"])


def test_many_at_once_learn_it_together(server, configure):
    """No more requests are refused than are under way before the first refusal is back."""
    server.quirks = Quirks(refuses=("max_tokens",))

    tags = extracted(configure(concurrency=2), [f"bread number {at}" for at in range(10)])

    assert tags == [("bread",)] * 10
    assert sum("max_tokens" in fields for fields in sent(server)) <= 2


def test_what_one_model_refuses_another_is_asked(server, configure):
    """What is learned holds for one model of one endpoint."""
    server.quirks = Quirks(refuses=("max_tokens",))

    async def work(router, connection):
        await router.tagger.extract(["bread please"])
        return [
            connection.dialects.of(*whom).refused
            for whom in (("chat", "gpt-4o-mini"), ("chat", "other"), ("embeddings", "gpt-4o-mini"))
        ]

    assert run_with(configure(), work) == [{"max_completion_tokens": ("max_tokens",)}, {}, {}]
