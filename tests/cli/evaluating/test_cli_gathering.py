"""An evaluation that is interrupted, or whose provider fails."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_openai import EMBEDDINGS, FakeOpenAI, Quirks
from labelled_desks import SECRET, write

from handoff.router import Router

COMMAND = Path(sys.executable).with_name("handoff")

MANY = 250


@pytest.fixture
def server(monkeypatch):
    """Serve OpenAI's embeddings on loopback, with the settings that lead there."""
    with FakeOpenAI() as serving:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", serving.base_url)
        monkeypatch.setenv("HANDOFF_EMBEDDER", "openai")
        yield serving


def press_ctrl_c(monkeypatch, at_part):
    """Interrupt the main thread, as a terminal does, when this part is asked for."""
    asked = []
    gather_many = Router.gather_many

    async def gather(self, queries, trace):
        asked.append(len(queries))
        if len(asked) == at_part:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return await gather_many(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather)


def many_queries():
    """Return more queries than are gathered at once."""
    return [f"{SECRET} rain {at}" for at in range(MANY)]


def many_cases():
    """Write them as cases."""
    write("many.csv", [(query, "weather") for query in many_queries()])


@pytest.mark.parametrize(
    ("command", "total"),
    [
        pytest.param(["eval", "many.csv"], 250, id="eval"),
        pytest.param(["check", "many.csv", "--min-accuracy", "0"], 250, id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "many.csv"], 500, id="compare"),
    ],
)
def test_ctrl_c_says_how_far_it_came(handoff, monkeypatch, server, command, total):
    """An interrupted run ends with two and one sentence, and prints no figures."""
    many_cases()
    server.embeddings_delay_seconds = 0.2
    press_ctrl_c(monkeypatch, 2)

    assert handoff(*command) == (
        2,
        "",
        (
            f"handoff: Stopped, with 100 of {total} cases gathered: they are in the cache, run it "
            "again to go on.\n"
        ),
    )


def test_after_ctrl_c_only_the_rest_is_asked_for(handoff, answer, monkeypatch, server):
    """What was paid for once is not paid for again."""
    many_cases()
    server.embeddings_delay_seconds = 0.2
    with monkeypatch.context() as patched:
        press_ctrl_c(patched, 2)
        handoff("eval", "many.csv")
    server.embeddings_delay_seconds = 0.0
    server.clear()

    answered = answer("eval", "many.csv")

    asked = [text for request in server.requests for text in request.body["input"]]
    assert answered["cases"] == MANY
    assert answered["failed"] == 0
    assert sorted(asked) == sorted(many_queries()[100:])


def test_an_evaluation_that_is_repeated_asks_for_nothing(answer, server):
    """Everything is in the cache."""
    first = answer("eval", "cases.csv")
    server.clear()

    again = answer("eval", "cases.csv")

    assert server.requests == []
    assert again | {"seconds": 0} == first | {"seconds": 0}


def test_a_real_interrupt_of_the_command_leaves_one_line(folder, server):
    """The installed command, interrupted while it waits, ends with two and without a traceback."""
    many_cases()
    server.embeddings_delay_seconds = 30.0
    with subprocess.Popen(
        [COMMAND, "eval", "many.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        text=True,
    ) as process:
        while not server.requests:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (2, "")
    assert err == ("handoff: Stopped before the first of 250 cases was gathered: run it again.\n")


INTERRUPTED = """
import asyncio, os, signal, sys

from handoff.cli import main
from handoff.providers.scripted import ScriptedEmbedder


async def embed(self, texts):
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(60)


ScriptedEmbedder.embed = embed
sys.argv = ["handoff", "eval", "cases.csv"]
main()
"""


def test_an_interrupt_without_a_connection_leaves_one_line(folder):
    """The embedded model's providers have nothing to close, and still leave no traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "handoff: Stopped before the first of 24 cases was gathered: run it again.\n"
    )


def test_a_part_that_failed_is_counted_and_told(handoff, answer, server):
    """A provider that refuses one part leaves the figures of the others."""
    many_cases()
    answer("eval", "cases.csv")
    server.clear()
    server.fail(EMBEDDINGS, "bad_request")

    code, out, err = handoff("eval", "many.csv")

    assert (code, err) == (0, "")
    assert "failed 100." in out
    assert "100 cases could not be gathered: The server of OPENAI_BASE_URL refused" in out


def test_a_case_that_cannot_be_embedded_fails_alone(handoff, server):
    """It is one of 250, told with its reason, and the recommendation says that it stood aside."""
    server.quirks = Quirks(cannot_embed="rain 123", most_texts=64)
    many_cases()

    code, out, err = handoff("eval", "many.csv")

    assert (code, err) == (0, "")
    assert "failed 1." in out
    assert "1 case failed and had no say in this." in out
    assert "1 case could not be gathered: The server of OPENAI_BASE_URL cannot embed" in out


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["eval", "many.csv"], id="eval"),
        pytest.param(["check", "many.csv", "--min-accuracy", "0"], id="check"),
        pytest.param(["compare", "agents.csv", "other.csv", "many.csv"], id="compare"),
    ],
)
def test_a_provider_that_refuses_everything_ends_with_two(handoff, server, command):
    """Its reason is the sentence, and no query stands in it."""
    many_cases()
    server.fail(EMBEDDINGS, "unauthorized", times=None)

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert "refused the key: check OPENAI_API_KEY" in err
    assert err.count("\n") == 1
    assert SECRET not in err
