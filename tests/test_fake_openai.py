"""The fake OpenAI, seen through the real SDK over a real socket."""

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Literal

import httpx2
import jsonschema
import numpy as np
import openai
import pytest
from fake_openai import CHAT, CHAT_FAULTS, EMBEDDINGS, EMBEDDINGS_FAULTS, FAULTS, FakeOpenAI
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel, Field, ValidationError, create_model

KEY = "sk-abcdefghijklmnopxyz"
CHAT_MODEL = "gpt-4o-mini"
SALES = Literal["sales"]
EMBEDDING_MODEL = "text-embedding-3-small"
TAGS = ("billing", "web search", "sales", "credit_card")
QUERY = "Sales sent me two invoices: is it billing?"
TEXTS = ["an invoice", "a refund", "a delivery"]

# A client that loads the system's certificates takes 40 ms to make, and loopback needs none.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Call = Callable[[AsyncOpenAI], Awaitable[Any]]


@pytest.fixture
def server():
    """Serve for one test."""
    with FakeOpenAI() as running:
        yield running


def client_of(server: FakeOpenAI, *, timeout: float = 5, retries: int = 0) -> AsyncOpenAI:
    """Return a client of this server."""
    return AsyncOpenAI(
        base_url=server.base_url,
        api_key=KEY,
        max_retries=retries,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
    )


def ask(server: FakeOpenAI, call: Call, **options: float) -> Any:
    """Make calls with a client of their own, on a loop of their own."""

    async def made():
        async with client_of(server, **options) as client:
            return await call(client)

    return asyncio.run(made())


def reply_model(tags: tuple[str, ...] = TAGS, most: int = 2) -> type[BaseModel]:
    """Return a reply with a list of these tags, as a provider builds it."""
    tag = StrEnum("Tag", {f"tag_{number}": name for number, name in enumerate(tags)})
    return create_model("Reply", tags=(list[tag], Field(max_length=most)))


def tag(query: str = QUERY, model: type[BaseModel] | None = None) -> Call:
    """Return a call that asks for the tags of a query."""
    messages = [
        {"role": "system", "content": "Pick the tags."},
        {"role": "user", "content": query},
    ]
    wanted = reply_model() if model is None else model
    return lambda client: client.chat.completions.parse(
        model=CHAT_MODEL, messages=messages, response_format=wanted
    )


def talk(query: str = QUERY) -> Call:
    """Return a call that asks a question in words."""
    messages = [{"role": "user", "content": query}]
    return lambda client: client.chat.completions.create(model=CHAT_MODEL, messages=messages)


def embed(texts: str | list[str] | None = None, **options: Any) -> Call:
    """Return a call that embeds texts."""
    given = TEXTS if texts is None else texts
    return lambda client: client.embeddings.create(model=EMBEDDING_MODEL, input=given, **options)


def stream(query: str = QUERY, **options: Any) -> Call:
    """Return a call that collects the chunks of a streamed answer."""
    messages = [{"role": "user", "content": query}]

    async def collect(client: AsyncOpenAI) -> list[ChatCompletionChunk]:
        chunks = await client.chat.completions.create(
            model=CHAT_MODEL, messages=messages, stream=True, **options
        )
        async with chunks:
            return [chunk async for chunk in chunks]

    return collect


def rows(answer: Any) -> np.ndarray:
    """Return the vectors of an answer, in the order in which they came."""
    return np.array([figures(row.embedding) for row in answer.data])


def figures(vector: list[float] | str) -> np.ndarray:
    """Return a vector's figures, decoded where they came as base64."""
    if isinstance(vector, str):
        return np.frombuffer(base64.b64decode(vector), "<f4")
    return np.array(vector)


SCHEMA = reply_model().model_json_schema()
CALLS = {"chat": tag(), "embeddings": embed()}


# Good answers


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        pytest.param("Is it SALES or billing?", ["billing", "sales"], id="in the enum's order"),
        pytest.param("Web-search for me", ["web search"], id="two words"),
        pytest.param("My credit card", ["credit_card"], id="an underscore"),
        pytest.param("billing, sales, credit card", ["billing", "sales"], id="as many as allowed"),
        pytest.param("The salesman", [], id="whole words only"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_reply_holds_the_tags_that_the_query_names(server, query, tags):
    """In the order of the enum, and no more than the schema allows."""
    answer = ask(server, tag(query))

    assert answer.choices[0].message.parsed.model_dump(mode="json") == {"tags": tags}


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(list[Literal["billing"]], id="const"),
        pytest.param(list[Literal["billing", "sales"]], id="inline enum"),
        pytest.param(list[Literal["billing"] | SALES], id="union of constants"),
        pytest.param(list[Literal["billing"]] | None, id="optional list"),
        pytest.param(list[StrEnum("One", ["billing"]) | StrEnum("Two", ["sales"])], id="two refs"),
    ],
)
def test_an_enum_is_found_wherever_pydantic_puts_it(server, declared):
    """Behind references, in unions and as constants."""
    answer = ask(server, tag("My billing", create_model("Reply", tags=(declared, ...))))

    assert answer.choices[0].message.parsed.model_dump(mode="json") == {"tags": ["billing"]}


def test_only_the_last_user_message_is_read(server):
    """Names in the system prompt and in earlier turns give no tags."""
    messages = [
        {"role": "system", "content": "sales"},
        {"role": "user", "content": "sales"},
        {"role": "assistant", "content": "sales"},
        {"role": "user", "content": [{"type": "text", "text": "billing"}]},
    ]
    answer = ask(
        server,
        lambda client: client.chat.completions.parse(
            model=CHAT_MODEL, messages=messages, response_format=reply_model()
        ),
    )

    assert json.loads(answer.choices[0].message.content) == {"tags": ["billing"]}


def test_a_chat_without_a_schema_echoes_the_question(server):
    """Its first 60 characters."""
    answer = ask(server, talk("x" * 100))

    assert answer.choices[0].message.content == "You asked: " + "x" * 60
    assert answer.choices[0].finish_reason == "stop"


def test_tokens_are_counted(server):
    """Four characters make a token, in the prompt and in the reply."""
    usage = ask(server, talk("x" * 40)).usage

    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 12, 22)


def test_a_stream_says_the_same_word_by_word(server):
    """Its last chunk ends it, and no chunk counts tokens unasked."""
    chunks = ask(server, stream("Where is it?"))
    words = [chunk.choices[0].delta.content for chunk in chunks]

    assert words == ["", "You", " asked:", " Where", " is", " it?", None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 6 + ["stop"]
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_counts_tokens_when_asked(server):
    """In a last chunk that has no choices."""
    *others, last = ask(server, stream(stream_options={"include_usage": True}))

    assert all(chunk.usage is None for chunk in others)
    assert last.choices == []
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_vectors_have_unit_norm_and_the_default_width(server, encoding):
    """One row a text, in the order of the texts."""
    answer = ask(server, embed(encoding_format=encoding))
    data = rows(answer)

    assert data.shape == (3, 1536)
    assert np.allclose(np.linalg.norm(data, axis=1), 1, atol=1e-6)
    assert [row.index for row in answer.data] == [0, 1, 2]


def test_both_encodings_carry_the_same_vectors(server):
    """The SDK asks for base64 where nothing is said, and decodes it."""
    unsaid = ask(server, embed())
    floats = ask(server, embed(encoding_format="float"))

    assert [request.body["encoding_format"] for request in server.requests] == ["base64", "float"]
    assert np.array_equal(rows(unsaid).astype("f4"), rows(floats).astype("f4"))


def test_a_vector_can_be_shorter(server):
    """It is the beginning of the long one, brought back to unit norm."""
    whole = rows(ask(server, embed()))[:, :256]
    short = rows(ask(server, embed(dimensions=256)))

    assert short.shape == (3, 256)
    assert np.allclose(short, whole / np.linalg.norm(whole, axis=1, keepdims=True), atol=1e-6)


def test_texts_with_common_words_are_near():
    """Another server gives the same vectors."""
    with FakeOpenAI() as one:
        first = rows(ask(one, embed(["refund my invoice"])))[0]
    with FakeOpenAI(seed=7) as other:
        again, near, far = rows(
            ask(other, embed(["Refund my invoice!", "the invoice", "a football match"]))
        )

    assert np.allclose(first, again, atol=1e-6)
    assert first @ near > 0.3 > first @ far


@pytest.mark.parametrize("text", ["?!", " ", "日本語", "\u0000"])
def test_a_text_without_words_has_a_vector(server, text):
    """Any text that is not empty does."""
    assert np.isclose(np.linalg.norm(rows(ask(server, embed(text)))[0]), 1)


def test_the_large_model_is_wider(server):
    """Its vectors have 3,072 figures."""
    answer = ask(
        server,
        lambda client: client.embeddings.create(model="text-embedding-3-large", input="invoice"),
    )

    assert rows(answer).shape == (1, 3072)


def test_models_are_listed(server):
    """With the two that the router uses."""
    names = [model.id for model in ask(server, lambda client: client.models.list()).data]

    assert {CHAT_MODEL, EMBEDDING_MODEL} <= set(names)


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_a_good_answer_tells_its_id_and_the_limits(server, path):
    """In the headers that OpenAI sends."""
    calls = {
        "chat": lambda client: client.chat.completions.with_raw_response.create(
            model=CHAT_MODEL, messages=[{"role": "user", "content": QUERY}]
        ),
        "embeddings": lambda client: client.embeddings.with_raw_response.create(
            model=EMBEDDING_MODEL, input=TEXTS
        ),
    }
    headers = ask(server, calls[path]).headers

    assert headers["x-request-id"].startswith("req_")
    assert int(headers["openai-processing-ms"]) >= 0
    for what in ("requests", "tokens"):
        limit = int(headers[f"x-ratelimit-limit-{what}"])
        assert 0 < int(headers[f"x-ratelimit-remaining-{what}"]) < limit


# What is refused without a fault


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(embed(""), "empty", id="an empty text"),
        pytest.param(embed(["a", ""]), "empty", id="an empty text among others"),
        pytest.param(embed([]), "a list of texts", id="no text"),
        pytest.param(embed(["a"] * 2049), "2048 are the most", id="too many texts"),
        pytest.param(embed(dimensions=4000), "from 1 to 1536", id="too many dimensions"),
        pytest.param(tag(model=create_model("Reply", tags=(str, ...))), "enum", id="no enum"),
        pytest.param(
            lambda client: client.chat.completions.create(model=CHAT_MODEL, messages=[]),
            "at least one message",
            id="no message",
        ),
        pytest.param(
            lambda client: client.post("/embeddings", cast_to=object, body={"input": "a"}),
            "provide a model",
            id="no model",
        ),
    ],
)
def test_a_request_that_openai_refuses_is_refused(server, call, says):
    """With status 400 and an error object."""
    with pytest.raises(openai.BadRequestError, match=says) as caught:
        ask(server, call)

    assert set(caught.value.body) == {"message", "type", "param", "code"}
    assert caught.value.type == "invalid_request_error"


def test_the_most_texts_are_accepted(server):
    """2,048 in one request."""
    answer = ask(server, embed(["a"] * 2048, dimensions=1))

    assert len(answer.data) == 2048


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": ""}, {"Authorization": "Bearer"}],
    ids=["none", "empty", "bare"],
)
def test_a_request_without_a_key_is_refused(server, headers):
    """Before anything else is looked at."""
    reply = httpx2.post(f"{server.base_url}/embeddings", json={}, headers=headers, verify=TLS)

    assert reply.status_code == 401
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        pytest.param("POST", "/nothing", b"{}", 404, id="an unknown path"),
        pytest.param("GET", "/embeddings", b"", 404, id="another method"),
        pytest.param("POST", "/embeddings", b"{", 400, id="broken JSON"),
        pytest.param("POST", "/embeddings", b"[]", 400, id="no object"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(server, method, path, content, status):
    """With an error object, and it is recorded without a body."""
    headers = {"Authorization": f"Bearer {KEY}"}
    reply = httpx2.request(
        method, server.base_url + path, content=content, headers=headers, verify=TLS
    )

    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert not server.requests[0].body


# Faults


@pytest.mark.parametrize("path", ["chat", "embeddings"])
@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("rate_limited", openai.RateLimitError, "rate_limit_exceeded"),
        ("quota", openai.RateLimitError, "insufficient_quota"),
        ("server_error", openai.InternalServerError, None),
        ("unauthorized", openai.AuthenticationError, "invalid_api_key"),
        ("no_model", openai.NotFoundError, "model_not_found"),
        ("bad_request", openai.BadRequestError, None),
    ],
)
def test_an_error_status_is_an_error_of_its_own(server, path, fault, error, code):
    """The SDK has a class for each, with OpenAI's code in it."""
    server.fail(path, fault)

    with pytest.raises(error) as caught:
        ask(server, CALLS[path])

    assert caught.value.code == code
    assert caught.value.request_id.startswith("req_")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_has_the_status_that_was_told(server, status):
    """The SDK has one class for all of them."""
    server.fail("chat", "server_error", status=status)

    with pytest.raises(openai.InternalServerError) as caught:
        ask(server, tag())

    assert caught.value.status_code == status


def test_a_refused_key_is_echoed(server):
    """Its beginning and its end stand in the error's text."""
    server.fail("chat", "unauthorized")

    with pytest.raises(openai.AuthenticationError, match=r"provided: sk-abc\*\*\*xyz\."):
        ask(server, tag())


@pytest.mark.parametrize(
    ("details", "header", "value"),
    [
        pytest.param({"retry_after": 2}, "retry-after", "2", id="seconds"),
        pytest.param({"retry_after_ms": 150}, "retry-after-ms", "150", id="milliseconds"),
    ],
)
def test_a_rate_limit_can_say_when_to_come_back(server, details, header, value):
    """In the header that was asked for."""
    server.fail("chat", "rate_limited", **details)

    with pytest.raises(openai.RateLimitError) as caught:
        ask(server, tag())

    assert caught.value.response.headers[header] == value


@pytest.mark.parametrize("path", ["chat", "embeddings"])
@pytest.mark.parametrize("fault", ["drop", "half_body"])
def test_a_cut_connection_is_a_connection_error(server, path, fault):
    """Before the headers as well as amid the body."""
    server.fail(path, fault)

    with pytest.raises(openai.APIConnectionError) as caught:
        ask(server, CALLS[path])

    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_a_server_that_hangs_is_a_timeout(server, path):
    """The request arrives, and no answer comes."""
    server.fail(path, "hang")

    with pytest.raises(openai.APITimeoutError):
        ask(server, CALLS[path], timeout=0.1)

    assert len(server.requests) == 1


def test_stopping_the_server_ends_what_hangs():
    """The client sees its connection end."""

    async def left():
        with FakeOpenAI() as server:
            server.fail("embeddings", "hang")
            client = client_of(server)
            waiting = asyncio.create_task(embed()(client))
            while EMBEDDINGS not in {request.path for request in server.requests}:
                await client.models.list()
        async with client:
            with pytest.raises(openai.APIConnectionError):
                await waiting

    asyncio.run(left())


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_truncated_json_is_a_bare_decode_error(server, path):
    """The SDK does not wrap it."""
    server.fail(path, "broken_json")

    with pytest.raises(json.JSONDecodeError):
        ask(server, CALLS[path])


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_a_page_instead_of_json_is_an_attribute_error(server, path):
    """Where the SDK reads the answer's fields."""
    server.fail(path, "html")

    with pytest.raises(AttributeError, match="'str' object has no attribute"):
        ask(server, CALLS[path])


def test_a_page_instead_of_json_is_a_string_of_create(server):
    """Where the SDK does not look into the answer."""
    server.fail("chat", "html")

    assert ask(server, talk()).startswith("<!doctype html>")


def test_a_refusal_is_no_error(server):
    """The message says so, and nothing is parsed."""
    server.fail("chat", "refusal")

    message = ask(server, tag()).choices[0].message

    assert (message.content, message.parsed) == (None, None)
    assert message.refusal


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("length", openai.LengthFinishReasonError),
        ("content_filter", openai.ContentFilterFinishReasonError),
        ("not_json", ValidationError),
        ("wrong_tag", ValidationError),
        ("many_tags", ValidationError),
    ],
)
def test_a_reply_that_is_no_tag_list_is_an_error_of_parse(server, fault, error):
    """A validation error is not one of the SDK's own."""
    server.fail("chat", fault)

    with pytest.raises(error):
        ask(server, tag())


@pytest.mark.parametrize("fault", ["length", "content_filter"])
def test_create_returns_a_reply_that_ended_early(server, fault):
    """With its reason, and shorter than the whole one."""
    whole = ask(server, talk()).choices[0]
    server.fail("chat", fault)

    choice = ask(server, talk()).choices[0]

    assert choice.finish_reason == fault
    assert len(choice.message.content) < len(whole.message.content)


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        pytest.param("wrong_dimension", lambda data: data.shape == (3, 768), id="wrong_dimension"),
        pytest.param("nan", lambda data: np.isnan(data).sum() == 1, id="nan"),
        pytest.param("missing_rows", lambda data: data.shape == (2, 1536), id="missing_rows"),
        pytest.param("zero_row", lambda data: not data[-1].any() and data[0].any(), id="zero_row"),
    ],
)
def test_the_sdk_lets_bad_vectors_pass(server, encoding, fault, seen):
    """It validates nothing of an embeddings reply."""
    server.fail("embeddings", fault)
    answer = ask(server, embed(encoding_format=encoding))

    assert seen(rows(answer))


def test_rows_in_another_order_keep_their_index(server):
    """By which they can be put right."""
    good = ask(server, embed())
    server.fail("embeddings", "shuffled_rows")

    answer = ask(server, embed())

    assert [row.index for row in answer.data] == [2, 1, 0]
    assert np.array_equal(rows(answer)[::-1], rows(good))


def test_a_stream_can_be_refused(server):
    """The refusal comes word by word instead of the content."""
    server.fail("chat", "refusal")
    chunks = ask(server, stream())

    assert "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks)
    assert not any(chunk.choices[0].delta.content for chunk in chunks)


def test_a_stream_can_break_off(server):
    """The SDK wraps it as it does before the first chunk."""
    server.fail("chat", "half_body")

    with pytest.raises(openai.APIConnectionError) as caught:
        ask(server, stream())

    assert isinstance(caught.value.__cause__, httpx2.RemoteProtocolError)


# Which request meets which fault


def test_a_fault_meets_as_many_requests_as_told(server):
    """One after another, and the SDK's retries count as requests."""
    server.fail("embeddings", "rate_limited", times=2, retry_after_ms=1)

    answer = ask(server, embed(), retries=2)

    assert len(answer.data) == 3
    counts = [request.headers["x-stainless-retry-count"] for request in server.requests]
    assert counts == ["0", "1", "2"]


def test_faults_are_taken_in_the_order_in_which_they_were_queued(server):
    """The next one comes when the one before is used up."""
    server.fail("chat", "quota")
    server.fail("chat", "no_model")

    for error in (openai.RateLimitError, openai.NotFoundError):
        with pytest.raises(error):
            ask(server, tag())
    assert ask(server, tag()).choices


def test_a_fault_stays_until_mended(server):
    """When it is queued for ever."""
    server.fail("chat", "server_error", times=None)

    for _ in range(3):
        with pytest.raises(openai.InternalServerError):
            ask(server, tag())
    server.mend()
    assert ask(server, tag()).choices


def test_a_fault_of_one_endpoint_leaves_the_other_alone(server):
    """By a part of the path."""
    server.fail("chat", "server_error", times=None)

    assert ask(server, embed()).data


@pytest.mark.parametrize(
    ("fault", "other"),
    [
        *[pytest.param(fault, embed(), id=fault) for fault in CHAT_FAULTS],
        *[pytest.param(fault, talk(), id=fault) for fault in EMBEDDINGS_FAULTS],
    ],
)
def test_a_fault_of_content_passes_the_other_endpoint_by(server, fault, other):
    """Even where the part of the path fits both."""
    server.fail("/v1/", fault)
    ask(server, other)
    server.fail("/v1/", "quota")

    with pytest.raises(openai.RateLimitError):
        ask(server, other)


def test_probability_follows_the_seed():
    """The same seed meets the same requests, and neither none nor all of them."""

    async def outcomes(client):
        return [
            isinstance(one, openai.InternalServerError)
            for one in [await outcome(client) for _ in range(40)]
        ]

    async def outcome(client):
        try:
            return await embed("a", dimensions=8)(client)
        except openai.InternalServerError as error:
            return error

    met = []
    for seed in (1, 1, 2):
        with FakeOpenAI(seed=seed) as server:
            server.fail("embeddings", "server_error", times=None, probability=0.3)
            met.append(ask(server, outcomes))

    assert met[0] == met[1] != met[2]
    assert 0 < sum(met[0]) < 40


def test_an_unknown_fault_is_refused():
    """So that a misspelt one does not pass as health."""
    with pytest.raises(ValueError, match="No such fault: crash"):
        FakeOpenAI().fail("chat", "crash")


def test_an_unknown_detail_is_refused():
    """A fault takes its own ones only."""
    with pytest.raises(TypeError, match="quota has no status"):
        FakeOpenAI().fail("chat", "quota", status=500)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_was_mended_is_well(server, fault):
    """Whatever had been queued."""
    server.fail("/v1/", fault, times=None)
    server.mend()

    assert ask(server, tag()).choices[0].message.parsed.tags
    assert rows(ask(server, embed())).shape == (3, 1536)


# Records and delays


def test_requests_are_recorded(server):
    """With path, body, headers and the time at which they came."""
    ask(server, tag())
    ask(server, embed())

    chat, embeddings = server.requests
    assert (chat.path, embeddings.path) == (CHAT, EMBEDDINGS)
    assert chat.body["response_format"]["type"] == "json_schema"
    assert embeddings.body["input"] == TEXTS
    assert embeddings.headers["authorization"] == f"Bearer {KEY}"
    assert chat.started_at < embeddings.started_at


def test_requests_can_be_forgotten(server):
    """The faults stay."""
    server.fail("embeddings", "quota")
    ask(server, tag())

    server.clear()

    assert server.requests == []
    with pytest.raises(openai.RateLimitError):
        ask(server, embed())


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_a_delay_holds_one_endpoint_back(server, path):
    """A client that waits less gives up, and the other endpoint answers."""
    setattr(server, f"{path}_delay_seconds", 30.0)
    other = "chat" if path == "embeddings" else "embeddings"

    with pytest.raises(openai.APITimeoutError):
        ask(server, CALLS[path], timeout=0.1)
    assert ask(server, CALLS[other])


def test_a_delayed_answer_comes(server):
    """And says in its header how long it took."""
    server.embeddings_delay_seconds = 0.02
    reply = ask(
        server,
        lambda client: client.embeddings.with_raw_response.create(model=EMBEDDING_MODEL, input="a"),
    )

    assert int(reply.headers["openai-processing-ms"]) >= 19


@pytest.mark.parametrize(
    "fault", ["rate_limited", "server_error", "drop", "half_body", "broken_json", "html"]
)
def test_an_error_does_not_wait(server, fault):
    """The delay is for answers."""
    server.chat_delay_seconds = 30.0
    server.fail("chat", fault)

    with pytest.raises(Exception, match=r".") as caught:
        ask(server, tag())

    assert not isinstance(caught.value, openai.APITimeoutError)


def test_requests_are_served_side_by_side(server):
    """One that hangs holds up no other."""
    server.fail("embeddings", "hang")

    async def together(client):
        waiting = asyncio.create_task(embed()(client))
        answers = await asyncio.gather(*(talk()(client) for _ in range(10)))
        hung = not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return answers, hung

    answers, hung = ask(server, together)

    assert hung
    assert len(answers) == 10


def test_a_server_can_have_a_port_of_its_own():
    """Which is free again when it has ended, and not before."""
    with FakeOpenAI() as first:
        ask(first, talk())
        port = httpx2.URL(first.base_url).port
        with pytest.raises(OSError, match="in use"):
            FakeOpenAI(port=port).__enter__()
    with FakeOpenAI(port=port) as second:
        assert ask(second, talk())

    assert first.base_url == second.base_url == f"http://127.0.0.1:{port}/v1"


def test_a_process_serves_at_the_address_that_it_prints(root):
    """Until it is told to end, and then it ends well."""
    command = [sys.executable, "-m", "tests.fake_openai", "--chat-ms", "0", "--embeddings-ms", "0"]
    with subprocess.Popen(
        command,
        cwd=root,
        env=os.environ | {"PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        address = process.stdout.readline().strip()
        reply = httpx2.get(
            f"{address}/models", headers={"Authorization": f"Bearer {KEY}"}, verify=TLS
        )
        process.terminate()

    assert reply.json()["object"] == "list"
    assert process.returncode == 0


# The contract


@pytest.fixture
def check(data):
    """Return a function that validates a value against one of OpenAI's schemas."""
    contract = json.loads((data / "openai-schemas.json").read_text("utf-8"))

    def validate(name: str, value: Any) -> None:
        schema = {**contract, "$ref": f"#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema).validate(value)

    return validate


def exempted(answer: dict) -> dict:
    """Return an answer without its base64 vectors, which the schema does not know."""
    plain = [
        {**row, "embedding": [] if isinstance(row["embedding"], str) else row["embedding"]}
        for row in answer["data"]
    ]
    return {**answer, "data": plain}


@pytest.mark.parametrize("fault", [None, *CHAT_FAULTS])
@pytest.mark.parametrize("structured", [True, False], ids=["tags", "words"])
def test_chat_keeps_to_the_published_schemas(server, check, fault, structured):
    """Requests of the SDK as well as replies, faults of content among them."""
    wanted = {"type": "json_schema", "json_schema": {"name": "Reply", "schema": SCHEMA}}
    options = {"response_format": wanted} if structured else {}
    if fault is not None:
        server.fail("chat", fault)
    reply = ask(
        server,
        lambda client: client.chat.completions.with_raw_response.create(
            model=CHAT_MODEL, messages=[{"role": "user", "content": QUERY}], **options
        ),
    )

    check("CreateChatCompletionRequest", server.requests[0].body)
    check("CreateChatCompletionResponse", json.loads(reply.text))


def test_the_requests_of_parse_keep_to_the_published_schema(server, check):
    """With the strict schema that the SDK makes of a model."""
    ask(server, tag())

    check("CreateChatCompletionRequest", server.requests[0].body)
    assert server.requests[0].body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize("fault", [None, *EMBEDDINGS_FAULTS])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_keep_to_the_published_schemas(server, check, fault, encoding):
    """Requests of the SDK as well as replies, but for base64, which the schema does not know."""
    if fault is not None:
        server.fail("embeddings", fault)
    reply = ask(
        server,
        lambda client: client.embeddings.with_raw_response.create(
            model=EMBEDDING_MODEL, input=TEXTS, dimensions=64, encoding_format=encoding
        ),
    )

    check("CreateEmbeddingRequest", server.requests[0].body)
    check("CreateEmbeddingResponse", exempted(json.loads(reply.text)))


@pytest.mark.parametrize(
    "fault", ["rate_limited", "quota", "server_error", "unauthorized", "no_model", "bad_request"]
)
def test_errors_keep_to_the_published_schema(server, check, fault):
    """Whatever the status."""
    server.fail("chat", fault)

    with pytest.raises(openai.APIStatusError) as caught:
        ask(server, tag())

    check("ErrorResponse", caught.value.response.json())
