"""An embedder that remembers."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from handoff.core.errors import ProviderError
from handoff.providers import cached
from handoff.providers.cached import CachedEmbedder
from handoff.providers.scripted import ScriptedEmbedder
from handoff.resilience.cache import VectorCache
from handoff.trace import Facts, Trace

QUERIES = ["merge the branch", "refund my order", "train a model"]


@pytest.fixture
def file(tmp_path) -> Path:
    """Name the cache's file."""
    return tmp_path / "vectors.sqlite"


@pytest.fixture
def cache(file) -> Iterator[VectorCache]:
    """Open a cache on the file."""
    with closing(VectorCache(file)) as opened:
        yield opened


def embed(embedder: CachedEmbedder | ScriptedEmbedder, texts: list[str]) -> np.ndarray:
    """Run one call."""
    return asyncio.run(embedder.embed(texts))


def plain(texts: list[str]) -> list[list[float]]:
    """Return what the embedder says without a cache."""
    return embed(ScriptedEmbedder(), texts).tolist()


def test_the_vectors_are_those_of_the_embedder_inside(cache):
    """The first time, the second time, and part by part."""
    embedder = CachedEmbedder(ScriptedEmbedder(), cache)

    found = [embed(embedder, QUERIES), embed(embedder, QUERIES), embed(embedder, QUERIES[::-1])]

    assert [rows.tolist() for rows in found] == [
        plain(QUERIES),
        plain(QUERIES),
        plain(QUERIES[::-1]),
    ]
    assert {rows.dtype for rows in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "name", ["identity", "dimensions", "default_threshold", "typical_similarities", "scripts"]
)
def test_all_that_is_said_of_the_vectors_is_the_inner_embedders_word(cache, name):
    """A cache makes no other embedder of it."""
    inner = ScriptedEmbedder()
    inner.scripts = frozenset({"Latin"})

    assert getattr(CachedEmbedder(inner, cache), name) == getattr(inner, name)


def test_each_text_is_embedded_once(cache):
    """A second call asks nobody."""
    inner = ScriptedEmbedder()
    embedder = CachedEmbedder(inner, cache)

    embed(embedder, QUERIES)
    embed(embedder, QUERIES)

    assert inner.calls == [tuple(QUERIES)]


def test_a_second_process_finds_what_the_first_one_embedded(cache, file):
    """The memory is the file's, not the object's."""
    embed(CachedEmbedder(ScriptedEmbedder(), cache), QUERIES)
    inner = ScriptedEmbedder()

    with closing(VectorCache(file)) as other:
        rows = embed(CachedEmbedder(inner, other), QUERIES)

    assert inner.calls == []
    assert rows.tolist() == plain(QUERIES)


def test_a_text_that_stands_twice_in_a_batch_is_asked_for_once(cache):
    """The order of the rows is that of the texts all the same."""
    inner = ScriptedEmbedder()
    texts = ["b", "a", "b", "c", "a"]

    rows = embed(CachedEmbedder(inner, cache), texts)

    assert inner.calls == [("b", "a", "c")]
    assert rows.tolist() == plain(texts)


def test_only_the_missing_texts_are_asked_for(cache):
    """Known and new texts may stand in any order."""
    inner = ScriptedEmbedder()
    embedder = CachedEmbedder(inner, cache)
    embed(embedder, ["b", "d"])
    texts = ["a", "b", "c", "d", "a"]

    rows = embed(embedder, texts)

    assert inner.calls[1:] == [("a", "c")]
    assert rows.tolist() == plain(texts)


def test_no_texts_have_no_rows(cache):
    """The shape still tells the dimensions."""
    assert embed(CachedEmbedder(ScriptedEmbedder(), cache), []).shape == (0, 64)


def test_another_identity_shares_nothing(cache):
    """Vectors of two embedders never meet, whatever the text."""
    first, second = ScriptedEmbedder(), ScriptedEmbedder()
    second.identity = "scripted-embedder-2-64"
    embed(CachedEmbedder(first, cache), QUERIES)

    embed(CachedEmbedder(second, cache), QUERIES)

    assert second.calls == [tuple(QUERIES)]


def test_another_text_version_shares_nothing(cache, monkeypatch):
    """When an agent's text is made otherwise, all is embedded anew."""
    inner = ScriptedEmbedder()
    embedder = CachedEmbedder(inner, cache)
    embed(embedder, QUERIES)

    monkeypatch.setattr(cached, "TEXT_VERSION", cached.TEXT_VERSION + 1)
    embed(embedder, QUERIES)

    assert inner.calls == [tuple(QUERIES), tuple(QUERIES)]


def test_texts_that_differ_a_little_are_two_texts(cache):
    """Neither case nor a space at the end is thought away."""
    inner = ScriptedEmbedder()
    embedder = CachedEmbedder(inner, cache)

    embed(embedder, ["Refund", "refund", "refund "])

    assert inner.calls == [("Refund", "refund", "refund ")]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda row: row[:32], id="half the length"),
        pytest.param(lambda row: np.tile(row, 2), id="twice the length"),
        pytest.param(lambda row: row[:1] / row[0], id="one figure of length one"),
        pytest.param(lambda row: np.append(row, np.float32(0)), id="a zero too many"),
        pytest.param(lambda row: row * 0, id="zeros"),
        pytest.param(lambda row: row * 2, id="too long an arrow"),
        pytest.param(lambda row: np.full_like(row, np.nan), id="no numbers"),
        pytest.param(lambda row: np.full_like(row, np.inf), id="infinities"),
        pytest.param(lambda row: np.full_like(row, 1e30), id="huge figures"),
    ],
)
@pytest.mark.parametrize("texts", [["a"], ["a", "b"]], ids=["alone", "beside a sound one"])
def test_a_damaged_row_is_embedded_again(cache, file, damaged, texts):
    """Whatever a stored row was turned into, the right vector is returned and kept."""
    embedder = CachedEmbedder(ScriptedEmbedder(), cache)
    embed(embedder, ["a"])
    with closing(sqlite3.connect(file)) as connection:
        ((key,),) = connection.execute("SELECT key FROM vectors").fetchall()
    cache.put({key: damaged(np.array(plain(["a"])[0], dtype=np.float32))})
    embed(embedder, ["b"])

    rows = embed(embedder, texts)

    assert rows.tolist() == plain(texts)
    assert cache.get([key])[key].tolist() == plain(["a"])[0]


def test_without_a_usable_file_it_embeds_every_time(tmp_path):
    """A cache that cannot keep anything costs calls, and no error."""
    inner = ScriptedEmbedder()
    with closing(VectorCache(tmp_path)) as nowhere:
        embedder = CachedEmbedder(inner, nowhere)

        rows = [embed(embedder, QUERIES).tolist() for _ in range(2)]

    assert rows == [plain(QUERIES)] * 2
    assert len(inner.calls) == 2


def test_a_failure_inside_is_passed_on(cache):
    """What is known is answered all the same, and nothing is kept of what failed."""
    inner = ScriptedEmbedder()
    embedder = CachedEmbedder(inner, cache)
    embed(embedder, ["a"])
    inner.failure = ProviderError("The model is down.")

    with pytest.raises(ProviderError, match="The model is down"):
        embed(embedder, ["a", "b"])

    assert embed(embedder, ["a"]).tolist() == plain(["a"])


@pytest.mark.parametrize(
    ("texts", "facts"),
    [
        pytest.param(["x", "y"], Facts(count=2, cached=0), id="all new"),
        pytest.param(["a", "b"], Facts(count=2, cached=2), id="all known"),
        pytest.param(["a", "x", "b"], Facts(count=3, cached=2), id="some known"),
        pytest.param(["a", "x", "a", "x"], Facts(count=4, cached=2), id="known and new ones twice"),
    ],
)
def test_the_open_span_is_told_how_many_were_cached(cache, texts, facts):
    """Every text counts, also one that stands in the batch twice."""
    embedder = CachedEmbedder(ScriptedEmbedder(), cache)
    embed(embedder, ["a", "b"])
    trace = Trace()

    with trace.span("embed_query"):
        embed(embedder, texts)

    assert trace.spans[0].facts == facts
