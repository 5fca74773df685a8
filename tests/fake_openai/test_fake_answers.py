"""What the double answers, seen through the real SDK over a real socket."""

import json
from enum import StrEnum
from typing import Literal

import httpx2
import numpy as np
import openai
import pytest
from pydantic import create_model

from fake_openai import FakeOpenAI
from fake_openai.calls import (
    CHAT_MODEL,
    EMBEDDING_MODEL,
    KEY,
    QUERY,
    TEXTS,
    TLS,
    ask,
    embed,
    reply_model,
    rows,
    stream,
    tag,
    talk,
)

SALES = Literal["sales"]


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
