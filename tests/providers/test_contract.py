"""What every provider must do, whoever it is."""

import asyncio

import numpy as np
import pytest

from handoff.core.lexical import build_lexicon
from handoff.core.model import Agent, Registry
from handoff.core.scripts import unknown_script
from handoff.files.settings import EMBEDDED
from handoff.index.exact import ExactIndex
from handoff.providers.cached import CachedEmbedder, CachedTagExtractor
from handoff.providers.embedded import choose_embedded
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.providers.similarity_tagger import LocalTagExtractor
from handoff.providers.wordllama import WordllamaEmbedder
from handoff.resilience.cache import VectorCache
from handoff.router import Router
from handoff.trace import Trace

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes in a wood oven.", ("bread", "oven")),
        Agent("florist", "Florist", "Binds flowers into bouquets.", ("flowers", "wedding day")),
        Agent("mover", "Mover", "Carries furniture into a new flat."),
    )
)


@pytest.fixture(params=[*EMBEDDED, "scripted", "cached"])
def embedder(request, tmp_path):
    """Return each embedder in turn."""
    if request.param == "cached":
        return CachedEmbedder(ScriptedEmbedder(), VectorCache(tmp_path / "vectors.sqlite"))
    return ScriptedEmbedder() if request.param == "scripted" else choose_embedded(request.param)


@pytest.fixture(params=["local", "scripted", "cached"])
def tagger(request, tmp_path):
    """Return each tag extractor in turn."""
    if request.param == "scripted":
        return ScriptedTagExtractor(REGISTRY)
    embedder = WordllamaEmbedder()
    local = LocalTagExtractor(REGISTRY, embedder, ExactIndex(REGISTRY, embedder))
    if request.param == "local":
        return local
    cache = VectorCache(tmp_path / "tags.sqlite")
    return CachedTagExtractor(local, cache, REGISTRY.vocabulary)


def test_rows_are_unit_vectors_of_float32(embedder):
    """One text gives one row of length one, in float32."""
    rows = asyncio.run(embedder.embed(["fresh bread", "a bouquet of tulips"]))

    assert rows.dtype == np.float32
    assert rows.shape[0] == 2
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_order_is_kept(embedder):
    """Turning the texts round turns the rows round."""
    texts = ["fresh bread", "a bouquet of tulips", "carry my sofa"]

    forth = asyncio.run(embedder.embed(texts))
    back = asyncio.run(embedder.embed(texts[::-1]))

    assert np.array_equal(forth, back[::-1])


def test_a_text_does_not_depend_on_its_neighbours(embedder):
    """A text gives the same row alone as beside a text of a thousand words."""
    alone = asyncio.run(embedder.embed(["fresh bread"]))
    beside = asyncio.run(embedder.embed(["sofa " * 1_000, "fresh bread"]))

    assert np.array_equal(alone[0], beside[1])


def test_no_text_gives_no_row(embedder):
    """An empty batch is a batch."""
    rows = asyncio.run(embedder.embed([]))

    assert rows.shape[0] == 0


@pytest.mark.parametrize(
    "text",
    ["日本語のテキスト", "🙂🙂", "\u200b", "a" * 4_000, "\u0301", "<script>", "0"],
    ids=["japanese", "emoji", "invisible", "long", "combining", "markup", "digit"],
)
def test_unusual_texts_give_finite_rows(embedder, text):
    """No text makes a vector that is not a number."""
    rows = asyncio.run(embedder.embed([text]))

    assert np.isfinite(rows).all()


def test_an_embedder_names_itself_and_its_threshold(embedder):
    """The identity is stable, and the default threshold is a cosine."""
    assert embedder.identity == embedder.identity
    assert embedder.identity
    assert -1 <= embedder.default_threshold <= 1


def test_an_embedder_says_which_scripts_it_knows(embedder):
    """All, or some by the names that queries are told apart by; ASCII is always among them."""
    letters = {"Latin": "a", "Greek": "λ", "Cyrillic": "я", "Arabic": "ع", "Han": "中"}

    assert embedder.scripts is None or "Latin" in embedder.scripts
    assert embedder.scripts is None or embedder.scripts <= letters.keys()
    for script, letter in letters.items():
        known = embedder.scripts is None or script in embedder.scripts
        assert (unknown_script(letter, embedder.scripts) is None) == known


def test_a_provider_says_what_it_is(embedder, tagger):
    """A label for people, and whether it is paid; what is not paid costs nothing."""
    assert embedder.label
    assert tagger.label
    assert (embedder.paid, tagger.paid) == (False, False)
    assert embedder.cost_usd(["fresh bread"]) == 0


def test_tags_are_chosen_again_as_they_were_extracted(tagger):
    """On the same registry; an extractor that cannot says so with None."""
    router = Router(
        REGISTRY,
        WordllamaEmbedder(),
        tagger,
        ExactIndex(REGISTRY, WordllamaEmbedder()),
        build_lexicon(["bread"]),
        SimulatedRunner(),
    )

    async def both():
        evidence = await router.gather_many(["bread, please", "a wedding day"], Trace())
        return evidence, await tagger.choose_again(evidence)

    evidence, chooser = asyncio.run(both())

    if chooser is not None:
        assert chooser.new_tags(REGISTRY) == []
        assert chooser.choose(REGISTRY, evidence.similarities, {}) == evidence.tags


def test_tags_come_from_the_vocabulary(tagger):
    """At most five tags a query, all of them carried by some agent, none twice."""
    queries = ["two loaves of bread from the oven", "flowers for a wedding day", "xyzzy"]

    found = asyncio.run(tagger.extract(queries))

    assert len(found) == len(queries)
    for tags in found:
        assert len(set(tags)) == len(tags) <= 5
        assert set(tags) <= set(REGISTRY.vocabulary)


def test_a_named_tag_is_extracted(tagger):
    """A query that says a tag gets it, one of two words too."""
    bread, wedding = asyncio.run(tagger.extract(["I want bread", "flowers for my wedding day"]))

    assert "bread" in bread
    assert "wedding day" in wedding


def test_no_query_gives_no_tags(tagger):
    """An empty batch is a batch."""
    assert asyncio.run(tagger.extract([])) == []


def test_a_registry_without_tags_gives_none():
    """Where no agent carries a tag there is nothing to extract."""
    bare = Registry((Agent("mover", "Mover", "Carries furniture."),))
    embedder = WordllamaEmbedder()
    tagger = LocalTagExtractor(bare, embedder, ExactIndex(bare, embedder))

    assert asyncio.run(tagger.extract(["carry my sofa"])) == [()]


def test_the_simulated_runner_says_that_it_is_one():
    """Nobody takes a simulated answer for an agent's."""
    (answer,) = asyncio.run(SimulatedRunner().run([(REGISTRY.agents[0], "bread")]))

    assert answer.startswith("Simulated")
    assert "Baker" in answer
