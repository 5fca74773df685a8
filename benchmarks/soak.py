"""Visitors who route, hand off, judge, lend files, reload and come back, and a killed server.

    python benchmarks/soak.py [--minutes 12.5] [--visitors 20] [--first-visits 0] [--json]

A fifth of the time is before `kill -9`, the rest on the server that takes its place. Told are the
server's memory, in a table and as growth after the warm-up; how many verdicts the page acknowledged
and how many of them the file holds; texts of one visitor that another got; error pages; and how
long a route takes for a visitor who has routed before. `--first-visits` comes first: so many times
all visitors at once on a server that has just started.
"""

import argparse
import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import WebSocketException

from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.report.markdown import plain
from handoff.verdicts.conclusions import standing
from handoff.verdicts.log import VerdictLog
from tests.handoff_server import serving
from tests.page_visitor import Visitor, arrive_at_once

ROOT = Path(__file__).resolve().parents[1]
SERVED = ("agents.csv", "cases.csv", "examples.csv", "handoff.toml")
AT_A_TIME = 10
WARM_UP_SECONDS = 150
"""Longer than the two minutes for which Streamlit keeps a visit that may come back."""
SAMPLE_SECONDS = 2.0
TOLD_SECONDS = 30.0
LENT_AGENTS = 40
TOKEN = re.compile(rb"visitor(\d\d)x")
TRACEBACK = re.compile(r"^Traceback .*\n(?:[ \t].*\n|\n)*(.*)", re.MULTILINE)
LEFT = (OSError, WebSocketException, TimeoutError)


@dataclass
class Seen:
    """What happened, counted by all visitors.

    Attributes:
        route_ms: Of routes that were not a visit's first.
        acknowledged: Reviewer and query, as it is shown, of each verdict that the page took.
        done: How often each thing was done.
        wrong: What must not happen.
    """

    route_ms: list[float] = field(default_factory=list)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Server:
    """Where the server is, while there is one."""

    def __init__(self) -> None:
        """There is none yet."""
        self.address: str | None = None
        self.over = threading.Event()
        self.handing_off = threading.Semaphore(AT_A_TIME)


class Guest(threading.Thread):
    """A visitor who goes on until the time is over, whatever becomes of the server."""

    def __init__(self, number: int, server: Server, seen: Seen, queries: list[str]) -> None:
        """Think of a name that nobody else's text contains."""
        super().__init__(name=f"visitor{number:02}x", daemon=True)
        self._server, self._seen, self._queries = server, seen, queries
        self._random = random.Random(number)  # noqa: S311 - no secret
        self._visitor: Visitor | None = None
        self._address: str | None = None
        self._warm = False
        self._asked = 0

    def run(self) -> None:
        """Do one thing after the other."""
        things = (
            (self._route, 6),
            (self._move_the_slider, 4),
            (self._hand_off, 4),
            (self._judge, 6),
            (self._look_around, 2),
            (self._reload, 1),
            (self._come_back, 1),
            (self._lend, 1),
        )
        deeds, weights = zip(*things, strict=True)
        while not self._server.over.is_set():
            if self._server.address is None:
                time.sleep(0.1)
                continue
            deed = self._random.choices(deeds, weights)[0]
            before = self._server.address
            try:
                deed(self._visit())
                self._seen.done[deed.__name__.strip("_").replace("_", " ")] += 1
            except LEFT as left:
                if self._server.address == before == self._address:
                    self._seen.wrong.append(f"{self.name} lost the server: {left!r}")
                self._visitor = None
            except LookupError as missing:
                self._seen.wrong.append(f"{self.name}: {missing}")
                self._visitor = None
            self._look_at_what_came()
            time.sleep(self._random.uniform(0.2, 1.0))

    def _visit(self, session: str | None = None) -> Visitor:
        if self._visitor is None:
            address = self._server.address
            if address is None:
                raise ConnectionError
            self._warm, self._address = False, address
            self._visitor = Visitor(address, session=session)
        return self._visitor

    def _explore(self, visitor: Visitor) -> None:
        if not visitor.has("q"):
            visitor.turn_to("")

    def _route(self, visitor: Visitor) -> None:
        self._explore(visitor)
        self._asked += 1
        query = f"{self._random.choice(self._queries)} ({self.name} {self._asked})"
        started = time.perf_counter()
        visitor.write("q", query, "Route")
        if self._warm:
            self._seen.route_ms.append(1_000 * (time.perf_counter() - started))
        self._warm = True

    def _move_the_slider(self, visitor: Visitor) -> None:
        self._explore(visitor)
        for _ in range(5):
            visitor.slide("t", round(self._random.uniform(0.1, 0.6), 2))

    def _hand_off(self, visitor: Visitor) -> None:
        self._explore(visitor)
        visitor.slide("t", 0.0)
        # Whom no agent resembles at all stays nobody's.
        if visitor.has("Hand off"):
            with self._server.handing_off:
                visitor.press("Hand off")

    def _judge(self, visitor: Visitor) -> None:
        visitor.turn_to("check")
        visitor.write("check_who", self.name)
        for _ in range(3):
            query, turn = _on_the_card(visitor)
            if turn is None:
                return
            visitor.press(self._random.choice([f"right_{turn}", f"unsure_{turn}"]))
            _, now = _on_the_card(visitor)
            if now != turn and query:
                self._seen.acknowledged.add((self.name, query))

    def _look_around(self, visitor: Visitor) -> None:
        visitor.turn_to(self._random.choice(["tune", "agents"]))

    def _reload(self, visitor: Visitor) -> None:
        visitor.leave()
        self._visitor = None
        self._visit()

    def _come_back(self, visitor: Visitor) -> None:
        session = visitor.session
        visitor.leave()
        self._visitor = None
        time.sleep(self._random.uniform(0.5, 5.0))
        before = self._address
        if self._visit(session).session != session and self._address == before:
            self._seen.wrong.append(f"{self.name} did not come back to the visit")

    def _lend(self, visitor: Visitor) -> None:
        self._route(visitor)
        (uploader,) = visitor.named("agents_file_")
        name = f"{self.name} {self._asked}"
        rows = (
            f"a{at},{name} {at},Answers requests of kind {at} and {at * at},kind {at}"
            for at in range(LENT_AGENTS)
        )
        table = "\n".join(["id,name,description,tags", *rows, ""])
        visitor.lend(uploader, f"{self.name}.csv", table.encode())
        told = visitor.shown("alert")
        if not any(self.name in text for text in told):
            self._seen.wrong.append(f"{self.name} lent agents, and others were routed to: {told}")
        self._route(visitor)
        visitor.press("Back to the default agents")

    def _look_at_what_came(self) -> None:
        """Look for texts of others and for error pages."""
        if self._visitor is None:
            return
        own = self.name.removeprefix("visitor").removesuffix("x").encode()
        for message in self._visitor.heard:
            others = {found for found in TOKEN.findall(message) if found != own}
            if others:
                self._seen.wrong.append(f"{self.name} saw what is of {sorted(others)}")
        self._visitor.heard.clear()
        for error in self._visitor.shown("exception"):
            self._seen.wrong.append(f"{self.name} got an error page: {error}")


def _on_the_card(visitor: Visitor) -> tuple[str, str | None]:
    """Return the query on the card and the number of its turn; None where all are judged."""
    turns = visitor.named("right_")
    # A long query is no heading; the page's own are of the second half.
    query = next(iter(visitor.shown("heading")), "")
    own = query in ("", "From verdicts to tests")
    return "" if own else query, turns[0].removeprefix("right_") if turns else None


def memory_mb(process: int) -> float:
    """Return what a process holds in memory."""
    told = subprocess.run(  # noqa: S603
        ["ps", "-o", "rss=", "-p", str(process)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return int(told.stdout or 0) / 1_024


def watch(process: subprocess.Popen[bytes], seconds: float) -> list[tuple[float, float]]:
    """Sample a server's memory for a while; return the seconds and megabytes."""
    started, samples, told = time.monotonic(), [], 0.0
    while (now := time.monotonic() - started) < seconds and process.poll() is None:
        samples.append((now, memory_mb(process.pid)))
        if now >= told:
            told += TOLD_SECONDS
            print(f"{now:6.0f} s {samples[-1][1]:8.0f} MB", flush=True)
        time.sleep(SAMPLE_SECONDS)
    return samples


def growth(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of the first and the last fifth after the warm-up."""
    warm_up = min(WARM_UP_SECONDS, samples[-1][0] / 2)
    warm = [size for at, size in samples if at >= warm_up]
    part = max(1, len(warm) // 5)
    return statistics.median(warm[:part]), statistics.median(warm[-part:])


def first_visits(folder: Path, visitors: int, rounds: int) -> list[int]:
    """Return of each round how many visitors got an error page on a server just started."""
    wrong = []
    for number in range(rounds):
        place = folder / f"start{number}"
        place.mkdir()
        for name in SERVED:
            shutil.copy(ROOT / name, place)
        with serving(place, HANDOFF_EMBEDDER="local") as (_, address):
            wrong.append(len(arrive_at_once(address, visitors)))
        print(f"round {number + 1}: {wrong[-1]} of {visitors} got an error page", flush=True)
    return wrong


def soak(folder: Path, visitors: int, seconds: float) -> tuple[Seen, list[tuple[float, float]]]:
    """Let visitors in, kill the server after a fifth of the time, and start it again.

    Returns:
        What they saw, and the second server's memory.
    """
    cases = load_cases(folder / "cases.csv", load_registry(folder / "agents.csv"))
    seen, server = Seen(), Server()
    guests = [
        Guest(number, server, seen, [case.query for case in cases.cases])
        for number in range(visitors)
    ]
    for guest in guests:
        guest.start()
    samples: list[tuple[float, float]] = []
    for share in (0.2, 0.8):
        with serving(folder, HANDOFF_EMBEDDER="local") as (process, address):
            server.address = address
            samples = watch(process, share * seconds)
            server.address = None
        print("killed", flush=True)
    server.over.set()
    for guest in guests:
        guest.join(60)
    return seen, samples


def main() -> None:
    """Print what happened; end with 1 where something must not have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.5)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--first-visits", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in SERVED:
            shutil.copy(ROOT / name, folder)
        starts = first_visits(folder, wanted.visitors, wanted.first_visits)
        seen, samples = soak(folder, wanted.visitors, 60 * wanted.minutes)
        with closing(VerdictLog(folder / "state")) as log:
            entries, _ = log.read()
        said = (folder / "server.log").read_text()
    kept = Counter((verdict.who, plain(verdict.query)) for verdict in standing(entries))
    lost = sorted(seen.acknowledged - set(kept))
    first, last = growth(samples)
    routes = sorted(seen.route_ms)
    told = {
        "done": dict(seen.done),
        "error_pages_of_first_visits": starts,
        "wrong": seen.wrong,
        "tracebacks": dict(Counter(TRACEBACK.findall(said))),
        "verdicts": {
            "acknowledged": len(seen.acknowledged),
            "in_the_file": kept.total(),
            "lost": lost,
            "twice": [one for one, times in kept.items() if times > 1],
        },
        "memory_mb": {"after_warm_up": first, "at_the_end": last, "growth": last / first - 1},
        "warm_route_ms": {
            "number": len(routes),
            "median": statistics.median(routes),
            "p95": routes[int(0.95 * len(routes))],
        },
    }
    print(json.dumps(told, indent=None if wanted.json else 2))
    sys.exit(bool(seen.wrong or lost or said.count("Traceback") or any(starts)))


if __name__ == "__main__":
    main()
