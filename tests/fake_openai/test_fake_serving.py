"""The double's queue of faults, its record of requests, its delays and its process."""

import asyncio
import os
import subprocess
import sys

import httpx2
import openai
import pytest

from fake_openai import CHAT, CHAT_FAULTS, EMBEDDINGS, EMBEDDINGS_FAULTS, FAULTS, FakeOpenAI
from fake_openai.calls import CALLS, EMBEDDING_MODEL, KEY, TEXTS, TLS, ask, embed, rows, tag, talk


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
