"""What goes wrong at OpenAI, and what is said of it."""

import base64
import json

import pytest
from fake_openai import (
    CHAT,
    CHAT_FAULTS,
    EMBEDDINGS,
    EMBEDDINGS_FAULTS,
    HTTP_FAULTS,
    WIRE_FAULTS,
    Reply,
    answers,
    encoded,
)
from openai_routes import (
    QUERY,
    REGISTRY,
    SECRET,
    WHO,
    chain,
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
    ProviderUnavailableError,
    RateLimitedError,
    TimedOutError,
)
from handoff.files.policy import load_policy
from handoff.trace import Trace

GENEROUS = load_policy(None, -1.0)

NO_NETWORK = f"{WHO} cannot be reached: check the network and OPENAI_BASE_URL."

CUT = f"{WHO} closed the connection before it had answered: try again."


def no_time(deadline=3):
    """Return what is said of a deadline in seconds, after attempts of one second."""
    return (
        f"{WHO} did not answer in time: try again, or raise HANDOFF_OPENAI_TIMEOUT_SECONDS (1) "
        f"and HANDOFF_OPENAI_DEADLINE_SECONDS ({deadline:g})."
    )


NOT_READ = f"{WHO} gave an answer that cannot be read: name a server that speaks OpenAI's format."

BROKEN_OFF = f"{WHO} broke its answer off: put the query otherwise."

BOTH = {
    "rate_limited": (
        RateLimitedError,
        f"{WHO} refused too many requests at once, “Rate limit reached”: try again later.",
    ),
    "quota": (
        ProviderRejectedError,
        f"{WHO} says that the quota is used up, “You exceeded your current quota”: check the plan.",
    ),
    "server_error": (
        ProviderUnavailableError,
        f"{WHO} failed with status 500, “The server had an error”: try again.",
    ),
    "unauthorized": (ProviderRejectedError, f"{WHO} refused the key: check OPENAI_API_KEY."),
    "bad_request": (
        ProviderRejectedError,
        (
            f"{WHO} refused the request with status 400, “The request is not valid”: check the "
            "settings."
        ),
    ),
    "hang": (TimedOutError, no_time()),
    "drop": (ProviderUnavailableError, CUT),
    "half_body": (ProviderUnavailableError, CUT),
    "broken_json": (ProviderReplyError, NOT_READ),
    "html": (ProviderReplyError, NOT_READ),
    "drip": (TimedOutError, no_time(0.3)),
    "endless": (
        ProviderReplyError,
        f"{WHO} gave an answer without end: name a server that speaks OpenAI's format.",
    ),
    "compressed": (
        ProviderReplyError,
        f"{WHO} gave a compressed answer, though it was asked for none: switch compression off.",
    ),
    "redirect": (
        ProviderRejectedError,
        f"{WHO} sends requests on to another address: name that address in OPENAI_BASE_URL.",
    ),
}


def no_model(name):
    """Return how the server says that it does not know a model."""
    return f"“The model `{name}` does not exist or you do not have access to it”"


ANOTHER_MODEL = "choose another chat model with HANDOFF_OPENAI_CHAT_MODEL."

SOON = {
    "hang": {"timeout_seconds": 1, "deadline_seconds": 3},
    "drip": {"timeout_seconds": 1, "deadline_seconds": 0.3},
}
"""Settings for a fault that lasts until the deadline; others have all the time they need."""

CHAT_TROUBLE = BOTH | {
    "no_model": (
        ProviderRejectedError,
        f"{WHO} does not know the model gpt-4o-mini, {no_model('gpt-4o-mini')}: name another.",
    ),
    "refusal": (ProviderReplyError, f"{WHO} declined to choose tags for this query."),
    "length": (ProviderReplyError, BROKEN_OFF),
    "content_filter": (
        ProviderReplyError,
        f"{WHO} let its content filter withhold the answer: put the query otherwise.",
    ),
    "not_json": (
        ProviderReplyError,
        f"{WHO} named no tags where it was asked for some: {ANOTHER_MODEL}",
    ),
    "wrong_tag": (
        ProviderReplyError,
        f"{WHO} named only tags that no agent carries: {ANOTHER_MODEL}",
    ),
}

NO_MEANING = f"{WHO} returned a vector without meaning: try again."

EMBEDDINGS_TROUBLE = BOTH | {
    "no_model": (
        ProviderRejectedError,
        (
            f"{WHO} does not know the model text-embedding-3-small, "
            f"{no_model('text-embedding-3-small')}: name another."
        ),
    ),
    "wrong_dimension": (
        ProviderReplyError,
        (
            "The model's vectors have 768 numbers where 1536 were expected: "
            "set HANDOFF_OPENAI_DIMENSIONS=768."
        ),
    ),
    "nan": (ProviderReplyError, NO_MEANING),
    "zero_row": (ProviderReplyError, NO_MEANING),
    "missing_rows": (
        ProviderReplyError,
        f"{WHO} returned 2 vectors for 3 texts: try again.",
    ),
}


def test_every_fault_of_the_server_has_its_row():
    """Both tables name every fault that their endpoint can show.

    Shuffled rows and a tag too many are none.
    """
    either = {*HTTP_FAULTS, *WIRE_FAULTS}

    assert set(CHAT_TROUBLE) == (either | {*CHAT_FAULTS}) - {"many_tags"}
    assert set(EMBEDDINGS_TROUBLE) == (either | {*EMBEDDINGS_FAULTS}) - {"shuffled_rows"}


@pytest.mark.parametrize("fault", CHAT_TROUBLE)
def test_tags_that_fail_only_degrade_the_route(server, configure, fault):
    """All agents stay, and the stage says in one sentence why it was skipped."""
    server.fail("chat", fault, times=None)

    route = routed(configure(**SOON.get(fault, {})))

    assert route.evidence.degraded == ("extract_tags",)
    assert route.evidence.tags == ()
    assert facts_of(route, "extract_tags").trouble == CHAT_TROUBLE[fault][1]
    assert route.ranking.candidates == len(REGISTRY)


@pytest.mark.parametrize("fault", EMBEDDINGS_TROUBLE)
def test_vectors_that_fail_end_in_an_error_of_ours(server, configure, fault):
    """Each fault has its class, and one sentence that ends with a full stop."""
    server.fail("embeddings", fault, times=None)
    kind, sentence = EMBEDDINGS_TROUBLE[fault]

    with pytest.raises(ProviderError) as trouble:
        embedded(configure(**SOON.get(fault, {})), ["fresh bread", "a bouquet", "carry my sofa"])

    assert type(trouble.value) is kind
    assert str(trouble.value) == sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("fault", CHAT_TROUBLE)
def test_an_extractors_error_has_its_class(server, configure, fault):
    """Whoever asks for tags alone gets the same sentence as an error."""
    server.fail("chat", fault, times=None)
    kind, sentence = CHAT_TROUBLE[fault]

    with pytest.raises(ProviderError) as trouble:
        extracted(configure(**SOON.get(fault, {})), [QUERY])

    assert type(trouble.value) is kind
    assert str(trouble.value) == sentence
    for error in chain(trouble.value):
        assert SECRET not in f"{error!s} {error!r} {error.args!r}"


@pytest.mark.parametrize("fault", EMBEDDINGS_TROUBLE)
def test_a_route_without_vectors_ends_in_an_error_of_ours(server, configure, fault):
    """A route raises what embedding raised, without a group and without the key."""
    server.fail("embeddings", fault, times=None)

    with pytest.raises(ProviderError) as trouble:
        routed(configure(**SOON.get(fault, {})))

    assert issubclass(type(trouble.value), EMBEDDINGS_TROUBLE[fault][0])
    for error in chain(trouble.value):
        assert SECRET not in f"{error!s} {error!r} {error.args!r}"


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "drop", "half_body", "hang"])
def test_a_passing_fault_is_retried(server, configure, fault):
    """What another attempt mends nobody hears of."""
    server.fail("v1", fault, times=2)

    route = routed(configure(timeout_seconds=2))

    assert route.evidence.degraded == ()
    assert len(server.requests) == 5


def test_nobody_listening_is_told_as_such(configure):
    """A port that nobody serves gives the sentence about the network."""
    with pytest.raises(ProviderUnavailableError) as trouble:
        embedded(configure(base_url="http://127.0.0.1:9/v1"), ["fresh bread"])

    assert str(trouble.value) == NO_NETWORK


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://", id="no host"),
        pytest.param("http://[::1/v1", id="half a bracket"),
        pytest.param("http://127.0.0.1:99999/v1", id="no port"),
        pytest.param("http://a b/v1", id="space"),
        pytest.param("http://nobody.invalid/v1", id="unknown host"),
    ],
)
def test_an_address_that_is_none_ends_in_an_error_of_ours(configure, address):
    """Whatever stands in OPENAI_BASE_URL, the sentence names it and nothing foreign escapes."""
    with pytest.raises(ProviderError, match="OPENAI_BASE_URL"):
        embedded(configure(base_url=address), ["fresh bread"])


def test_the_deadline_ends_a_call_whatever_the_server_asks_for(server, configure):
    """A server that asks to wait for a minute is not waited for beyond the deadline."""
    server.fail("embeddings", "rate_limited", times=None, retry_after=60)

    with pytest.raises(ProviderUnavailableError) as trouble:
        embedded(configure(timeout_seconds=1, deadline_seconds=0.2), ["fresh bread"])

    assert str(trouble.value) == no_time(0.2)


ODD_EMBEDDINGS = {
    "no data": {"data": ...},
    "null data": {"data": None},
    "texts": {"data": ["fresh bread"]},
    "no embedding": {"data": [{"object": "embedding", "index": 0}]},
    "null embedding": {"data": [{"object": "embedding", "index": 0, "embedding": None}]},
    "words": {"data": [{"object": "embedding", "index": 0, "embedding": ["a", "b"]}]},
    "ragged": {"data": [{"object": "embedding", "index": 0, "embedding": [[1.0], [2.0, 3.0]]}]},
}


@pytest.mark.parametrize("odd", ODD_EMBEDDINGS)
def test_embeddings_of_an_odd_shape_end_in_an_error_of_ours(configure, monkeypatch, odd):
    """The SDK checks nothing, so whatever a server makes up is caught here."""
    answer = answers.embeddings_reply

    def reply(body, fault):
        whole = json.loads(answer(body, fault).body) | ODD_EMBEDDINGS[odd]
        return Reply((encoded({key: value for key, value in whole.items() if value is not ...}),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", reply)

    with pytest.raises(ProviderReplyError):
        embedded(configure(), ["fresh bread"])


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param("", id="empty"),
        pytest.param("?", id="no base64"),
        pytest.param(base64.b64encode(b"12345").decode(), id="odd length"),
    ],
)
def test_a_vector_that_cannot_be_unpacked_is_not_blamed_on_the_settings(
    configure, monkeypatch, packed
):
    """Nobody is told to set a number of dimensions that cannot be set."""
    answer = answers.embeddings_reply

    def reply(body, fault):
        whole = json.loads(answer(body, fault).body)
        whole["data"][0]["embedding"] = packed
        return Reply((encoded(whole),))

    monkeypatch.setattr("fake_openai.server.embeddings_reply", reply)

    with pytest.raises(ProviderReplyError) as trouble:
        embedded(configure(), ["fresh bread"])

    assert "HANDOFF_OPENAI_DIMENSIONS=0" not in str(trouble.value)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"choices": []}, id="no choice"),
        pytest.param({"choices": None}, id="null choices"),
        pytest.param({"choices": [{"index": 0, "finish_reason": "stop"}]}, id="no message"),
        pytest.param({"choices": ["bread"]}, id="texts"),
    ],
)
def test_a_chat_of_an_odd_shape_only_degrades_the_route(configure, monkeypatch, changed):
    """Whatever a server makes up, the route goes on without tags."""
    answer = answers.chat_reply

    def reply(body, fault, number):
        return Reply((encoded(json.loads(answer(body, fault, number).body) | changed),))

    monkeypatch.setattr("fake_openai.server.chat_reply", reply)

    assert routed(configure()).evidence.degraded == ("extract_tags",)


def test_a_query_that_fails_leaves_the_others_their_tags(server, configure):
    """Of five queries one is refused, and only that one is degraded."""
    server.fail("chat", "unauthorized")

    async def work(router, _):
        return await router.gather_many([f"bread number {number}" for number in range(5)], Trace())

    evidence = run_with(configure(), work)

    assert sorted(evidence.tags) == [(), *[("bread",)] * 4]
    assert sorted(evidence.degraded) == [*[()] * 4, ("extract_tags",)]
    assert [not tags for tags in evidence.tags] == [bool(each) for each in evidence.degraded]


def test_a_query_that_failed_is_asked_again_and_the_others_are_not(server, configure):
    """Only tags that came are kept."""
    server.fail("chat", "refusal")
    queries = [f"bread number {number}" for number in range(5)]

    async def work(router, _):
        await router.tagger.extract(queries)
        server.clear()
        return await router.tagger.extract(queries)

    assert run_with(configure(), work) == [("bread",)] * 5
    assert counted(server) == {CHAT: 1}


def test_the_selected_agent_answers_with_one_more_request(server, at_openai):
    """A cold route that hands off asks four times, and the answer's pieces come as they are."""
    pieces = []

    async def work(router, _):
        route = await router.route(QUERY, GENEROUS)
        await router.hand_off(route, pieces.append)
        return route

    route = run_with(at_openai(), work)

    assert counted(server) == {CHAT: 3, EMBEDDINGS: 2}
    assert "".join(pieces) == route.answer == f"You asked: {QUERY}"
    assert facts_of(route, "hand_off").tokens > 0
    assert facts_of(route, "hand_off").cost_usd > 0


@pytest.mark.parametrize("fault", sorted(CHAT_TROUBLE.keys() - {*CHAT_FAULTS}))
def test_an_answer_that_fails_ends_in_an_error_of_ours(server, configure, fault):
    """A streamed answer has the same errors as tags have, but that half of it is a part of it."""
    server.fail("chat", fault, times=None)
    kind, sentence = CHAT_TROUBLE[fault]
    if fault == "broken_json":
        sentence = f"{WHO} broke off amid its answer: try again."

    with pytest.raises(ProviderError) as trouble:
        run_with(
            configure(**SOON.get(fault, {})),
            lambda router, _: router.runner.run([(REGISTRY.agents[0], QUERY)]),
        )

    assert type(trouble.value) is kind
    assert str(trouble.value) == sentence
