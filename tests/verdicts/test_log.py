"""The verdict log: nothing that was judged is lost, whatever happens to the process or the file.

One file: each check does something else to the same log.
"""

import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from types import SimpleNamespace

import platformdirs
import pytest
from verdict_samples import given, refused, taken_back

from handoff.core.model import Policy
from handoff.files.settings import load_settings, load_state_dir
from handoff.verdicts import log as verdicts
from handoff.verdicts.log import LOG_NAME, MIGRATIONS, VerdictLog
from handoff.verdicts.record import (
    RecordError,
    VerdictKind,
    VerdictsError,
    entry_to_record,
    parse_note,
    parse_record,
)

# One process of several: judges as fast as it can, and says so after each verdict.
WRITER = """
import sys
from pathlib import Path

from verdict_samples import given

from handoff.verdicts.log import VerdictLog

folder, name, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = VerdictLog(folder)
for at in range(number):
    log.append([given(id=f"{name}-{at}")])
    print(at, flush=True)
"""
# Reads the log, then adds to it until the file may not grow any further.
SQUEEZED = """
import resource, sys
from pathlib import Path

from verdict_samples import given

from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import VerdictsError

log = VerdictLog(Path(sys.argv[1]))
log.append([given(id="first")])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
kept = 1
try:
    for at in range(10_000):
        log.append([given(id=f"{at}", note="x" * 1000)])
        kept += 1
except VerdictsError as error:
    print(error)
print(kept)
"""


READ_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path

from handoff.verdicts.log import VerdictLog

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
entries, _ = VerdictLog(Path(sys.argv[1])).read()
print([entry.id for entry in entries])
"""


@pytest.fixture
def log(tmp_path):
    """Open a log in a folder that is not there yet."""
    with closing(VerdictLog(tmp_path / "state")) as opened:
        yield opened


@pytest.fixture
def start(root, tmp_path):
    """Return a function that starts a script with this folder's helpers; it is ended in the end."""
    started = []

    def start_script(script, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "state"), *arguments],
            env=os.environ | {"PYTHONPATH": str(root / "tests")},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_script
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def ids(log):
    """Return the ids of a log's entries, in order."""
    return [entry.id for entry in log.read()[0]]


def test_verdicts_are_kept_where_the_environment_says(tmp_path):
    """Else in the platform's data folder; a registry is not needed to find them."""
    (tmp_path / "agents.csv").write_text("")
    named = {"HANDOFF_STATE_DIR": str(tmp_path / "state")}

    assert load_state_dir(named) == tmp_path / "state"
    assert load_settings(named, tmp_path / "agents.csv").state_dir == tmp_path / "state"
    assert load_state_dir({}) == platformdirs.user_data_path("handoff", appauthor=False)


def test_what_is_added_is_read_back(log):
    """Every field of a verdict and of an undo comes back as it was, in the order added."""
    right = given(note="close call")
    wrong = refused(what=VerdictKind.WRONG, expected="florist")
    entries = [right, wrong, taken_back(right)]

    new = log.append(entries)

    assert new == 3
    assert log.read() == (entries, 3)


def test_reading_goes_on_where_it_stopped(log):
    """Only what came since is read again."""
    log.append([given(id="a"), given(id="b")])
    _, last = log.read()
    log.append([given(id="c")])

    assert [entry.id for entry in log.read(last)[0]] == ["c"]


def test_a_log_that_nobody_wrote_is_empty_and_makes_no_file(log):
    """Looking is no reason to create anything."""
    assert log.read() == ([], 0)
    assert not log.path.parent.exists()


def test_an_entry_counts_once(log):
    """Adding the same entries again adds nothing."""
    entry = given()
    log.append([entry])

    assert log.append([entry, entry]) == 0
    assert ids(log) == [entry.id]


def test_an_id_that_says_something_else_is_refused_whole(log):
    """Of entries that contradict the log none is added."""
    log.append([given(id="a", note="first")])

    with pytest.raises(VerdictsError, match="is in the log already and says something else"):
        log.append([given(id="b"), given(id="a", note="second")])
    assert ids(log) == ["a"]


def test_nothing_can_be_changed_or_removed(log):
    """The file itself refuses what is not an addition."""
    log.append([given()])

    with closing(sqlite3.connect(log.path)) as other:
        for statement in ("UPDATE entries SET id = 'x'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                other.execute(statement)


def test_the_file_is_the_owners_alone(log):
    """Queries may be private."""
    log.append([given()])

    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_thousand_verdicts_of_four_processes_are_all_there(start, log):
    """Four write at once, and each of their verdicts is there once."""
    writers = [start(WRITER, f"w{at}", "250") for at in range(4)]

    assert [writer.wait(120) for writer in writers] == [0] * 4
    assert sorted(ids(log)) == sorted(f"w{at}-{number}" for at in range(4) for number in range(250))


def test_what_a_killed_process_had_kept_is_there(start, log):
    """Killed in the middle of writing, it loses nothing that it said was kept."""
    writer = start(WRITER, "w", "100000")
    told = [int(writer.stdout.readline()) for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout.read().split()]
    writer.wait()

    kept = ids(log)

    assert kept[: len(told)] == [f"w-{at}" for at in told]
    assert len(kept) - len(told) <= 1
    assert log.append([given(id="next")]) == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing(start, log):
    """What was kept before stays, and room again means writing again."""
    squeezed = start(SQUEEZED)
    sentence, kept = squeezed.stdout.read().splitlines()

    assert "verdicts.sqlite cannot be written (" in sentence
    assert sentence.endswith("what was kept before is still there.")
    assert len(ids(log)) == int(kept) > 1
    assert log.append([given(id="again")]) == 1


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("open_elsewhere", [False, True], ids=["closed", "open elsewhere"])
def test_a_log_is_read_where_nothing_can_be_written(log, monkeypatch, number, open_elsewhere):
    """Also what another process wrote and SQLite has not taken over into the file yet."""
    log.append([given(id="a"), given(id="b")])
    if not open_elsewhere:
        log.close()

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    held = SimpleNamespace(open=refuse, close=os.close, O_CREAT=os.O_CREAT, O_RDWR=os.O_RDWR)
    monkeypatch.setattr(verdicts, "os", held)
    beside = sorted(log.path.parent.iterdir())
    with closing(VerdictLog(log.path.parent)) as other:
        entries, last = other.read()

        assert ([entry.id for entry in entries], last) == (["a", "b"], 2)
        assert ids(other) == ["a", "b"]
        assert [entry.id for entry in other.read(1)[0]] == ["b"]
        with pytest.raises(VerdictsError, match="cannot be written"):
            other.append([given(id="c")])
    assert sorted(log.path.parent.iterdir()) == beside


def test_a_log_is_read_on_a_full_disk(start, log):
    """No file may grow by a byte, and SQLite's own begin empty."""
    log.append([given(id="a")])
    log.close()

    with start(READ_ON_A_FULL_DISK) as reader:
        assert reader.communicate()[0] == "['a']\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    """A file where the folder should be is named, with what to do."""
    (tmp_path / "state").write_text("")

    with pytest.raises(VerdictsError, match=r"cannot be written .*: check space and rights"):
        VerdictLog(tmp_path / "state").append([given()])


def test_a_locked_log_is_one_sentence(log, monkeypatch):
    """Whoever keeps the log for too long is not waited for for ever."""
    monkeypatch.setattr(verdicts, "_BUSY_SECONDS", 0.05)
    log.append([given(id="a")])
    log.close()
    with closing(sqlite3.connect(log.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(VerdictsError, match=r"cannot be written \(database is locked\)"):
            log.append([given(id="b")])
        other.execute("ROLLBACK")

    assert log.append([given(id="b")]) == 1


def test_a_log_of_a_newer_version_is_refused_and_left_alone(log):
    """It says what to do, and not a byte of the file changes."""
    log.append([given()])
    log.close()
    with closing(sqlite3.connect(log.path)) as other:
        other.execute("PRAGMA user_version=7")
    before = log.path.read_bytes()

    for attempt in (log.read, lambda: log.append([given()])):
        with pytest.raises(VerdictsError, match=r"newer handoff .* 7, .*: update handoff, or name"):
            attempt()
    assert log.path.read_bytes() == before
    assert log.set_aside is None


def test_a_log_of_an_earlier_version_is_brought_up_to_date(log, monkeypatch):
    """What it holds stays, and the next version's table is there."""
    log.append([given(id="a")])
    log.close()
    monkeypatch.setattr(verdicts, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x)",)))

    assert log.append([given(id="b")]) == 1
    assert ids(log) == ["a", "b"]
    with closing(sqlite3.connect(log.path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (3,)
        assert other.execute("SELECT count(*) FROM later").fetchone() == (0,)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_file_that_is_no_database_is_set_aside(tmp_path, content):
    """It is kept under another name, which is told, and a new log is begun."""
    (tmp_path / LOG_NAME).write_bytes(content)
    log = VerdictLog(tmp_path)

    log.append([given(id="a")])

    assert ids(log) == ["a"]
    assert log.set_aside.name.startswith("verdicts.damaged-")
    assert log.set_aside.read_bytes() == content
    log.close()


def test_what_can_be_read_of_a_damaged_log_is_in_the_new_one(log):
    """One entry that is not what was written costs itself and no other."""
    log.append([given(id=f"{at}", note="a note") for at in range(200)])
    log.close()
    sound = log.path.read_bytes()
    spot = sound.index(b"a note", len(sound) // 2)
    log.path.write_bytes(sound[:spot] + b"A" + sound[spot + 1 :])

    kept = ids(log)

    assert len(kept) == 199
    assert set(kept) < {f"{at}" for at in range(200)}
    assert log.set_aside.exists()
    assert log.append([given(id="new")]) == 1


def test_a_log_with_a_broken_page_is_set_aside(log):
    """A page full of nonsense is found before anything is written."""
    log.append([given(id=f"{at}", note="n" * 500) for at in range(200)])
    log.close()
    sound = log.path.read_bytes()
    middle = len(sound) // 2 // 4096 * 4096
    log.path.write_bytes(sound[:middle] + b"\xff" * 4096 + sound[middle + 4096 :])

    log.append([given(id="new")])

    assert log.set_aside.exists()
    assert ids(log)[-1] == "new"


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        pytest.param(lambda data: data[:-4096], 10, id="last page cut off"),
        pytest.param(lambda data: data[:-6000], 15, id="one and a half"),
        pytest.param(lambda data: data[:-1], 1, id="one byte"),
        pytest.param(lambda data: data[: len(data) // 2], 180, id="half"),
        pytest.param(lambda data: data[:4096] + bytes(4096) + data[8192:], 10, id="second page"),
        pytest.param(
            lambda data: data[: 20 * 4096] + b"\xff" * 8192 + data[22 * 4096 :], 20, id="in between"
        ),
        pytest.param(lambda data: bytes(100) + data[100:], 10, id="header"),
        pytest.param(lambda data: data[:28] + b"\xff" * 4 + data[32:], 0, id="count of pages"),
    ],
)
def test_every_record_that_stands_in_a_damaged_log_is_salvaged(log, damage, lost):
    """Whatever page is gone: a record whose checksum is right is in the new log, in its order."""
    log.append([given(at, id=f"{at:04}", note="a note") for at in range(300)])
    log.close()
    data = damage(log.path.read_bytes())
    log.path.write_bytes(data)
    ends = [data.find(b'"note": "a note"}', data.find(b'{"id": "%04d"' % at)) for at in range(300)]
    stand = {f"{at:04}" for at in range(300) if b'{"id": "%04d"' % at in data and ends[at] >= 0}

    kept = ids(log)

    assert log.append([given(1000, id="new")]) == 1
    assert len(stand) >= 300 - lost
    # The row at the very cut may have lost its checksum.
    assert len(stand - set(kept)) <= 1
    assert kept == sorted(kept)
    assert log.set_aside.read_bytes() == data
    assert [path.name for path in log.path.parent.iterdir() if "salvage" in path.name] == []


def test_a_log_that_is_taken_away_is_begun_anew(log):
    """A verdict never goes into a file that no name leads to."""
    log.append([given(id="a")])
    for path in log.path.parent.iterdir():
        path.unlink()

    log.append([given(id="b")])

    assert ids(VerdictLog(log.path.parent)) == ["b"]


def test_another_process_follows_to_the_new_file(log):
    """Whoever had the damaged file open goes on in the one that took its place."""
    other = VerdictLog(log.path.parent)
    other.append([given(id="a")])
    log.path.rename(log.path.with_name("elsewhere"))
    log.append([given(id="b")])

    other.append([given(id="c")])

    assert ids(log) == ["b", "c"]
    other.close()


def test_an_entry_of_another_handoff_is_no_damage(log):
    """A sound record that is not understood is refused; the file stays where it is."""
    log.append([given()])
    with closing(sqlite3.connect(log.path)) as other, other:
        record = b'{"id": "x", "what": "applauded"}'
        other.execute(
            "INSERT INTO entries (id, record, checksum) VALUES ('x', ?, ?)",
            (record.decode(), verdicts.zlib.crc32(record)),
        )

    with pytest.raises(VerdictsError, match=r"not understood here .*: update handoff"):
        log.read()
    assert log.set_aside is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": "x" * 81}, "id"),
        ({"who": "A\nB"}, "who"),
        ({"when": "yesterday"}, "when"),
        ({"when": "2026-01-31T12:00:00"}, "when"),
        ({"what": "applauded"}, "what"),
        ({"outcome": "taken"}, "outcome"),
        ({"agent": None}, "agent"),
        ({"expected": "florist"}, "expected"),
        ({"query": "  "}, "query"),
        ({"query": "\ud800"}, "query"),
        *(
            ({field: "a \ud800 b"}, field)
            for field in ("id", "who", "when", "what", "outcome", "agent", "fingerprint")
        ),
        ({"embedder": "a \ud800 b"}, "embedder"),
        ({"note": "a \udfff b"}, "note"),
        ({"scores": [["a \ud800 b", 0.1]]}, "scores"),
        ({"what": "wrong", "expected": "a \ud800 b"}, "expected"),
        ({"when": "0001-01-01T00:00:00+14:00"}, "when"),
        ({"when": "9999-12-31T23:59:59-12:00"}, "when"),
        ({"threshold": 10**400}, "threshold"),
        ({"threshold": -(10**400)}, "threshold"),
        ({"threshold": float("inf")}, "threshold"),
        ({"scores": [["baker", 10**400]]}, "scores"),
        ({"scores": [["baker", float("-inf")]]}, "scores"),
        ({"policy": {"source": "config", "threshold": 10**400}}, "policy"),
        ({"policy": {"source": "config", "threshold": 0.1, "margin": float("nan")}}, "policy"),
        ({"threshold": True}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"scores": []}, "scores"),
        ({"scores": [["baker"]]}, "scores"),
        ({"scores": [["baker", "high"]]}, "scores"),
        ({"policy": 1}, "policy"),
        ({"policy": {}}, "policy"),
        ({"policy": {"source": "config"}}, "policy"),
        ({"policy": {"source": "config", "threshold": 0.1, "use_tags": 1}}, "policy"),
        ({"policy": {"source": "config", "threshold": 0.1, "mood": 1}}, "policy"),
        ({"applause": 1}, "applause"),
    ],
)
def test_a_record_that_is_no_entry_names_its_field(changed, field):
    """Whoever edited an export reads where it went wrong."""
    with pytest.raises(RecordError) as caught:
        parse_record(entry_to_record(given()) | changed)

    assert caught.value.field == field


def test_a_policy_that_grows_needs_a_migration():
    """A handoff that does not know a field would refuse the log: tell it by the file's version."""
    first = {"threshold", "source", "margin", "use_tags", "per_agent", "lexical_weight"}

    assert {field.name for field in fields(Policy)} == first | {"known_scripts_only"}
    assert len(MIGRATIONS) == 2


def test_a_record_of_version_1_was_judged_by_its_scores():
    """There was no other way then; a record of today says which."""
    today = entry_to_record(given())
    policy = dict(today["policy"])
    del policy["known_scripts_only"]

    assert parse_record(today).policy.known_scripts_only is True
    assert parse_record(today | {"policy": policy}).policy.known_scripts_only is False


def test_a_note_is_one_line_of_text():
    """Line breaks, control characters and half characters become spaces."""
    assert parse_note("  one\r\ntwo\x1b[31m \ud800 three ") == "one two [31m three"
    assert len(parse_note("x" * 5_000)) == 2_000


def test_waiting_is_for_others_who_begin_the_same_log(log, monkeypatch):
    """Two that create the file at once wait for each other; a wait that is too long is told."""
    monkeypatch.setattr(verdicts, "_BUSY_SECONDS", 0.05)
    log.path.parent.mkdir()
    with closing(sqlite3.connect(log.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(VerdictsError, match="database is locked"):
            log.append([given()])


def test_a_folder_that_is_a_file_is_not_an_empty_log(tmp_path):
    """A gate that finds no verdict there would let everything pass."""
    (tmp_path / "state").write_text("")

    with pytest.raises(VerdictsError):
        VerdictLog(tmp_path / "state").read()
