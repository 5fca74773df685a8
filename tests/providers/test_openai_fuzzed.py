"""Whatever a server answers: vectors, tags or an answer of their kind, or one sentence of ours."""

import asyncio
import json
import math

import numpy as np
import pytest
from fake_openai import Reply, answers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai_routes import QUERY, REGISTRY, SECRET, chain

from handoff.core.errors import ProviderError
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.embedder import OpenAIEmbedder
from handoff.providers.openai.prices import load_prices
from handoff.providers.openai.runner import OpenAIRunner
from handoff.providers.openai.tagger import OpenAITagExtractor
from handoff.resilience.breaker import Breaker
from handoff.resilience.spending import SpendingCap

INPUTS = 250
"""Replies that each kind of call gets, always the same ones."""

TEXTS = ["fresh bread", "a bouquet"]
fuzzed = settings(
    max_examples=INPUTS,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**63, 10**400, 1e308, -1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from(
        ["", "\ud800", "\x00", "\x1b]0;x\x07", "bread", "stop", "AAAA", "é", "x" * 5_000]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.recursive(
        st.none() | st.integers(-2, 2),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=6,
    ),
)


def places(value, path=()):
    """Yield the path to each part of a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


def changed(value, path, put, *, remove):
    """Return a JSON value with something else at one of its places, or without that place."""
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and remove:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], put, remove=remove)
    return copy


@st.composite
def damaged(draw, good):
    """Draw a good reply with one or two of its parts changed or gone, or bytes of any kind."""
    parts = [json.loads(part) for part in good]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(parts) - 1))
        path = draw(st.sampled_from(list(places(parts[at]))))
        parts[at] = changed(parts[at], path, draw(odd), remove=draw(st.booleans()))
    sent = [json.dumps(part).encode() for part in parts]
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(sent) - 1))
        sent[at] = draw(st.binary(max_size=40) | st.just(sent[at][: len(sent[at]) // 2]))
    return sent


statuses = st.sampled_from([200] * 12 + [201, 206, 300, 400, 401, 404, 409, 418, 429, 500])
kinds = st.sampled_from(
    ["application/json"] * 6 + ["text/html", "", "text/event-stream", "a/b; charset=x"]
)


@pytest.fixture
def asking(configure, monkeypatch):
    """Return a function that makes a call which gets a reply, and gives what came of it."""
    reach = configure(timeout_seconds=5, deadline_seconds=10, dimensions=8).openai
    cap = SpendingCap(1, name="A test")
    connection = OpenAIConnection(reach, load_prices(), cap)
    reply, told = [], []
    monkeypatch.setattr("fake_openai.server.chat_reply", lambda *_: reply[0])
    monkeypatch.setattr("fake_openai.server.embeddings_reply", lambda *_: reply[0])
    with asyncio.Runner() as runner:

        def ask(call, answer):
            reply[:] = [answer]
            connection.breakers.update({name: Breaker(name) for name in connection.breakers})
            try:
                return runner.run(call(connection))
            except ProviderError as trouble:
                told.append(trouble)
                return None
            finally:
                assert cap.left_usd == pytest.approx(1 - cap.spent_usd)

        yield ask
        runner.run(connection.close())
    sentences = {str(error) for error in told}
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in sentences)
    behind = [one for error in told for one in chain(error)]
    assert not any(SECRET in f"{one!s} {one!r}" for one in behind)


def embeddings_of(form):
    """Return a good reply with vectors in one of the two encodings."""
    body = {"model": "text-embedding-3-small", "input": TEXTS, "dimensions": 8}
    return answers.embeddings_reply(body | {"encoding_format": form}, None).parts


def test_any_reply_to_embeddings_is_vectors_or_a_sentence(asking):
    """Rows come as unit vectors of the known length, one a text, or not at all."""
    tried, taken = [], []

    @fuzzed
    @given(
        st.sampled_from(["base64", "float"]).flatmap(lambda form: damaged(embeddings_of(form))),
        statuses,
        kinds,
    )
    def try_one(sent, status, kind):
        answer = Reply((b"".join(sent),), status, kind)

        async def call(connection):
            return await OpenAIEmbedder(connection).embed(TEXTS)

        rows = asking(call, answer)
        tried.append(sent)
        if rows is not None:
            taken.append(rows)
            assert rows.shape == (2, 8)
            assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)

    try_one()

    assert len(tried) >= INPUTS
    assert taken


def test_any_reply_to_tags_is_tags_of_the_registry_or_a_sentence(asking):
    """No tag comes that the registry does not know, and never more than five."""
    tried, taken = [], []
    good = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": '{"tags": ["bread"]}', "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }

    @fuzzed
    @given(damaged([json.dumps(good)]), statuses, kinds)
    def try_one(sent, status, kind):
        async def call(connection):
            return await OpenAITagExtractor(connection, REGISTRY, None).extract([QUERY])

        found = asking(call, Reply((b"".join(sent),), status, kind))
        tried.append(sent)
        if found is not None:
            taken.append(found)
            ((*tags,),) = found
            assert set(tags) <= set(REGISTRY.vocabulary)
            assert len(tags) <= 5

    try_one()

    assert len(tried) >= INPUTS
    assert taken


def test_any_streamed_answer_is_a_text_or_a_sentence(asking):
    """Pieces that cannot be read end in one sentence, and what came is text that can be shown."""
    tried, taken = [], []
    body = {"messages": [{"role": "user", "content": QUERY}], "stream": True}
    body["stream_options"] = {"include_usage": True}
    whole = answers.chat_reply(body | {"model": "gpt-4o-mini"}, None, 1).body.decode()
    good = [
        line.removeprefix("data: ") for line in whole.split("\n\n") if line.startswith("data: {")
    ]

    @fuzzed
    @given(damaged(good), statuses, kinds, st.booleans())
    def try_one(sent, status, kind, is_ended):
        async def call(connection):
            runner = OpenAIRunner(connection)
            return await runner.run([(REGISTRY.agents[0], QUERY)], pieces.append)

        pieces = []
        events = [b"data: " + event + b"\n\n" for event in sent]
        events += [b"data: [DONE]\n\n"] if is_ended else []
        found = asking(call, Reply((b"".join(events),), status, kind))
        tried.append(sent)
        "".join(pieces).encode()
        if found is not None:
            taken.append(found)
            assert found == ["".join(pieces)]

    try_one()

    assert len(tried) >= INPUTS
    assert taken
