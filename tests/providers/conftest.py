"""One server that speaks OpenAI's wire format for a file of tests, and settings that lead there."""

from dataclasses import replace
from functools import partial

import pytest
from fake_openai import Quirks
from openai_routes import KEY, WatchedServer

from handoff.files.settings import OpenAISettings, Settings
from handoff.providers import minilm, wordllama


@pytest.fixture
def anew():
    """Let a test load the embedded models as a new process does, and whoever comes after it."""
    loaded = (
        minilm._load_session,  # noqa: SLF001 - nobody but a test forgets
        minilm._load_tokenizer,  # noqa: SLF001
        wordllama._load,  # noqa: SLF001
        wordllama._identity,  # noqa: SLF001
    )
    for each in loaded:
        each.forget()
    yield
    for each in loaded:
        each.forget()


@pytest.fixture(scope="module")
def running():
    """Serve for all tests of this file."""
    with WatchedServer() as server:
        server.watch()
        yield server


@pytest.fixture
def server(running, monkeypatch):
    """Return the server without faults, delays and records; the SDK tries again at once."""
    # Hundredths where it waits for half seconds between attempts.
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    running.watch()
    running.mend()
    running.quirks = Quirks()
    running.unload()
    running.clear()
    running.chat_delay_seconds = running.embeddings_delay_seconds = 0.0
    return running


@pytest.fixture
def configure(server, tmp_path):
    """Return a function that makes settings, with changes to OpenAI's part."""

    def settings(*, embedder="openai", tagger="openai", cap=None, **changes):
        openai = OpenAISettings(
            api_key=KEY,
            base_url=server.base_url,
            timeout_seconds=20,
            deadline_seconds=60,
            first_seconds=0,
        )
        return Settings(
            registry=tmp_path / "agents.csv",
            cases=None,
            config=None,
            embedder=embedder,
            tagger=tagger,
            cache_dir=tmp_path / "cache",
            openai=replace(openai, **changes),
            spending_cap_usd=cap,
        )

    return settings


@pytest.fixture
def at_openai(server, configure, monkeypatch):
    """Return `configure` for a server that stands in the place of OpenAI's own."""
    monkeypatch.setattr("handoff.providers.openai.sdk.OWN_ADDRESS", server.base_url)
    return partial(configure, base_url=None)
