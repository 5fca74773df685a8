"""Vectors that are remembered, and what may happen to their file.

One file: every check damages or shares the same database.
"""

import asyncio
import gc
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from handoff.providers.cached import CachedEmbedder
from handoff.providers.scripted import ScriptedEmbedder
from handoff.resilience import cache as cache_module
from handoff.resilience.cache import VectorCache

# One process of several: waits until all are ready, then puts its share into each file.
WRITER = """
import sys
from pathlib import Path

import numpy as np

from handoff.resilience.cache import VectorCache

folder, name, processes, files = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for file in range(files):
    cache = VectorCache(folder / f"{file}.sqlite")
    (folder / f"{name}.ready-{file}").touch()
    while len(list(folder.glob(f"*.ready-{file}"))) < processes:
        pass
    for first in range(0, 250 // files, 25):
        cache.put(
            {f"{name}-{at}".encode(): np.full(8, at, np.float32) for at in range(first, first + 25)}
        )
    cache.close()
"""


@pytest.fixture
def file(tmp_path) -> Path:
    """Name a file that is not there yet, in a folder that is not there yet."""
    return tmp_path / "cache" / "vectors.sqlite"


@pytest.fixture
def cache(file) -> Iterator[VectorCache]:
    """Open a cache on the file."""
    with closing(VectorCache(file)) as opened:
        yield opened


def numbered(count: int, first: int = 0) -> dict[bytes, np.ndarray]:
    """Return vectors that tell which number they have."""
    return {b"%d" % at: np.full(64, at, dtype=np.float32) for at in range(first, first + count)}


def fill(file: Path, count: int) -> None:
    """Put numbered vectors into a file and close it."""
    with closing(VectorCache(file)) as opened:
        opened.put(numbered(count))


def same(found: dict[bytes, np.ndarray], expected: dict[bytes, np.ndarray]) -> bool:
    """Tell whether the keys and every figure are the same."""
    return {key: row.tolist() for key, row in found.items()} == {
        key: row.tolist() for key, row in expected.items()
    }


def write_together(folder: Path, files: int) -> None:
    """Run four writers at once, and fail where one of them does."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, folder, f"w{at}", "4", str(files)])
        for at in range(4)
    ]
    try:
        codes = [writer.wait(timeout=60) for writer in writers]
    finally:
        for writer in writers:
            writer.kill()

    assert codes == [0, 0, 0, 0]


def test_what_was_put_is_returned_exactly(cache):
    """Every bit of a float32 survives, also of figures that no decimal names."""
    row = np.array([1 / 3, -0.0, 1e-38, 3.4e38, np.pi], dtype=np.float32)

    cache.put({b"k": row})

    (found,) = cache.get([b"k"]).values()

    assert found.dtype == np.float32
    assert found.tobytes() == row.tobytes()


def test_float64_is_stored_as_float32(cache):
    """A vector of another precision is rounded, not misread."""
    cache.put({b"k": np.array([0.1, 0.2])})

    found = cache.get([b"k"])[b"k"]

    assert found.tolist() == [float(np.float32(0.1)), float(np.float32(0.2))]


def test_missing_keys_are_absent(cache):
    """Only what is known comes back, however much was asked for."""
    cache.put(numbered(2))

    assert cache.get([b"1", b"7", b"x"]).keys() == {b"1"}


def test_an_empty_cache_knows_nothing(cache):
    """Reading before anything was written is no error."""
    assert cache.get([b"k"]) == {}


def test_asking_for_nothing_returns_nothing(cache):
    """No keys, no rows."""
    cache.put(numbered(1))

    assert cache.get([]) == {}


def test_putting_nothing_makes_no_file(cache, file):
    """There is nothing to keep, so nothing is opened."""
    cache.put({})

    assert not file.exists()


def test_a_key_put_again_holds_the_newer_vector(cache):
    """There is one vector a key."""
    cache.put({b"k": np.zeros(3, dtype=np.float32)})
    cache.put({b"k": np.ones(2, dtype=np.float32)})

    assert cache.get([b"k"])[b"k"].tolist() == [1, 1]


def test_twelve_hundred_keys_are_found_in_one_get(cache):
    """More keys than one statement takes are asked for in parts."""
    cache.put(numbered(1_200))

    assert same(cache.get(list(numbered(1_200))), numbered(1_200))


def test_a_second_cache_on_the_file_sees_it(cache, file):
    """Also while the first one is open, and in both directions."""
    with closing(VectorCache(file)) as other:
        cache.put(numbered(1))
        other.put(numbered(1, first=1))

        assert same(other.get([b"0"]), numbered(1))
        assert same(cache.get([b"1"]), numbered(1, first=1))


def test_a_closed_cache_opens_again(cache):
    """Closing forgets nothing."""
    cache.put(numbered(1))
    cache.close()
    cache.close()

    assert same(cache.get([b"0"]), numbered(1))


def test_a_cache_that_is_forgotten_closes_its_file(file):
    """The last connection to close takes SQLite's two companion files away."""
    forgotten = VectorCache(file)
    forgotten.put(numbered(1))

    del forgotten
    gc.collect()

    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_file_is_for_its_owner_only(cache, file):
    """Vectors tell something of the texts, so nobody else may read any of the files."""
    cache.put(numbered(1))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}

    assert modes[file.name] == 0o600
    assert set(modes.values()) == {0o600}


def test_rows_are_raw_float32(cache, file):
    """Another program reads them without Python, and reading them runs no code."""
    cache.put({b"k": np.array([1, -2], dtype="<f4")})
    cache.close()

    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT key, vector FROM vectors").fetchall()

    assert rows == [(b"k", b"\x00\x00\x80\x3f\x00\x00\x00\xc0")]


def test_no_query_stands_in_the_file(file):
    """What people asked is embedded, and then no longer there in any form."""
    with closing(VectorCache(file)) as opened:
        embedder = CachedEmbedder(ScriptedEmbedder(), opened)
        asyncio.run(embedder.embed(["Why was Zacharias charged twice?"]))
        open_files = b"".join(path.read_bytes() for path in file.parent.iterdir())
    closed_file = file.read_bytes()

    assert b"zacharias" not in (open_files + closed_file).lower()


@pytest.mark.parametrize("at_once", [1, 7, 25], ids=["one by one", "in sevens", "all at once"])
def test_beyond_the_limit_the_oldest_go(file, at_once):
    """With the eleventh vector the newest nine tenths of the limit stay, and so on from there."""
    with closing(VectorCache(file, most_rows=10)) as opened:
        for first in range(0, 25, at_once):
            opened.put(numbered(min(at_once, 25 - first), first))

        kept = opened.get(list(numbered(25)))

    assert same(kept, numbered(9, first=16))


def test_up_to_the_limit_all_stay(file):
    """Nothing goes before there is one too many."""
    with closing(VectorCache(file, most_rows=10)) as opened:
        opened.put(numbered(10))

        assert same(opened.get(list(numbered(25))), numbered(10))


def garble(file: Path) -> None:
    """Make the file no database at all."""
    file.write_bytes(bytes(range(256)) * 64)


def halve(file: Path) -> None:
    """Cut the file off in the middle."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def cut_in_a_page(file: Path) -> None:
    """Cut the file off inside its third page."""
    file.write_bytes(file.read_bytes()[: 2 * 4096 + 1000])


def zero(file: Path) -> None:
    """Leave the file its length and nothing else."""
    file.write_bytes(bytes(file.stat().st_size))


def empty(file: Path) -> None:
    """Leave the file nothing."""
    file.write_bytes(b"")


def scratch(file: Path) -> None:
    """Overwrite everything behind the header."""
    content = file.read_bytes()
    file.write_bytes(content[:100] + b"\xa5" * (len(content) - 100))


damages = pytest.mark.parametrize(
    "damage",
    [garble, halve, cut_in_a_page, zero, empty, scratch],
    ids=["garbage", "half", "cut in a page", "zeros", "empty", "scratched"],
)


@damages
def test_a_corrupt_file_is_read_as_nothing_or_as_it_was(file, damage):
    """No error, and no vector that was never put."""
    fill(file, 300)
    damage(file)

    with closing(VectorCache(file)) as opened:
        found = opened.get(list(numbered(300)))

    assert same(found, {key: row for key, row in numbered(300).items() if key in found})


@damages
@pytest.mark.parametrize("reads_first", [True, False], ids=["read first", "written first"])
def test_after_corruption_it_remembers_again(file, damage, reads_first):
    """What is put into a corrupt file is there when it is opened the next time."""
    fill(file, 300)
    damage(file)

    with closing(VectorCache(file)) as opened:
        if reads_first:
            opened.get(list(numbered(300)))
        opened.put(numbered(300, first=1_000))

    with closing(VectorCache(file)) as opened:
        assert same(opened.get(list(numbered(300, first=1_000))), numbered(300, first=1_000))


@damages
def test_the_same_cache_survives_corruption_between_two_uses(file, damage):
    """Damage while the cache is closed is noticed by the object that wrote the file, too."""
    with closing(VectorCache(file)) as opened:
        opened.put(numbered(300))
        opened.close()
        damage(file)
        opened.put(numbered(1, first=1_000))

        assert same(opened.get([b"1000"]), numbered(1, first=1_000))


def test_a_directory_in_the_files_place_is_no_error(cache, file):
    """Nothing can be kept there, so nothing is found."""
    file.mkdir(parents=True)
    cache.put(numbered(1))

    assert cache.get([b"0"]) == {}
    assert file.is_dir()


def test_a_folder_that_cannot_be_made_is_no_error(cache, file):
    """Where a file stands in the folder's place nothing is kept, and that file is left alone."""
    file.parent.write_text("mine")
    cache.put(numbered(1))

    assert cache.get([b"0"]) == {}
    assert file.parent.read_text() == "mine"


def test_once_the_way_is_free_the_same_cache_works(cache, file):
    """A place that could not be used is tried again."""
    file.mkdir(parents=True)
    cache.put(numbered(1))
    file.rmdir()

    cache.put(numbered(1))

    assert same(cache.get([b"0"]), numbered(1))


@pytest.mark.parametrize(
    "suffixes",
    [("",), ("", "-wal", "-shm"), ("-wal", "-shm")],
    ids=["the file", "all files", "its companions"],
)
def test_deleting_the_file_while_open_costs_memory_only(cache, file, suffixes):
    """Reading and writing go on, and what is put after the next opening stays."""
    cache.put(numbered(1))
    for suffix in suffixes:
        file.with_name(file.name + suffix).unlink()

    cache.put(numbered(1, first=1))
    found = cache.get([b"0", b"1"])
    cache.close()
    cache.put(numbered(1, first=2))

    assert same(found, {key: row for key, row in numbered(2).items() if key in found})
    with closing(VectorCache(file)) as other:
        assert same(other.get([b"2"]), numbered(1, first=2))


@pytest.mark.slow
def test_four_processes_that_write_one_file_lose_nothing(tmp_path):
    """Each writes 250 vectors into it at the same time, and all thousand are there."""
    write_together(tmp_path, files=1)

    with closing(VectorCache(tmp_path / "0.sqlite")) as opened:
        found = opened.get([f"w{name}-{at}".encode() for name in range(4) for at in range(250)])

    assert len(found) == 1_000
    assert {key: row[0] for key, row in found.items()} == {
        f"w{name}-{at}".encode(): at for name in range(4) for at in range(250)
    }


@pytest.mark.slow
def test_four_processes_that_make_the_file_at_once_lose_nothing(tmp_path):
    """The first moment of a new file is shared as well: ten new files, 25 vectors each in each."""
    write_together(tmp_path, files=10)

    keys = [f"w{name}-{at}".encode() for name in range(4) for at in range(25)]
    counts = []
    for file in range(10):
        with closing(VectorCache(tmp_path / f"{file}.sqlite")) as opened:
            counts.append(len(opened.get(keys)))

    assert counts == [100] * 10


def test_a_new_file_that_another_process_holds_is_waited_for(cache, file):
    """A lock of a fifth of a second, as another opener takes it, loses no vector."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=cache.put, args=(numbered(1),))
        writer.start()
        writer.join(timeout=0.2)
        other.execute("ROLLBACK")
        writer.join()

    assert same(cache.get([b"0"]), numbered(1))


def test_a_file_that_stays_locked_is_waited_for_once(cache, file, monkeypatch):
    """Ten visitors would wait behind one another: for a while nothing is kept, and all is read."""
    monkeypatch.setattr(cache_module, "_BUSY_SECONDS", 0.01)
    cache.put({b"before": numbered(1)[b"0"]})
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.put(numbered(1))
        other.execute("ROLLBACK")

    cache.put(numbered(1))
    meanwhile = set(cache.get([b"0", b"before"]))
    later = time.monotonic() + 60
    monkeypatch.setattr(cache_module, "time", SimpleNamespace(monotonic=lambda: later))
    cache.put(numbered(1))

    assert meanwhile == {b"before"}
    assert set(cache.get([b"0", b"before"])) == {b"0", b"before"}
