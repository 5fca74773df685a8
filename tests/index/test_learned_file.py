"""What was learned is kept on disk, and learned again wherever that is of no use."""

import asyncio
import os
from dataclasses import replace

import numpy as np
import pytest

from handoff.core.agent_rows import texts_of
from handoff.core.learning import NO_OWNER, Lessons, learn, score_queries
from handoff.core.model import Agent, Example, Registry
from handoff.index import learned as learned_index
from handoff.index import learned_file
from handoff.index.exact import ExactIndex
from handoff.index.learned import LearnedIndex
from handoff.index.learned_file import MOST_FILES, load_learned, save_learned
from handoff.providers.scripted import ScriptedEmbedder

QUERIES = ("pay my bill", "send an invoice", "prune the roses", "sing a song", "water the lawn")
OWNERS = (0, 0, 1, NO_OWNER, 1)
REGISTRY = Registry(
    (Agent("money", "Money", "Invoices refunds."), Agent("garden", "Garden", "Roses tulips.")),
    tuple(
        Example(query, {0: "money", 1: "garden", NO_OWNER: None}[owner])
        for query, owner in zip(QUERIES, OWNERS, strict=True)
    ),
)


def embedded(texts):
    """Return scripted vectors."""
    return asyncio.run(ScriptedEmbedder().embed(texts))


@pytest.fixture
def agents():
    """Return the agents' rows."""
    texts = texts_of(REGISTRY.agents)
    return texts.rows(embedded(texts.texts))


@pytest.fixture
def lessons():
    """Return the examples as arrays."""
    return Lessons(QUERIES, embedded(QUERIES), np.array(OWNERS))


def prepared(folder, registry=REGISTRY):
    """Return an index that keeps what it learns in a folder."""
    embedder = ScriptedEmbedder()
    index = LearnedIndex(ExactIndex(registry, embedder), registry, embedder, folder)
    asyncio.run(index.prepare())
    return index


def scores_of(index):
    """Score queries that are examples and one that is none."""
    queries = [*QUERIES, "invoice for roses"]
    return asyncio.run(index.search(embedded(queries), queries))[0]


@pytest.fixture
def lessons_learned(monkeypatch):
    """Count how often something is learned."""
    times = []

    def counting(*arguments):
        times.append(arguments)
        return learn(*arguments)

    monkeypatch.setattr(learned_index, "learn", counting)
    return times


def test_what_is_kept_scores_as_what_was_learned(tmp_path, agents, lessons):
    """Bit for bit, held out too, with its threshold."""
    learned = learn(agents, lessons)
    queries = ["pay for roses", "unheard of"]

    save_learned(tmp_path, "key", learned)
    again = load_learned(tmp_path, "key", agents, lessons)

    assert again is not None
    assert again.threshold == learned.threshold
    assert again.held_out.tobytes() == learned.held_out.tobytes()
    one, other = (score_queries(embedded(queries), queries, each) for each in (learned, again))
    assert one.tobytes() == other.tobytes()


def test_a_threshold_is_kept_too(tmp_path, agents, lessons):
    """A number as it is, none as none."""
    learned = learn(agents, lessons)

    for threshold in (0.25, None):
        save_learned(tmp_path, "key", replace(learned, threshold=threshold))
        assert load_learned(tmp_path, "key", agents, lessons).threshold == threshold


def test_a_second_index_learns_nothing_again(tmp_path, lessons_learned):
    """It scores the same from what the first one kept."""
    first = scores_of(prepared(tmp_path))
    second = scores_of(prepared(tmp_path))

    assert len(lessons_learned) == 1
    assert first.tobytes() == second.tobytes()


def test_other_examples_are_learned_anew(tmp_path, lessons_learned):
    """One more example, or another label, is another key."""
    prepared(tmp_path)
    more = Registry(REGISTRY.agents, (*REGISTRY.examples, Example("refund me", "money")))
    other = Registry(REGISTRY.agents, (*REGISTRY.examples[:-1], Example(QUERIES[-1], None)))

    prepared(tmp_path, more)
    prepared(tmp_path, other)

    assert len(lessons_learned) == 3


def test_another_embedder_learns_anew(tmp_path, lessons_learned):
    """Weights for the vectors of one say nothing about those of another."""

    class Other(ScriptedEmbedder):
        identity = "another"

    prepared(tmp_path)
    embedder = Other()
    index = LearnedIndex(ExactIndex(REGISTRY, embedder), REGISTRY, embedder, tmp_path)
    asyncio.run(index.prepare())

    assert len(lessons_learned) == 2


def test_an_older_method_is_learned_anew(tmp_path, lessons_learned, monkeypatch):
    """Its version is part of the key."""
    prepared(tmp_path)
    monkeypatch.setattr(learned_file, "VERSION", learned_file.VERSION + 1)

    prepared(tmp_path)

    assert len(lessons_learned) == 2


def foreign(path):
    """Write a sound file that holds something else."""
    with path.open("wb") as file:
        np.savez(file, something=np.zeros(3))


def of_another_shape(path):
    """Write a file that was learned from other examples."""
    with path.open("wb") as file:
        np.savez(
            file,
            numbers=np.zeros(2),
            lift=np.ones(2),
            weights=np.zeros((7, 2)),
            held_out=np.zeros((7, 2)),
        )


def with_objects(path):
    """Write a file that would run code when it is read carelessly."""
    with path.open("wb") as file:
        np.savez(file, numbers=np.array([{}], dtype=object))


def with_other_numbers(path):
    """Write a file of an older layout."""
    with path.open("wb") as file:
        np.savez(
            file,
            numbers=np.zeros(5),
            lift=np.ones(2),
            weights=np.zeros((5, 2)),
            held_out=np.zeros((5, 2)),
        )


def cut_off(path):
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_an_unknown_compression(path):
    """Change the method that the archive's directory names for its first array."""
    held = bytearray(path.read_bytes())
    held[held.index(b"PK\x01\x02") + 10] = 99
    path.write_bytes(bytes(held))


def encrypted(path):
    """Say in the archive's directory that its first array is encrypted."""
    held = bytearray(path.read_bytes())
    held[held.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(held))


def flipped(path):
    """Change bytes in the middle of a file."""
    held = bytearray(path.read_bytes())
    middle = len(held) // 2
    held[middle : middle + 64] = bytes(64)
    path.write_bytes(bytes(held))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"no archive"), id="no archive"),
        foreign,
        of_another_shape,
        with_objects,
        with_other_numbers,
        cut_off,
        of_an_unknown_compression,
        encrypted,
    ],
)
def test_a_file_that_is_of_no_use_is_learned_again(tmp_path, lessons_learned, damage):
    """And replaced by one that is."""
    sound = scores_of(prepared(tmp_path))
    (path,) = tmp_path.glob("*.npz")
    damage(path)

    again = scores_of(prepared(tmp_path))
    once_more = scores_of(prepared(tmp_path))

    assert len(lessons_learned) == 2
    assert sound.tobytes() == again.tobytes() == once_more.tobytes()


def test_changed_bytes_are_noticed(tmp_path, lessons_learned):
    """The archive's check sums tell."""
    sound = scores_of(prepared(tmp_path))
    (path,) = tmp_path.glob("*.npz")
    flipped(path)

    again = scores_of(prepared(tmp_path))

    assert len(lessons_learned) == 2
    assert sound.tobytes() == again.tobytes()


def test_a_folder_in_the_files_place_costs_nothing_but_time(tmp_path, lessons_learned):
    """It is learned every time, and nobody hears of it."""
    prepared(tmp_path)
    (path,) = tmp_path.glob("*.npz")
    path.unlink()
    path.mkdir()

    scores_of(prepared(tmp_path))

    assert len(lessons_learned) == 2


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path, lessons_learned):
    """A file stands where the folder should be: every index learns by itself, and scores."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    one, other = (scores_of(prepared(blocked / "learned")) for _ in range(2))

    assert len(lessons_learned) == 2
    assert one.tobytes() == other.tobytes()


def test_nowhere_keeps_nothing(tmp_path, agents, lessons):
    """What a visitor lends for a while leaves no trace."""
    save_learned(None, "key", learn(agents, lessons))

    assert load_learned(None, "key", agents, lessons) is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_latest_files_stay(tmp_path, agents, lessons):
    """Every edit of the examples makes one; the oldest go, and no half-written one is left."""
    learned = learn(agents, lessons)
    for number in range(MOST_FILES + 5):
        save_learned(tmp_path, f"key {number}", learned)
        # The clock of a file system may tick slower than the test.
        for path in tmp_path.iterdir():
            os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))

    assert len(list(tmp_path.iterdir())) == MOST_FILES
    assert load_learned(tmp_path, f"key {MOST_FILES + 4}", agents, lessons) is not None
    assert load_learned(tmp_path, "key 0", agents, lessons) is None
