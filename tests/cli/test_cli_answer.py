"""A route is decided first; an answer is asked for only where somebody wants it."""

import json

import pytest
from fake_openai import FakeOpenAI
from three_desks import SELECTED

KEY = "sk-test-SECRETKEY"


@pytest.fixture
def server(handoff, monkeypatch):  # noqa: ARG001 - its settings come first
    """Serve OpenAI's format, with a key, while tags and vectors stay on this machine."""
    with FakeOpenAI() as serving:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", serving.base_url)
        yield serving


def test_without_answer_nothing_is_sent(handoff, server):
    """A key in the environment is no reason to send query and description anywhere."""
    code, out, err = handoff("route", SELECTED)

    assert (code, err) == (0, "")
    assert out.startswith("Hand off to Weather Desk\n")
    assert server.requests == []


def test_with_answer_the_agent_is_asked(handoff, server):
    """One request, to the chat model, and its answer stands under the verdict."""
    code, out, _ = handoff("route", SELECTED, "--answer")

    assert code == 0
    assert out.startswith("Hand off to Weather Desk\n")
    assert len(server.requests) == 1


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_an_answer_that_does_not_come_leaves_the_verdict(handoff, server, form):
    """Verdict and exit code are those of the decision; the failure is a note."""
    server.fail("chat", "no_model", times=None)

    code, out, err = handoff("route", SELECTED, "--answer", *form)

    assert (code, err) == (0, "")
    if form:
        found = json.loads(out)
        assert (found["agent"], found["answer"]) == ("weather", None)
        assert found["unanswered"]
    else:
        assert out.startswith("Hand off to Weather Desk\n")
        assert "No answer came: " in out
    assert KEY not in out


def test_a_slow_answer_keeps_nobody_from_the_verdict(handoff, server, monkeypatch):
    """Who waits for the answer reads the verdict meanwhile, apart from what other programs read."""
    monkeypatch.setattr("handoff.cli.patience.PATIENCE_SECONDS", 0.01)
    server.chat_delay_seconds = 0.5

    code, out, err = handoff("route", SELECTED, "--answer", "--json")

    assert code == 0
    assert err.count("Hand off to Weather Desk. Waiting for the agent's answer.\n") == 1
    assert json.loads(out)["answer"]


def test_a_slow_server_is_told_of(handoff, server, monkeypatch):
    """A route that waits for a model says what it waits for; one that does not says nothing."""
    monkeypatch.setattr("handoff.cli.patience.PATIENCE_SECONDS", 0.01)
    monkeypatch.setenv("HANDOFF_TAGGER", "openai")
    server.chat_delay_seconds = 0.5

    _, out, err = handoff("route", SELECTED)

    assert err.startswith("handoff: Waiting for ")
    assert out.startswith("Hand off to Weather Desk\n")


def test_why_tags_are_missing_stands_under_them(handoff, server, monkeypatch):
    """Not in JSON alone: who sees that no tags came sees what to do, and the verdict stays."""
    monkeypatch.setenv("HANDOFF_TAGGER", "openai")
    server.fail("chat", "no_model", times=None)

    _, out, _ = handoff("route", SELECTED)
    _, told, _ = handoff("route", SELECTED, "--json")

    why = next(filter(None, (span.get("trouble") for span in json.loads(told)["spans"])))
    lines = out.splitlines()
    assert "Tags could not be extracted" in lines[2]
    assert lines[3] == f"Tags were skipped. {why}"
