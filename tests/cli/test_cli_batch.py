"""`handoff batch`: exit codes, what is printed, and what a killed process leaves."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handoff.batch import workers
from handoff.cli import batching
from handoff.core.errors import BatchError
from handoff.core.model import Policy, ThresholdSource
from handoff.files.settings import load_settings
from handoff.workbench import open_workbench

AGENTS = """\
id,name,description,tags,threshold
weather,Weather Desk,Rain wind sunshine,forecast;sky,0.9
money,Money Desk,Invoices refunds receipts,billing,
"""
COMMAND = Path(sys.executable).with_name("handoff")
GOOD = "query\nrain wind sunshine\nquantum chess\n"


@pytest.fixture
def registry():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture(autouse=True)
def queries(folder):
    """Put queries beside the registry."""
    (folder / "in.csv").write_text(GOOD)


def rows(path):
    """Return an output's rows as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def many(path, count):
    """Write so many queries, enough for several processes."""
    path.write_text(
        "id,query\n"
        + "".join(f"{at},rain wind refunds and something more case {at}\n" for at in range(count))
    )


def test_a_batch_without_failures_ends_with_zero(handoff, folder):
    """The summary counts; nobody taking a query is no failure."""
    code, out, err = handoff("batch", "in.csv", "-o", "out.csv")

    assert (code, err) == (0, "")
    assert out == "2 rows in out.csv: 1 handed off, 1 to nobody, 0 failed.\n"
    assert [row["agent"] for row in rows(folder / "out.csv")] == ["weather", ""]
    assert sorted(path.name for path in folder.iterdir()) == ["agents.csv", "in.csv", "out.csv"]


def test_failed_rows_end_with_one(handoff, folder):
    """They stand in the output with their reason."""
    (folder / "in.csv").write_text("query,note\nrain wind sunshine,\n,nothing was typed\n")

    code, out, _ = handoff("batch", "in.csv", "-o", "out.csv")

    assert code == 1
    assert out == "2 rows in out.csv: 1 handed off, 0 to nobody, 1 failed.\n"
    assert rows(folder / "out.csv")[1]["note"] == "nothing was typed"
    assert rows(folder / "out.csv")[1]["error"].startswith("The query is empty")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("none.csv", "-o", "out.csv"), "none.csv does not exist"),
        (("in.csv", "-o", "in.csv"), "would replace the input"),
        (("in.csv", "-o", "none/out.csv"), "cannot be written"),
        (("in.csv",), "Missing option '-o'"),
        (("in.csv", "-o", "out.csv", "--registry", "none.csv"), "none.csv does not exist"),
        (("in.csv", "-o", "out.csv", "--threshold", "2"), "from -1 to 1"),
    ],
)
def test_an_error_ends_with_two_and_one_line(handoff, arguments, complaint):
    """Standard output stays empty."""
    code, out, err = handoff("batch", *arguments)

    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_the_policy_of_a_batch_can_be_chosen(handoff, folder):
    """Threshold, tag filter and own thresholds act as they do on one route."""
    handoff("batch", "in.csv", "-o", "high.csv", "--threshold", "0.99")
    handoff("batch", "in.csv", "-o", "own.csv", "--per-agent")

    assert [row["outcome"] for row in rows(folder / "high.csv")] == ["below_threshold"] * 2
    assert rows(folder / "own.csv")[0]["threshold"] == "0.9"


def test_a_batch_without_flyte_names_the_extra(handoff, monkeypatch):
    """Who asks for Flyte and does not have it is told what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "flyte" else find(name)
    )

    code, _, err = handoff("batch", "in.csv", "-o", "out.csv", "--flyte")

    assert code == 2
    assert err == (
        "handoff: Flyte is not installed: install handoff[flyte], or leave --flyte out.\n"
    )


def test_a_terminal_sees_rate_and_time_left(handoff, folder, monkeypatch):
    """The line counts rows, tells the rate and guesses the rest by the input's length."""
    many(folder / "in.csv", 2_000)
    monkeypatch.setattr(batching, "_SHOWN_EVERY_SECONDS", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    code, _, err = handoff("batch", "in.csv", "-o", "out.csv")

    assert code == 0
    assert " a second  0:00:" in err
    assert err.endswith("\r\x1b[K")


@pytest.fixture
def interrupted(handoff, monkeypatch, folder):
    """Begin a batch of 2,000 rows, stop it after a chunk, and return what it said."""
    many(folder / "in.csv", 2_000)
    run = batching.run_batch

    def stopped(*arguments, **options):
        batch = run(*arguments, **options)
        yield next(batch)
        yield next(batch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batching, "run_batch", stopped)
        return handoff("batch", "in.csv", "-o", "out.csv")


def test_an_interrupted_batch_says_how_to_go_on(handoff, interrupted, folder):
    """Ctrl-C is answered in one line, with what is done kept."""
    code, _, err = interrupted
    resumed = handoff("batch", "in.csv", "-o", "out.csv", "--resume")

    assert code == 2
    assert err == "handoff: Stopped after 256 rows: run it again with --resume to go on.\n"
    assert resumed[0] == 0
    assert [row["id"] for row in rows(folder / "out.csv")] == [str(at) for at in range(2_000)]


@pytest.mark.usefixtures("interrupted")
def test_another_input_is_not_resumed(handoff, folder):
    """One line names what differs, and the rows stay."""
    many(folder / "in.csv", 1_999)

    code, _, err = handoff("batch", "in.csv", "-o", "out.csv", "--resume")

    assert code == 2
    assert "was begun with another input file" in err


def test_a_worker_that_dies_is_one_sentence(monkeypatch):
    """It says to go on with --resume."""
    monkeypatch.setattr(workers, "WORTH_BYTES", 0)
    policy = Policy(0.23, ThresholdSource.EMBEDDER)

    def lose_workers():
        with (
            open_workbench(load_settings(os.environ)) as bench,
            workers.open_lanes(bench, policy, size_bytes=1) as lanes,
        ):
            lanes.submit(["rain"]).result()
            for child in workers_of(os.getpid()):
                os.kill(child, signal.SIGKILL)
            lanes.submit(["wind"]).result()

    with pytest.raises(BatchError, match="run it again with --resume"):
        lose_workers()


@pytest.mark.slow
def test_a_killed_batch_loses_no_row_and_doubles_none(folder):
    """After kill -9 no process is left, and resuming comes to what a whole run comes to."""
    many(folder / "in.csv", 8_000)
    begun = subprocess.Popen([COMMAND, "batch", "in.csv", "-o", "out.csv"])
    done = wait_for_rows(folder / "out.csv.checkpoint")
    left = workers_of(begun.pid)
    begun.kill()
    begun.wait()

    resumed = subprocess.run(
        [COMMAND, "batch", "in.csv", "-o", "out.csv", "--resume"], capture_output=True, check=True
    )

    found = rows(folder / "out.csv")
    assert 0 < done < 8_000
    assert resumed.stdout.startswith(b"8,000 rows in out.csv")
    assert [row["id"] for row in found] == [str(at) for at in range(8_000)]
    assert left
    assert not [pid for pid in left if is_alive(pid)]


def wait_for_rows(checkpoint):
    """Return how many rows are done, once there are some."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            done = json.loads(checkpoint.read_text())["rows"]
        except FileNotFoundError:
            done = 0
        if done:
            return done
        time.sleep(0.01)
    pytest.fail("no checkpoint was written")


def workers_of(pid):
    """Return the workers that a process started."""
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in listing.read_text().split()]
    return [
        child for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def is_alive(pid):
    """Tell whether a process runs; a dead one that nobody asked for does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
