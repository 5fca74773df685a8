"""Kill commands that write, at random points, and look at what they leave.

    python -m tests.killed_commands [--tries 300]

Each try is a process of its own that runs one whole command in a folder of its own, from its
arguments to its exit. Every second one is killed at a random moment of the time that the command
takes, the others just before a random one of its steps on files of that folder. Then each file is
the old or the new one, whole, and the same command, given again, ends as if nothing had happened.
"""

import argparse
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from handoff.batch.checkpoint import checkpoint_of
from handoff.bootstrap import open_registry
from handoff.cli import main as run_cli
from handoff.core.model import Agent, Example, Registry
from handoff.files.examples import replace_examples
from handoff.files.registry import load_registry, replace_registry
from handoff.files.settings import LOG_NAME, load_settings
from handoff.verdicts.exchange import format_json
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import Entry
from handoff.workbench import open_workbench
from tests.verdict_samples import given

AGENTS = """\
id,name,description,tags
weather,Weather Desk,Rain wind sunshine,forecast
money,Money Desk,Invoices refunds receipts,billing
garden,Garden Desk,Roses tulips soil,plants
"""
WORDS = {"weather": "rain wind sunshine", "money": "invoices refunds", "garden": "roses soil"}
ROWS = [(f"{text} number {at}", agent) for at in range(20) for agent, text in WORDS.items()]
CASES = "\n".join(["query,expected", *(f"{text},{agent}" for text, agent in ROWS), ""])
EXAMPLES = "query,agent\nroses please,garden\n"
ENTRIES: list[Entry] = [
    given(at, query=f"query {at} of the log", agent="money") for at in range(20)
]
KILLED, CRASHED = -signal.SIGKILL, 70
UNFINISHED = "a batch with its checkpoint"
STEPS = {
    "open",
    "os.chmod",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.scandir",
    "os.truncate",
    "os.utime",
    "sqlite3.connect",
    "tempfile.mkstemp",
}
"""What Python tells its auditors of before it does it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that writes.

    Attributes:
        name: For complaints.
        run: Does all of it, in the folder.
        writes: The file that it writes.
        holds: Returns what that file holds, comparable; raises where it is not whole.
    """

    name: str
    run: Callable[[], None]
    writes: str
    holds: Callable[[Path], object] = Path.read_bytes


def typed(*arguments: str) -> Callable[[], None]:
    """Return what the command line does with arguments."""

    def run() -> None:
        sys.argv = ["handoff", *arguments]
        run_cli()

    return run


def save_agents() -> None:
    """Save as the page Agents does."""
    path = Path("agents.csv")
    old = load_registry(path)
    new = Registry((*(each for each in old.agents if each.id != "new"), Agent("new", "N", "New.")))
    replace_registry(path, new, old)


def save_taught() -> None:
    """Save as Tune's page of examples does."""
    registry, _ = open_registry(load_settings(os.environ))
    more = [Example(text, agent) for text, agent in ROWS]
    replace_examples(Path("examples.csv"), more, registry)


def add_to_cases() -> None:
    """Add as Check by hand does."""
    with open_workbench(load_settings(os.environ)) as bench:
        bench.add_verdicts_to_cases(ENTRIES, Path("cases.csv"))


def batch() -> None:
    """Go on with a batch where there is one."""
    going_on = ["--resume"] if Path("out.csv.checkpoint").exists() else []
    typed("batch", "cases.csv", "-o", "out.csv", *going_on)()


def suite(path: Path) -> object:
    """Return what a JUnit file says, but for its times."""
    return [(each.tag, each.get("name")) for each in ET.parse(path).iter()]  # noqa: S314 - ours


def log(path: Path) -> object:
    """Return the ids in the log of verdicts."""
    with closing(VerdictLog(path.parent)) as kept:
        entries, _ = kept.read()
    return [entry.id for entry in entries]


def rows(path: Path) -> object:
    """Return the rows of a batch; one with a checkpoint beside it can be gone on with."""
    return UNFINISHED if checkpoint_of(path).exists() else path.read_bytes()


COMMANDS = (
    Command("eval --save", typed("eval", "cases.csv", "--save"), "handoff.toml"),
    Command("learn -o", typed("learn", "cases.csv", "-o", "examples.csv"), "examples.csv"),
    Command(
        "check --junit",
        typed("check", "cases.csv", "--min-accuracy", "0", "--junit", "c.xml"),
        "c.xml",
        suite,
    ),
    Command("verdicts export", typed("verdicts", "export", "--to", "kept.csv"), "kept.csv"),
    Command("verdicts import", typed("verdicts", "import", "more.json"), f"state/{LOG_NAME}", log),
    Command("batch -o", batch, "out.csv", rows),
    Command("the page's agents", save_agents, "agents.csv", load_registry),
    Command("the page's examples", save_taught, "examples.csv"),
    Command("the page's cases", add_to_cases, "cases.csv"),
)


@dataclass(frozen=True, slots=True)
class Whole:
    """What a command comes to when nobody kills it.

    Attributes:
        status: It ends with.
        seconds: It takes.
        steps: It makes on files of its folder.
        before: What the file holds before; None where there is none.
        after: What it holds afterwards, given once and twice.
        files: That are there then.
    """

    status: int
    seconds: float
    steps: int
    before: object
    after: tuple[object, object]
    files: set[str]


class Tries:
    """A command, tried as often as wished."""

    def __init__(self, command: Command, place: Path) -> None:
        """See what it comes to when nobody kills it."""
        self._command, self._place = command, place
        self._steps = mmap.mmap(-1, 8)
        folder = self._begin()
        before = self._held(folder)
        started = time.monotonic()
        status = self._run(folder)
        seconds, steps = time.monotonic() - started, self._steps_made()
        once = self._held(folder)
        self._run(folder)
        after = once, self._held(folder)
        self.whole = Whole(status, seconds, steps, before, after, files_in(folder))
        assert status == 0, (command.name, self._said())
        assert once != before, command.name

    def kill(self, rng: random.Random, *, at_a_step: bool) -> bool:
        """Try once; return whether the command was killed before its end."""
        whole, name = self.whole, self._command.name
        folder = self._begin()
        others = self._others(folder)
        if at_a_step:
            status = self._run(folder, step=rng.randrange(whole.steps) + 1)
        else:
            status = self._run(folder, seconds=rng.uniform(0, whole.seconds))
        held = self._held(folder)
        assert held in (whole.before, whole.after[0], UNFINISHED), (name, held)
        assert self._others(folder) == others, name
        backup = folder / f"{self._command.writes}.bak"
        assert not backup.exists() or self._command.holds(backup) == whole.before, name
        again = self._run(folder)
        assert again == whole.status, (name, self._said())
        assert self._held(folder) in whole.after, name
        assert files_in(folder) == whole.files, (name, files_in(folder) ^ whole.files)
        return status == KILLED

    def _begin(self) -> Path:
        """Return a folder as it is before the command."""
        folder = self._place / "work"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "state").mkdir(parents=True)
        for name, text in (("agents", AGENTS), ("cases", CASES), ("examples", EXAMPLES)):
            (folder / f"{name}.csv").write_text(text)
        (folder / "more.json").write_text(format_json(ENTRIES))
        with closing(VerdictLog(folder / "state")) as kept:
            kept.append(ENTRIES[:5])
        return folder

    def _held(self, folder: Path) -> object:
        path = folder / self._command.writes
        if not path.exists() and not checkpoint_of(path).exists():
            return None
        return self._command.holds(path)

    def _others(self, folder: Path) -> dict[str, bytes]:
        """Return the files that the command only reads."""
        own = ("agents.csv", "cases.csv", "examples.csv", "more.json")
        return {name: (folder / name).read_bytes() for name in own if name != self._command.writes}

    def _run(self, folder: Path, *, step: int = 0, seconds: float | None = None) -> int:
        """Run the command in a process of its own; return its status.

        Args:
            folder: Where.
            step: Before which it is killed; 0 for none.
            seconds: After which it is killed; None for never.
        """
        self._steps[:] = bytes(8)
        child = os.fork()
        if child == 0:
            self._become(folder, step)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _become(self, folder: Path, step: int) -> NoReturn:
        status = CRASHED
        try:
            os.chdir(folder)
            said = os.open(self._place / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.addaudithook(self._watch(folder, step))
            self._command.run()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - a child that went on would do the parent's work
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)

    def _watch(self, folder: Path, step: int) -> Callable[[str, tuple[object, ...]], None]:
        """Return what counts the steps on files of a folder, and kills before a given one."""
        inside = os.path.realpath(folder)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event not in STEPS or not arguments or not isinstance(arguments[0], str | Path):
                return
            if os.path.abspath(arguments[0]).startswith(inside):  # noqa: PTH100 - no step itself
                made = self._steps_made() + 1
                self._steps[:] = made.to_bytes(8, "little")
                if made == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        return watch

    def _steps_made(self) -> int:
        return int.from_bytes(self._steps[:], "little")

    def _said(self) -> str:
        return (self._place / "said").read_text()


def files_in(folder: Path) -> set[str]:
    """Return the names of the files in a folder, but for the copies beside them."""
    return {path.name for path in folder.iterdir() if path.suffix != ".bak"}


def main() -> None:
    """Try every command as often as the others; end with a traceback where one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=300)
    wanted = parser.parse_args().tries
    for name in [name for name in os.environ if name.startswith(("HANDOFF_", "OPENAI_"))]:
        del os.environ[name]
    rng = random.Random(15)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as made:
        place = Path(made).resolve()
        os.environ |= {
            "HANDOFF_EMBEDDER": "scripted",
            "HANDOFF_TAGGER": "scripted",
            "HANDOFF_CACHE_DIR": str(place / "cache"),
            "HANDOFF_STATE_DIR": "state",
            "HANDOFF_REGISTRY": "agents.csv",
        }
        tried = [Tries(command, place) for command in COMMANDS]
        killed = [tried[at % len(tried)].kill(rng, at_a_step=at % 2 == 0) for at in range(wanted)]
    print(  # noqa: T201 - told to who called it
        f"{wanted} tries of {len(COMMANDS)} commands, {sum(killed)} killed before their end"
    )


if __name__ == "__main__":
    main()
