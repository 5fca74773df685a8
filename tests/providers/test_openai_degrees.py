"""Servers whose models write tags, think and stream each in its own way."""

import json
from functools import partial
from typing import get_args

import jsonschema
import pytest
from fake_openai import CHAT, Quirks, Reply, encoded
from fake_openai.answers import event
from fake_openai.bending import THOUGHT
from fake_openai.quirks import Shape
from openai_routes import QUERY, REGISTRY, WHO, counted, extracted, facts_of, routed, run_with

from handoff.core.errors import (
    ErrorInReplyError,
    ProviderError,
    ProviderReplyError,
    ProviderUnavailableError,
)
from handoff.files.policy import load_policy
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import Price
from handoff.resilience.spending import SpendingCap

CRASHED = "\u201cThe model crashed\u201d"

TAGS = ("bread", "wedding day")

GENEROUS = load_policy(None, -1.0)


@pytest.fixture
def configure(configure):
    """Return the function with time enough on a busy machine: requests are counted here."""
    return partial(configure, timeout_seconds=10, deadline_seconds=30)


def answered(settings, query=QUERY, times=1):
    """Return the pieces that were shown of an agent's last answer, and the answer."""

    async def work(router, _):
        for _ in range(times):
            pieces = []
            (text,) = await router.runner.run([(REGISTRY.agents[0], query)], pieces.append)
        return pieces, text

    return run_with(settings, work)


def forms(server):
    """Return in which form each chat request asked for its answer."""
    asked = (request.body.get("response_format") for request in server.requests)
    return [None if form is None else form["type"] for form in asked]


@pytest.mark.parametrize("shape", get_args(Shape))
@pytest.mark.parametrize("refused", [(), ("json_schema",), ("json_schema", "json_object")])
def test_tags_come_in_whatever_shape_they_are_written(server, configure, shape, refused):
    """From one that keeps to the schema, to JSON, or to nothing."""
    server.quirks = Quirks(refuses=refused, tags=TAGS, shape=shape)

    (tags,) = extracted(configure(), [QUERY])

    assert set(tags) == set(TAGS)
    assert len(server.requests) == 1 + len(refused)


def test_what_is_not_taken_of_structured_output_is_learned_once(server, configure):
    """Two queries ask four times: the first one down to plain text, the second at once."""
    server.quirks = Quirks(refuses=("json_schema", "json_object"), tags=TAGS)

    async def work(router, _):
        for number in range(2):
            await router.tagger.extract([f"{QUERY} {number}"])

    run_with(configure(), work)

    assert forms(server) == ["json_schema", "json_object", None, None]


def test_openais_own_is_held_to_the_schema_and_told_the_tags_once(server, at_openai):
    """They stand in the schema, which its models see, and not in the prompt as well."""
    extracted(at_openai(), [QUERY])

    (request,) = server.requests
    tags = request.body["response_format"]["json_schema"]["schema"]["properties"]["tags"]
    assert tags["maxItems"] == 5
    assert tags["items"]["enum"] == list(REGISTRY.vocabulary)
    assert "wedding day" not in request.body["messages"][0]["content"]


def test_a_model_of_openais_own_without_schemas_is_told_the_tags(server, at_openai):
    """Of older models that know JSON alone, which the word must be spoken to."""
    server.quirks = Quirks(refuses=("json_schema",), tags=TAGS)

    (tags,) = extracted(at_openai(), [QUERY])

    prompt = server.requests[-1].body["messages"][0]["content"]
    assert set(tags) == set(TAGS)
    assert "wedding day" in prompt
    assert "JSON" in prompt


@pytest.mark.parametrize("shape", ["think", "think_unannounced"])
def test_thinking_is_no_part_of_an_answer(server, configure, shape):
    """Not of what is returned, and where the model said that it thinks, not of what is shown."""
    server.quirks = Quirks(shape=shape)

    pieces, text = answered(configure())

    assert text == f"You asked: {QUERY}"
    assert shape != "think" or "".join(pieces) == text


def test_who_thinks_unannounced_is_known_after_once(server, configure):
    """From then on nothing is shown before the thinking has ended."""
    server.quirks = Quirks(shape="think_unannounced")

    pieces, text = answered(configure(), times=2)

    assert "".join(pieces) == text
    assert THOUGHT not in text


def test_who_tags_with_thinking_unannounced_answers_without(server, configure):
    """Tags are asked for first, and tell how the model thinks before a person sees any of it."""
    server.quirks = Quirks(shape="think_unannounced")
    pieces = []

    async def work(router, _):
        route = await router.decide(QUERY, GENEROUS)
        return await router.hand_off(route, pieces.append)

    route = run_with(configure(), work)

    assert set(route.evidence.tags) == set(TAGS)
    assert "".join(pieces) == route.answer
    assert THOUGHT not in route.answer


def limits(server):
    """Return the limit of each chat request."""
    return [request.body["max_tokens"] for request in server.requests if request.path == CHAT]


def test_thinking_that_uses_the_limit_up_gets_room_and_keeps_it(server, configure):
    """Three queries ask four times, and every one has its tags."""
    server.quirks = Quirks(thinking_tokens=500)

    async def work(router, _):
        return [await router.tagger.extract([f"{QUERY} {number}"]) for number in range(3)]

    for (tags,) in run_with(configure(), work):
        assert set(tags) == set(TAGS)
    assert limits(server) == [120, 4_120, 4_120, 4_120]


def test_an_answer_gets_room_for_thinking_too(server, configure):
    """No blank answer: it is asked for once more."""
    server.quirks = Quirks(thinking_tokens=500)

    _, text = answered(configure())

    assert text == f"You asked: {QUERY}"
    assert limits(server) == [400, 4_400]


def test_thinking_without_end_is_told(server, configure):
    """With what it used, and with what to do; two requests, not more."""
    server.quirks = Quirks(thinking_tokens=10_000)
    sentence = (
        f"{WHO} thought until its 4,000 tokens for it were used up, and did not answer: choose "
        "another chat model with HANDOFF_OPENAI_CHAT_MODEL."
    )

    route = routed(configure())
    with pytest.raises(ProviderReplyError) as trouble:
        answered(configure())

    assert facts_of(route, "extract_tags").trouble == str(trouble.value) == sentence
    assert limits(server) == [120, 4_120, 400, 4_400]


@pytest.fixture
def replied(monkeypatch, server):
    """Return a function that gives a chat's next replies: messages, each with why it ended."""
    monkeypatch.setattr(server, "quirks", Quirks())

    def give(*choices):
        told = [
            {"index": at, "message": {"role": "assistant", **message}, "finish_reason": ending}
            for at, (message, ending) in enumerate(choices)
        ]
        reply = encoded({"model": "m", "object": "chat.completion", "choices": told})
        monkeypatch.setattr("fake_openai.server.chat_reply", lambda *_: Reply((reply,)))

    return give


def test_a_model_that_stopped_by_itself_is_not_said_to_have_used_its_limit_up(
    server, configure, replied
):
    """It thought, said nothing and ended; more tokens would not have changed that."""
    replied(({"content": "", "reasoning_content": "Hm."}, "stop"))
    sentence = (
        f"{WHO} thought, and did not answer: choose another chat model with "
        "HANDOFF_OPENAI_CHAT_MODEL."
    )

    route = routed(configure(embedder="scripted"))
    with pytest.raises(ProviderReplyError) as trouble:
        answered(configure())

    assert facts_of(route, "extract_tags").trouble == str(trouble.value) == sentence
    assert limits(server) == [120, 4_120, 400, 4_400]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_tags_that_were_taken_for_thinking_are_found(server, configure, replied, field):
    """The answer is empty, and all that the model wrote stands beside it."""
    replied(({"content": None, field: 'So: {"tags": ["bread", "wedding day"]}'}, "stop"))

    assert extracted(configure(), [QUERY]) == [TAGS]
    assert len(server.requests) == 1


@pytest.mark.parametrize("numbers", [(0, 1), (None, None)], ids=["numbered", "no numbers"])
def test_of_several_choices_the_first_is_read(configure, monkeypatch, server, numbers):
    """In whole replies and in streams, in whatever order they come: they are not mixed."""
    server.quirks = Quirks()
    words = ('{"tags": ["bread"]}', '{"tags": ["oven"]}')
    told = [
        {"message": {"content": word}, "delta": {"content": word}, "finish_reason": "stop"}
        | ({} if number is None else {"index": number})
        for number, word in zip(numbers, words, strict=True)
    ]
    whole = told if None in numbers else told[::-1]
    pieces = [*(event({"choices": [each]}) for each in told[::-1]), b"data: [DONE]\n\n"]
    if None in numbers:
        pieces = [event({"choices": told}), b"data: [DONE]\n\n"]

    def reply(body, *_):
        if body.get("stream"):
            return Reply(tuple(pieces), content_type="text/event-stream")
        return Reply((encoded({"choices": whole}),))

    monkeypatch.setattr("fake_openai.server.chat_reply", reply)

    assert extracted(configure(), [QUERY]) == [("bread",)]
    assert answered(configure()) == ([words[0]], words[0])


def test_the_prompt_said_again_is_no_choice(server, configure, replied):
    """What it lists is told as no answer; tags that stand behind it are one."""
    extracted(configure(), [QUERY])
    prompt = server.requests[0].body["messages"][0]["content"]

    replied(({"content": prompt}, "stop"))
    with pytest.raises(ProviderReplyError, match="named no tags where it was asked for some"):
        extracted(configure(), ["another"])
    replied(({"content": f'{prompt}\n{{"tags": ["oven"]}}'}, "stop"))
    assert extracted(configure(), ["a third"]) == [("oven",)]


@pytest.mark.parametrize(
    ("ending", "why"),
    [("length", "it reached its limit of tokens"), ("content_filter", "content filter")],
)
def test_an_answer_that_was_cut_does_not_pass_as_whole(configure, replied, ending, why):
    """A note under it says so, wherever the answer is shown; one that ended well has none."""
    replied(({"content": "Bread at"}, ending))
    pieces, text = answered(configure())
    replied(({"content": "Bread at eight."}, "stop"))

    assert "".join(pieces) == text
    assert text.startswith("Bread at\n\n(The answer is cut off here")
    assert why in text
    assert answered(configure())[1] == "Bread at eight."


@pytest.mark.parametrize("asked", [answered, lambda settings: extracted(settings, [QUERY])])
def test_a_filter_that_withholds_an_answer_is_told(configure, replied, asked):
    """The server's filter left nothing; neither the model nor a limit is blamed."""
    replied(({"content": None}, "content_filter"))

    with pytest.raises(ProviderReplyError) as trouble:
        asked(configure())

    assert str(trouble.value) == (
        f"{WHO} let its content filter withhold the answer: put the query otherwise."
    )


def test_tokens_of_thinking_are_booked(server, configure):
    """What was thought in vain is on the bill and on the span."""
    server.quirks = Quirks(thinking_tokens=10_000)
    settings = configure(chat_model="m", embedding_model="text-embedding-3-small")
    cap = SpendingCap(1, name="A test")
    prices = {"m": Price(0, 1.0), "text-embedding-3-small": Price(0, 0)}
    connection = OpenAIConnection(settings.openai, prices, cap)

    route = routed(settings, connection=connection)

    assert facts_of(route, "extract_tags").tokens > 4_240
    assert cap.spent_usd == pytest.approx((120 + 4_120) / 1e6)


@pytest.mark.parametrize(
    ("model", "thinks"),
    [("gpt-5-nano", True), ("o3-mini", True), ("openai/gpt-oss-20b", True), ("gpt-4o-mini", False)],
)
def test_a_model_that_is_known_to_think_is_asked_to_think_little(server, at_openai, model, thinks):
    """And has room from the first request on; any other is asked as ever."""
    extracted(at_openai(chat_model=model), [QUERY])

    (request,) = server.requests
    assert request.body.get("reasoning_effort") == ("low" if thinks else None)
    assert request.body["max_completion_tokens"] == (4_120 if thinks else 120)


def test_effort_that_is_refused_is_left_out(server, configure):
    """By a server that calls its model like one that takes it."""
    server.quirks = Quirks(refuses=("reasoning_effort",))

    (tags,) = extracted(configure(chat_model="gpt-oss-20b"), [QUERY])

    assert set(tags) == set(TAGS)
    assert [("reasoning_effort" in request.body) for request in server.requests] == [True, False]


@pytest.mark.parametrize(
    "streaming", ["azure", "comments", "no_done", "reasoning", "unfinished", "whole"]
)
def test_a_stream_of_another_kind_is_an_answer(server, configure, streaming):
    """With no [DONE], no reason for its end, or as no stream at all."""
    server.quirks = Quirks(streaming=streaming)

    pieces, text = answered(configure())

    assert "".join(pieces) == text == f"You asked: {QUERY}"


def test_who_cannot_stream_answers_whole(server, configure):
    """Asked once more, and then without streaming at once."""
    server.quirks = Quirks(refuses=("stream",))

    pieces, text = answered(configure(), times=2)

    assert pieces == [text] == [f"You asked: {QUERY}"]
    assert counted(server) == {CHAT: 3}


@pytest.mark.parametrize(
    ("quirks", "kind", "sentence"),
    [
        (
            Quirks(streaming="cut"),
            ProviderReplyError,
            f"{WHO} broke off amid its answer: try again.",
        ),
        (
            Quirks(streaming="error"),
            ProviderReplyError,
            f"{WHO} broke off amid its answer, {CRASHED}: try again.",
        ),
        (
            Quirks(error_in_200=("chat",)),
            ErrorInReplyError,
            f"{WHO} answered with an error, {CRASHED}: try again, or name another model.",
        ),
    ],
)
def test_an_answer_that_breaks_off_is_told_with_the_servers_words(
    server, configure, quirks, kind, sentence
):
    """Not as an answer, and not as something that is wrong with the settings."""
    server.quirks = quirks

    with pytest.raises(ProviderError) as trouble:
        answered(configure())

    assert type(trouble.value) is kind
    assert str(trouble.value) == sentence


@pytest.mark.parametrize("fault", ["broken_json", "half_body"])
def test_an_answer_that_breaks_off_is_asked_for_once_more(server, configure, fault):
    """In the same words; what was shown of the first is not shown twice."""
    server.fail("chat", fault)

    pieces, text = answered(configure())

    first, second = (request.body for request in server.requests)
    assert first == second
    assert text == f"You asked: {QUERY}"
    assert text.startswith("".join(pieces))


def test_an_answer_that_breaks_off_twice_is_given_up(server, configure):
    """A third time is nobody's."""
    server.quirks = Quirks(streaming="cut")

    with pytest.raises(ProviderReplyError):
        answered(configure())

    assert counted(server) == {CHAT: 2}


def test_an_error_in_place_of_tags_only_degrades_the_route(server, configure):
    """And is quoted, though it came with a status of success."""
    server.quirks = Quirks(error_in_200=("chat",))

    route = routed(configure())

    assert route.evidence.degraded == ("extract_tags",)
    assert "\u201cThe model crashed\u201d" in facts_of(route, "extract_tags").trouble


def test_an_error_in_place_of_vectors_is_told(server, configure):
    """In the same words."""
    server.quirks = Quirks(error_in_200=("embeddings",))

    with pytest.raises(ProviderReplyError, match="answered with an error, \u201cThe model crashed"):
        routed(configure())


def test_an_error_that_may_pass_is_one_though_its_status_is_success(server, configure, monkeypatch):
    """A gateway that writes 503 into the answer is away, as one that says it in the status is."""
    monkeypatch.setattr(
        "fake_openai.bending.told",
        lambda _, message: Reply((encoded({"error": {"message": message, "code": 503}}),)),
    )
    server.quirks = Quirks(error_in_200=("embeddings",))

    with pytest.raises(ProviderUnavailableError, match="The model crashed"):
        routed(configure())


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-5-nano"])
def test_what_openais_own_is_asked_keeps_to_its_published_schema(server, at_openai, data, model):
    """Tags and answers: the schema of tags is written by hand, and so are effort and limits."""
    contract = json.loads((data / "openai-schemas.json").read_text("utf-8"))
    schema = {**contract, "$ref": "#/components/schemas/CreateChatCompletionRequest"}

    async def work(router, _):
        await router.route(QUERY, GENEROUS)

    run_with(at_openai(chat_model=model), work)

    asked = [request.body for request in server.requests if request.path == CHAT]
    assert len(asked) == 2
    for body in asked:
        jsonschema.Draft202012Validator(schema).validate(body)
