"""Two thousand queries through OpenAI's provider while its server misbehaves in many ways."""

import asyncio

import numpy as np
import pytest
from fake_openai import FakeOpenAI

from handoff.bootstrap import build_connection, build_router
from handoff.core.errors import ProviderError
from handoff.core.model import Agent, EvidenceSet, Registry
from handoff.files.settings import OpenAISettings, Settings
from handoff.trace import Trace

QUERIES = 2_000
CHUNK = 20
AT_ONCE = 3
PROBABILITY = 0.1
"""Of each fault, where none before it met the request: half of all chats meet one."""

FAULTS = {
    "server_error": {},
    "rate_limited": {"retry_after_ms": 20},
    "drop": {},
    "broken_json": {},
    "shuffled_rows": {},
    "refusal": {},
    "wrong_tag": {},
}
REGISTRY = Registry(
    tuple(
        Agent(f"a{number}", f"Agent {number}", f"Knows subject {number}.", (f"topic {number}",))
        for number in range(20)
    )
)


@pytest.fixture
def server():
    """Serve with a seeded mixture of faults."""
    with FakeOpenAI(seed=20261122) as running:
        for fault, details in FAULTS.items():
            running.fail("v1", fault, times=None, probability=PROBABILITY, **details)
        yield running


@pytest.fixture
def settings(server, tmp_path):
    """Return settings that give up soon."""
    openai = OpenAISettings(
        api_key="sk-test-SECRETKEY123",
        base_url=server.base_url,
        timeout_seconds=1,
        deadline_seconds=2,
    )
    return Settings(
        registry=tmp_path / "agents.csv",
        cases=None,
        config=None,
        embedder="openai",
        tagger="openai",
        cache_dir=tmp_path / "cache",
        openai=openai,
    )


async def soak(settings):
    """Gather evidence for all queries in chunks; return the results and what else escaped."""
    escaped = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    queries = [f"query {number} about topic {number % 20}" for number in range(QUERIES)]
    chunks = [queries[first : first + CHUNK] for first in range(0, QUERIES, CHUNK)]
    connection = build_connection(settings)
    results = []
    try:
        router = build_router(settings, REGISTRY, connection)
        for first in range(0, len(chunks), AT_ONCE):
            gathered = (router.gather_many(part, Trace()) for part in chunks[first:][:AT_ONCE])
            results += await asyncio.gather(*gathered, return_exceptions=True)
    finally:
        await connection.close()
    return list(zip(chunks, results, strict=True)), escaped


@pytest.mark.slow
def test_every_query_ends_in_evidence_or_a_named_error(server, settings, monkeypatch):
    """Under mixed faults each query has evidence or an error of ours, and nothing else escapes."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)

    results, escaped = asyncio.run(soak(settings))

    assert escaped == []
    assert sum(len(part) for part, _ in results) == QUERIES
    assert len(server.requests) > QUERIES / 2
    whole = [(part, found) for part, found in results if isinstance(found, EvidenceSet)]
    errors = [found for _, found in results if not isinstance(found, EvidenceSet)]
    for error in errors:
        assert isinstance(error, ProviderError)
        assert str(error).endswith((".", "?"))
        assert "SECRETKEY" not in repr(error)
    for part, found in whole:
        assert found.queries == tuple(part)
        assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(CHUNK), abs=1e-5)
        for tags, degraded in zip(found.tags, found.degraded, strict=True):
            assert set(tags) <= set(REGISTRY.vocabulary)
            assert degraded in {(), ("extract_tags",)}
            assert not (tags and degraded)
    assert any(tags for _, found in whole for tags in found.tags)
    assert any(degraded for _, found in whole for degraded in found.degraded)
