"""`handoff doctor`: what can route here, and never the key."""

import sys

import pytest
from fake_openai import FakeOpenAI

from handoff import cli

KEY = "sk-test-SECRETKEY"


@pytest.fixture
def doctor(root, monkeypatch, capsys):
    """Return a function that runs the command and gives its exit code and lines."""
    monkeypatch.chdir(root)

    def run():
        monkeypatch.setattr(sys, "argv", ["handoff", "doctor"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().out

    return run


def test_without_a_key_the_embedded_model_routes(doctor):
    """A newcomer sees that everything is in order."""
    code, said = doctor()

    assert code == 0
    assert "embedder answers  yes: wordllama-" in said
    assert "10 agents, 44 tags" in said


def test_with_a_key_openai_is_asked(doctor, monkeypatch):
    """Models, server and where each setting came from, but not the key."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        code, said = doctor()

    assert code == 0
    assert "there (OPENAI_API_KEY)" in said
    assert "gpt-4o-mini (default)" in said
    assert "embedder answers  yes: openai-text-embedding-3-small-1536-" in said
    assert "SECRETKEY" not in said


def test_an_embedder_that_does_not_answer_is_fatal(doctor, monkeypatch):
    """Nothing can route, so the exit code says so."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        server.fail("embeddings", "unauthorized", times=None)
        code, said = doctor()

    assert code == 2
    assert "! embedder answers  no: The server of OPENAI_BASE_URL refused the key" in said
    assert "SECRETKEY" not in said


def test_tags_that_do_not_come_are_told_but_not_fatal(doctor, monkeypatch):
    """Routing goes on without tags."""
    with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        server.fail("chat", "no_model", times=None)
        code, said = doctor()

    assert code == 0
    assert "tagger answers    no:" in said


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HANDOFF_EMBEDDER", "openai", "There is no key for OpenAI"),
        ("HANDOFF_REGISTRY", "nowhere.csv", "nowhere.csv does not exist: name a CSV file."),
        ("HANDOFF_SPENDING_CAP_USD", "lots", "HANDOFF_SPENDING_CAP_USD must be a number above 0."),
    ],
    ids=["no key", "no registry", "no number"],
)
def test_a_setting_that_cannot_be_used_is_fatal(doctor, monkeypatch, name, value, sentence):
    """One line says which, and what to do."""
    monkeypatch.setenv(name, value)
    code, said = doctor()

    assert code == 2
    assert sentence in said
