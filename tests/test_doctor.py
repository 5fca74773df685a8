"""`handoff doctor`: what can route here, and never the key."""

import os
import re
import sys

import numpy as np
import pytest
from fake_openai import FakeOpenAI, Quirks

from handoff import cli
from handoff.bootstrap import CACHE_NAME, open_registry
from handoff.files.settings import load_settings
from handoff.resilience.cache import VectorCache

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
    assert "page's hosts      localhost, 127.0.0.1, ::1 (default)" in said


def test_the_names_that_the_page_answers_under_are_told(doctor, monkeypatch):
    """Whoever serves it under another name sees whether that name is set, and where."""
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "localhost workbench.example")

    _, said = doctor()

    assert "localhost, workbench.example (STREAMLIT_SERVER_ALLOWED_HOSTS)" in said


def test_the_shipped_default_is_both_models(doctor, monkeypatch):
    """Without any setting the embedder is the one that the figures are of."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    code, said = doctor()

    assert code == 0
    assert "embedder answers  yes: mixed-0.6-minilm-" in said
    assert "embedded model" not in said


@pytest.mark.parametrize(
    ("gone", "alone", "answers"),
    [
        ("onnxruntime", "wordllama alone, with its own threshold, since onnxruntime", "wordllama-"),
        ("wordllama", "MiniLM alone, with its own threshold, since wordllama", "minilm-"),
    ],
)
def test_one_model_alone_is_told_and_routes(doctor, monkeypatch, gone, alone, answers):
    """Where a package has no wheel, the reason for another threshold is said in a sentence."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.setitem(sys.modules, gone, None)
    code, said = doctor()

    assert code == 0
    assert f"embedded model    {alone} cannot be found" in said
    assert f"embedder answers  yes: {answers}" in said


def test_vectors_of_a_former_model_are_told_with_a_way_to_drop_them(doctor, monkeypatch, tmp_path):
    """They stay and are never read; those of the model in use are not counted."""
    monkeypatch.setenv("HANDOFF_CACHE_DIR", str(tmp_path))
    cache = VectorCache(tmp_path / CACHE_NAME)
    cache.put({b"%d" % number: np.ones(640, dtype=np.float32) for number in range(1_000)})
    cache.put({b"in use": np.ones(256, dtype=np.float32), b"tags": np.ones(3, dtype=np.float32)})
    cache.close()
    code, said = doctor()

    assert code == 0
    assert "cached vectors    1,000 of another model than those in use, 2.6 MB, are never" in said
    assert f"delete {tmp_path / CACHE_NAME} to drop them" in said


def test_a_cache_of_the_model_in_use_needs_no_word(doctor, monkeypatch, tmp_path):
    """There is nothing to drop, and no file is made to find that out."""
    monkeypatch.setenv("HANDOFF_CACHE_DIR", str(tmp_path))
    _, said = doctor()

    assert "cached vectors" not in said
    assert not (tmp_path / CACHE_NAME).exists()


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


def test_an_address_without_a_key_is_asked_with_none(doctor, monkeypatch):
    """Whoever runs Ollama sees that no key is sent, and where one would go."""
    with FakeOpenAI(quirks=Quirks(keyless=True)) as server:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        code, said = doctor()

    assert code == 0
    assert "OpenAI key        none is sent to the server of OPENAI_BASE_URL; where it wants" in said
    assert "tagger answers    yes: openai-gpt-4o-mini-" in said


def test_models_that_are_loaded_first_are_waited_for_once(root, monkeypatch, capsys):
    """It says so, takes its time, says how long it took, and begins nothing anew."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["handoff", "doctor"])
    with FakeOpenAI(quirks=Quirks(loading_seconds=1.5)) as server:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("HANDOFF_OPENAI_TIMEOUT_SECONDS", "1")
        monkeypatch.setenv("HANDOFF_OPENAI_DEADLINE_SECONDS", "1.2")
        with pytest.raises(SystemExit) as ended:
            cli.main()
    said = capsys.readouterr()

    assert ended.value.code == 0
    assert said.err == (
        "Waiting for the server of OPENAI_BASE_URL, which may be loading a model \u2026\n"
    )
    assert re.search(r"embedder answers  yes: openai-\S+, after [1-9],\d{3} ms", said.out)
    assert re.search(r"tagger answers    yes: openai-\S+, after [1-9],\d{3} ms", said.out)
    assert len(server.requests) == 3


def test_two_servers_are_told_apart(doctor, monkeypatch):
    """Each with the setting that names it, and with its key's."""
    with (
        FakeOpenAI(quirks=Quirks(lacks=("embeddings",))) as chats,
        FakeOpenAI(quirks=Quirks(lacks=("chat",))) as vectors,
    ):
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", chats.base_url)
        monkeypatch.setenv("HANDOFF_OPENAI_EMBEDDING_BASE_URL", vectors.base_url)
        monkeypatch.setenv("HANDOFF_OPENAI_EMBEDDING_API_KEY", KEY)
        code, said = doctor()

    assert code == 0
    assert "server            that of OPENAI_BASE_URL" in said
    assert "embedding server  that of HANDOFF_OPENAI_EMBEDDING_BASE_URL" in said
    assert "embedding key     there (HANDOFF_OPENAI_EMBEDDING_API_KEY)" in said
    assert "SECRETKEY" not in said


def test_what_a_server_refuses_is_told(doctor, monkeypatch):
    """Whoever runs it sees what the server does not take, and that it routes all the same."""
    with FakeOpenAI(quirks=Quirks(refuses=("max_tokens", "system"))) as server:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        code, said = doctor()

    assert code == 0
    assert "tagger answers    yes: openai-gpt-4o-mini-" in said
    assert "chat refuses      max_tokens; system role (asked for otherwise since)" in said
    assert "embeddings refuse" not in said


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
    ],
    ids=["no examples", "no threshold"],
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


def test_a_stale_policy_is_told_and_not_fatal(doctor, folder):
    """A route passes it over as well, in the same words."""
    stale = 'threshold = 0.2\n[found]\nregistry = "another"\n'
    (folder / "handoff.toml").write_text(stale)
    code, said = doctor()

    assert code == 0
    assert "default threshold stands in its place" in said
