"""`handoff doctor`: what can route here, and never the key."""

import os
import sys

import pytest
from fake_openai import FakeOpenAI

from handoff import cli
from handoff.bootstrap import open_registry
from handoff.files.settings import load_settings

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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give the command a registry of one agent in a folder of its own."""
    (tmp_path / "agents.csv").write_text("id,name,description,tags\nbaker,Baker,bread,bread\n")
    monkeypatch.setenv("HANDOFF_REGISTRY", str(tmp_path / "agents.csv"))
    return tmp_path


def test_without_a_key_the_embedded_model_routes(doctor):
    """A newcomer sees that everything is in order."""
    code, said = doctor()

    assert code == 0
    assert "embedder answers  yes: wordllama-" in said
    assert "10 agents, 44 tags" in said


def test_with_a_key_openai_is_asked(doctor, monkeypatch):
    """Models, server and where each setting came from, but not the key."""
    with FakeOpenAI() as server:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
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
        monkeypatch.delenv("HANDOFF_EMBEDDER")
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
        monkeypatch.delenv("HANDOFF_EMBEDDER")
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
        ("HANDOFF_REGISTRY", "nowhere.csv", "nowhere.csv"),
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


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("examples.csv", "query\nbread\n", "! examples.csv      examples.csv, line 1, column 2"),
        ("handoff.toml", "threshold = 7\n", "threshold must"),
        (
            "handoff.toml",
            'threshold = 0.2\n[found]\nregistry = "another"\n',
            "its threshold was found on another registry",
        ),
    ],
    ids=["no examples", "no threshold", "stale"],
)
def test_what_keeps_a_route_from_running_is_fatal(doctor, folder, name, content, sentence):
    """A file that ends `handoff route` with 2 ends `handoff doctor` with 2, in the same words."""
    (folder / name).write_text(content)

    code, said = doctor()

    assert code == 2
    assert sentence in said


def test_a_policy_found_with_examples_is_in_order(doctor, folder):
    """What `doctor` holds the policy against is what routes: agents with their examples."""
    (folder / "examples.csv").write_text("query,agent\nsomething sweet,baker\nmoon,\nno,nobody\n")
    with_examples, _ = open_registry(load_settings(os.environ))
    (folder / "handoff.toml").write_text(
        f'threshold = 0.2\n[found]\nregistry = "{with_examples.fingerprint}"\n'
    )

    code, said = doctor()

    assert code == 0
    assert "2 examples, 1 rows left out" in said
