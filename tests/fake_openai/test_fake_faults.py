"""Each fault of the double, as the real SDK meets it."""

import asyncio
import json

import httpx2
import numpy as np
import openai
import pytest
from pydantic import ValidationError

from fake_openai import EMBEDDINGS, FakeOpenAI
from fake_openai.calls import CALLS, ask, client_of, embed, rows, stream, tag, talk


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
