"""Two processes and one file: reading and replacing it are one step; a kill leaves no lock."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys

import pytest

from handoff.core.errors import CasesError, RegistryError
from handoff.core.model import Agent, Registry
from handoff.files import sole_writer as lock
from handoff.files.cases import load_cases
from handoff.files.examples import Example, load_examples, replace_examples
from handoff.files.registry import load_registry, replace_registry, save_registry
from handoff.files.sole_writer import sole_writer, write_alone

OLD, MINE, THEIRS = (Registry((Agent("baker", name, "Bakes."),)) for name in ("Old", "Me", "They"))

# Stops before the given call of the given name, tells so, and waits until it may go on.
SAVES_AND_STOPS = """
import os, sys
from pathlib import Path
from handoff.core.model import Agent, Registry
from handoff.files.registry import load_registry, replace_registry

path, where, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
owner = {"fsync": os, "replace": Path, "chmod": Path, "mkstemp": __import__("tempfile")}[where]
real, calls = getattr(owner, where), 0

def stop(*args, **kwargs):
    global calls
    calls += 1
    if calls == number:
        print("stopped", flush=True)
        sys.stdin.readline()
    return real(*args, **kwargs)

setattr(owner, where, stop)
mine = Registry((Agent("baker", "Me", "Bakes."),))
print("saved", replace_registry(path, mine, load_registry(path)))
"""

SAVES = """
import sys
from pathlib import Path
from handoff.core.model import Agent, Registry
from handoff.files.registry import replace_registry

old, theirs = (Registry((Agent("baker", name, "Bakes."),)) for name in ("Old", "They"))
print("begins", flush=True)
print("saved", replace_registry(Path(sys.argv[1]), theirs, old))
"""

ADDS_LABELS = """
import sys
from pathlib import Path
from handoff.core.errors import CasesError
from handoff.files.cases import Case, add_cases
from handoff.files.sole_writer import sole_writer

path, who = Path(sys.argv[1]), sys.argv[2]
for number in range(40):
    with sole_writer(path, CasesError):
        add_cases(path, [Case(f"query {number} of {who}", None, "", 0)])
"""


def started(script, *args):
    """Start a process that runs a script."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def agents_csv(tmp_path):
    """Return a file of one agent."""
    path = tmp_path / "agents.csv"
    save_registry(path, OLD)
    return path


def test_who_saves_between_anothers_reading_and_renaming_waits_and_is_told(agents_csv):
    """The second of two processes reads what the first wrote, and overwrites nothing."""
    with started(SAVES_AND_STOPS, agents_csv, "replace", 2) as first:
        assert first.stdout.readline() == "stopped\n"
        with started(SAVES, agents_csv) as second:
            assert second.stdout.readline() == "begins\n"
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(0.2)
            first.stdin.write("\n")
            first.stdin.flush()
            assert first.stdout.readline() == "saved True\n"
            assert second.stdout.readline() == "saved False\n"

    assert load_registry(agents_csv) == MINE


@pytest.mark.parametrize(
    ("where", "number"),
    [("mkstemp", 1), ("fsync", 1), ("replace", 1), ("fsync", 2), ("chmod", 1), ("replace", 2)],
)
def test_a_kill_between_the_steps_leaves_the_old_file_and_no_lock(agents_csv, where, number):
    """The next one saves at once, and nothing unfinished is left beside the file."""
    with started(SAVES_AND_STOPS, agents_csv, where, number) as first:
        assert first.stdout.readline() == "stopped\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
    after_kill = load_registry(agents_csv)

    saved = replace_registry(agents_csv, THEIRS, OLD)

    assert (after_kill, saved) == (OLD, True)
    assert load_registry(agents_csv) == THEIRS
    assert sorted(each.name for each in agents_csv.parent.iterdir()) == [
        "agents.csv",
        "agents.csv.bak",
    ]
    assert load_registry(agents_csv.with_name("agents.csv.bak")) == OLD


def test_labels_of_two_processes_are_all_kept(tmp_path):
    """Each adds forty, one by one, to the same file."""
    path = tmp_path / "cases.csv"
    adding = [started(ADDS_LABELS, path, who) for who in ("Ada", "Bob")]

    assert [each.wait() for each in adding] == [0, 0]
    for each in adding:
        each.communicate()

    kept = {case.query for case in load_cases(path, OLD).cases}
    assert kept == {f"query {number} of {who}" for number in range(40) for who in ("Ada", "Bob")}


def test_an_output_is_written_alone(tmp_path):
    """What a killed command left unfinished beside its output goes with the next one."""
    (tmp_path / ".kept.csv.abcdefgh.tmp").write_text("half")

    write_alone(tmp_path / "kept.csv", "whole", CasesError)

    assert [each.name for each in tmp_path.iterdir()] == ["kept.csv"]


def test_who_waits_too_long_is_told_in_one_sentence(agents_csv, monkeypatch):
    """A process that was stopped while it wrote must not hang all others."""
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.02)

    with sole_writer(agents_csv, RegistryError), pytest.raises(RegistryError) as refusal:
        save_registry(agents_csv, MINE)

    assert str(refusal.value) == (f"{agents_csv} is being written by another process: try again.")
    assert load_registry(agents_csv) == OLD


def test_files_of_one_folder_share_a_lock_and_others_do_not(tmp_path, monkeypatch):
    """Two folders do not wait for each other; a link is its file's folder."""
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.02)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "cases.csv").touch()
    (there / "link.csv").symlink_to(here / "cases.csv")

    with sole_writer(here / "agents.csv", RegistryError):
        with sole_writer(there / "agents.csv", RegistryError):
            pass
        with pytest.raises(CasesError), sole_writer(there / "link.csv", CasesError):
            pass


def test_a_folder_that_cannot_be_locked_gets_a_file_to_lock(agents_csv, monkeypatch):
    """As on some network file systems; it is a kernel's lock all the same."""
    real = fcntl.flock

    def flock(handle, how):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, "Bad file descriptor")
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.02)

    with sole_writer(agents_csv, RegistryError), pytest.raises(RegistryError, match="another"):
        save_registry(agents_csv, MINE)
    save_registry(agents_csv, MINE)

    assert load_registry(agents_csv) == MINE
    assert agents_csv.with_name(lock.LOCK_NAME).stat().st_size == 0


def test_a_missing_folder_is_one_sentence(tmp_path):
    """As where a file is written without a lock."""
    with pytest.raises(CasesError) as refusal, sole_writer(tmp_path / "no" / "c.csv", CasesError):
        pass

    assert str(refusal.value) == (
        f"{tmp_path}/no/c.csv cannot be written (No such file or directory): choose another place."
    )


def test_examples_of_another_are_not_overwritten(tmp_path):
    """Who began from others than the file holds is told, and the file is as it was."""
    path = tmp_path / "examples.csv"
    mine, theirs = (Example(query, "baker") for query in ("rye", "wheat"))

    first = replace_examples(path, [theirs], OLD)
    second = replace_examples(path, [mine], OLD)
    third = replace_examples(path, [theirs, mine], Registry(OLD.agents, (theirs,)))

    assert (first, second, third) == (True, False, True)
    assert load_examples(path, OLD).examples == (theirs, mine)


# One process that forks, so that 300 kills take seconds: each child saves all four files on and on.
KILLED_WHILE_SAVING = """
import os, random, signal, sys, time
from datetime import date
from pathlib import Path
from handoff.core.errors import CasesError
from handoff.core.model import Agent, Example, Policy, Registry, ThresholdSource
from handoff.files.cases import Case, add_cases, load_cases
from handoff.files.examples import format_examples, save_examples
from handoff.files.policy import Found, Ground, format_policy, write_policy
from handoff.files.registry import format_registry, save_registry
from handoff.files.sole_writer import sole_writer

folder, tries = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(15)
registries = [
    Registry(tuple(Agent(f"a{at}", name, "Bakes. " * 40) for at in range(50)))
    for name in ("One", "Two")
]
examples = [[Example(f"{word} {at}", "a1") for at in range(500)] for word in ("one", "two")]
policies = [
    format_policy(
        Policy(threshold, ThresholdSource.CONFIG),
        Found(Ground("e", "r"), date(2026, 1, 1), "by hand", 1, 1.0, 1.0),
    )
    for threshold in (0.1, 0.2)
]
label = Case("a query of no agent", None, "", 0)

def save(turn):
    save_registry(folder / "agents.csv", registries[turn])
    save_examples(folder / "examples.csv", examples[turn])
    write_policy(folder / "handoff.toml", policies[turn])
    with sole_writer(folder / "cases.csv", CasesError):
        add_cases(folder / "cases.csv", [label])

texts = {
    "agents.csv": set(map(format_registry, registries)),
    "examples.csv": set(map(format_examples, examples)),
    "handoff.toml": set(policies),
}
save(0)
save(1)
labels = 0
for number in range(tries):
    child = os.fork()
    if child == 0:
        turn = 0
        while True:
            save(turn)
            turn = 1 - turn
    time.sleep(rng.uniform(0, 0.01))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for name, whole in texts.items():
        assert (folder / name).read_text() in whole, (number, name)
        backup = folder / f"{name}.bak"
        assert not backup.exists() or backup.read_text() in whole, (number, backup)
    kept = load_cases(folder / "cases.csv", registries[0])
    assert len(kept.cases) >= labels and not kept.failed, number
    labels = len(kept.cases)
    if labels > 100:
        # Longer ones take longer to read again, and show nothing more.
        (folder / "cases.csv").unlink()
        save(0)
        labels = 1
save(0)
left = sorted(each.name for each in folder.iterdir() if not each.name.endswith(".bak"))
assert left == ["agents.csv", "cases.csv", "examples.csv", "handoff.toml"], left
print(tries, "kills")
"""


@pytest.mark.slow
def test_300_kills_while_saving_leave_whole_files(tmp_path):
    """Each of the four files is the old or the new one, copies too, and the next save goes on."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_SAVING, str(tmp_path), "300"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == ("300 kills\n", "")
