"""Servers that are not OpenAI's own, as the real SDK meets them."""

import json

import numpy as np
import openai
import pytest

from fake_openai import FakeOpenAI, Quirks
from fake_openai.calls import ask, embed, rows, stream, talk

SPOKEN = "which tags has an invoice?"


def said(answer):
    """Return the words of an answer."""
    return answer.choices[0].message.content


@pytest.mark.parametrize(
    ("quirks", "call", "told"),
    [
        (Quirks(refuses=("dimensions",)), embed(dimensions=8), "'dimensions' is not supported"),
        (Quirks(refuses=("base64",)), embed(), "'base64' in 'encoding_format'"),
        (Quirks(refuses=("stream",)), stream(), "'stream'"),
        (Quirks(refuses=("dimensions",), manner="google"), embed(dimensions=8), "Error code: 400"),
        (
            Quirks(refuses=("dimensions",), manner="nameless"),
            embed(dimensions=8),
            "Error code: 400",
        ),
        (Quirks(always=("dimensions",)), embed(), "'dimensions'"),
        (Quirks(most_texts=2), embed(["one", "two", "three"]), "maximum allowed batch size 2"),
        (Quirks(most_tokens=2), embed(["many tokens", "and more"]), "2 are the most"),
    ],
)
def test_what_is_refused_is_named(quirks, call, told):
    """In the words of the server that is played."""
    with FakeOpenAI(quirks=quirks) as server, pytest.raises(openai.BadRequestError, match=told):
        ask(server, call)


def test_a_field_that_is_not_sent_is_not_refused():
    """Nor is a batch that is small enough."""
    with FakeOpenAI(quirks=Quirks(refuses=("dimensions",), most_texts=3)) as server:
        assert len(rows(ask(server, embed()))) == 3


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (None, '{"tags": ["billing"]}'),
        ("fence", '```json\n{"tags": ["billing"]}\n```'),
        ("list", '["billing"]'),
        ("capitals", '{"TAGS": ["BILLING"]}'),
        ("text", '{"tags": "billing"}'),
    ],
)
def test_a_chat_without_a_schema_chooses_tags_in_its_own_shape(shape, words):
    """Where it is asked for tags."""
    with FakeOpenAI(quirks=Quirks(shape=shape, lists=True)) as server:
        assert said(ask(server, talk(SPOKEN))) == words


def test_thinking_takes_a_small_limit():
    """Nothing is said, and all of it is counted."""
    with FakeOpenAI(quirks=Quirks(thinking_tokens=500)) as server:
        answer = ask(
            server,
            lambda client: client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Hello"}], max_tokens=500
            ),
        )

    assert (said(answer), answer.choices[0].finish_reason) == ("", "length")
    assert answer.usage.completion_tokens == 500


@pytest.mark.parametrize("streaming", ["cut", "unfinished"])
def test_a_stream_may_end_without_a_reason(streaming):
    """The SDK raises nothing."""
    with FakeOpenAI(quirks=Quirks(streaming=streaming)) as server:
        chunks = ask(server, stream())

    assert all(choice.finish_reason is None for chunk in chunks for choice in chunk.choices)


def test_an_error_may_come_amid_a_stream():
    """After half of it."""
    with (
        FakeOpenAI(quirks=Quirks(streaming="error")) as server,
        pytest.raises(openai.APIError, match="crashed"),
    ):
        ask(server, stream())


def test_vectors_may_be_of_a_length_of_their_own():
    """And carry the same number each, or none."""
    with FakeOpenAI(quirks=Quirks(width=24, index="zero", lists=True)) as server:
        answer = ask(server, embed())
        server.quirks = Quirks(narrowing=True)
        first, second = rows(ask(server, embed())), rows(ask(server, embed()))

    assert rows(answer).shape == (3, 24)
    assert [row.index for row in answer.data] == [0, 0, 0]
    assert second.shape[1] == first.shape[1] - 1
    assert np.isfinite(second).all()


def test_an_endpoint_may_be_missing_and_a_key_may_be_needless():
    """As where one process serves one model."""
    with FakeOpenAI(quirks=Quirks(lacks=("chat",), keyless=True)) as server:
        assert len(rows(ask(server, embed()))) == 3
        with pytest.raises(openai.NotFoundError, match="404"):
            ask(server, talk())


def test_a_model_is_loaded_once_for_whoever_waits():
    """Who leaves earlier has it begin anew."""
    with FakeOpenAI(quirks=Quirks(loading_seconds=0.3)) as server:
        with pytest.raises(openai.APITimeoutError):
            ask(server, embed(), timeout=0.1)
        ask(server, embed())
        server.quirks = Quirks(loading_seconds=60)
        assert len(rows(ask(server, embed()))) == 3


def test_an_error_may_come_with_a_status_of_success():
    """The SDK takes it for an answer."""
    with FakeOpenAI(quirks=Quirks(error_in_200=("chat",))) as server:
        answer = ask(server, talk())

    assert json.loads(answer.model_dump_json())["choices"] is None
