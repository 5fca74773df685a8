"""The embedded model: the package's vectors, without its loader and without a network."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.tag_quality import measure_tags
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.errors import ProviderError
from handoff.evaluation.judged import label, rank_cases
from handoff.evaluation.sweep import best_threshold, sweep, top1
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.providers import wordllama
from handoff.providers.wordllama import WordllamaEmbedder
from handoff.trace import Trace

TEXTS = ["Analyze sales data", "the pods keep crashing", "日本語", "x" * 300]

ROUTE_WITHOUT_A_SOCKET = """
import logging, sys
events = []
sys.addaudithook(lambda event, _: events.append(event) if event.startswith("socket.") else None)
from handoff import cli
sys.argv = ["handoff", "route", "review my pull request"]
try:
    cli.main()
except SystemExit:
    pass
# An event loop wakes itself through a pair of its own; nothing may look up, bind or connect.
assert set(events) <= {"socket.__new__"}, events
assert not logging.getLogger().handlers
assert "requests" not in sys.modules
"""


def gather(folder):
    """Return a folder's registry, expected agents and evidence, by the embedded model."""
    settings = load_settings(os.environ, folder / "agents.csv")
    registry = load_registry(settings.registry)
    router = build_router(settings, registry, None)
    cases = load_cases(folder / "cases.csv", registry).cases
    loop = BackgroundLoop()
    evidence = loop.run(router.gather_many([case.query for case in cases], Trace()))
    loop.close()
    return registry, [case.expected for case in cases], evidence


def files_in(folder):
    """Return what the model reads of a package in this folder."""
    return (
        "0.4.0.post1",
        folder / "weights" / "l2_supercat_256.safetensors",
        folder / "tokenizers" / "l2_supercat_tokenizer_config.json",
    )


def test_vectors_are_the_packages_own():
    """Reading the package's files ourselves changes no vector beyond rounding."""
    import wordllama  # noqa: PLC0415 - slow, and only here

    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    ours = asyncio.run(WordllamaEmbedder().embed(TEXTS))

    assert np.abs(ours - model.embed(TEXTS, norm=True)).max() < 1e-6


def test_the_identity_names_package_version_dimensions_and_files():
    """Other weights under the same name would be another identity."""
    package, version, configuration, dimensions, digest = WordllamaEmbedder().identity.split("-")

    assert (package, version, configuration) == ("wordllama", "0.4.0.post1", "l2_supercat")
    assert dimensions == "256"
    assert len(digest) == 12


def test_long_texts_are_embedded_in_bounded_pieces(monkeypatch):
    """Cutting a batch into pieces changes no row."""
    texts = [f"word {number} " * (number % 7 * 10) for number in range(60)]
    whole = asyncio.run(WordllamaEmbedder().embed(texts))
    monkeypatch.setattr(wordllama, "_TOKENS_AT_ONCE", 100)
    wordllama._pooled.cache_clear()  # noqa: SLF001 - as if these were other texts

    pieces = asyncio.run(WordllamaEmbedder().embed(texts))

    assert np.array_equal(whole, pieces)


@pytest.mark.usefixtures("anew")
def test_a_package_that_is_not_there_is_one_sentence(monkeypatch):
    """Who installed without the model is told what to install."""
    monkeypatch.setattr(wordllama, "PACKAGE", "no_such_model_package")

    with pytest.raises(ProviderError, match="install the package no_such_model_package"):
        _ = WordllamaEmbedder().identity


@pytest.mark.parametrize("file", ["weights", "tokenizers"])
@pytest.mark.usefixtures("anew")
def test_a_file_that_is_cut_short_is_one_sentence(tmp_path, monkeypatch, file):
    """A download that broke off is told as that, not as an error of a library's."""
    package = Path(importlib.util.find_spec("wordllama").origin).parent
    for folder in ("weights", "tokenizers"):
        for each in (package / folder).glob("l2_supercat*"):
            data = each.read_bytes()
            target = tmp_path / "in_disguise" / folder / each.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data[: len(data) // 2] if folder == file else data)
    monkeypatch.setattr(wordllama, "_files", lambda: files_in(tmp_path / "in_disguise"))

    with pytest.raises(ProviderError) as complaint:
        asyncio.run(WordllamaEmbedder().embed(["fresh bread, quite another text"]))

    assert str(complaint.value) == (
        "The embedded model's files are not whole: install wordllama again."
    )


@pytest.mark.parametrize("name", ["local-fast", "local"])
def test_routing_opens_no_socket(root, monkeypatch, name):
    """An embedded model needs no network, starts no client and leaves the root logger alone."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", name)
    done = subprocess.run(
        [sys.executable, "-c", ROUTE_WITHOUT_A_SOCKET],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_default_threshold_is_the_one_found_on_the_cases(root):
    """The default is where right hand-offs outnumber wrong ones most, to two decimals."""
    registry, expected, evidence = gather(root)
    swept = sweep(rank_cases(label(evidence, registry, expected), use_tags=True))
    net = swept.right - swept.to_wrong

    assert WordllamaEmbedder.default_threshold == round(best_threshold(swept, net), 2)


def test_a_tag_is_given_where_it_means_something(root):
    """On cases.csv 99 % of right agents stay; what nobody should take gets a tag in one of ten."""
    registry, expected, evidence = gather(root)
    quality = measure_tags(evidence, registry, expected)

    assert quality.survive >= 0.99
    assert quality.none_without_tag >= 0.9
    assert quality.mean_tags > 0.1


def test_tags_keep_the_right_agent_of_a_public_registry(data):
    """On CLINC150 95 % survive, half of the agents stay, and top-1 loses at most a point."""
    registry, expected, evidence = gather(data / "clinc150")
    quality = measure_tags(evidence, registry, expected)
    labelled = label(evidence, registry, expected)
    with_filter = top1(rank_cases(labelled, use_tags=True))
    without = top1(rank_cases(labelled, use_tags=False))

    assert quality.survive >= 0.95
    assert quality.stay <= 0.5
    assert with_filter >= without - 0.01
