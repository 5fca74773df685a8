"""What Flyte's local mode costs, beside the design note's claims; and how fast a batch is.

    python benchmarks/on_flyte.py [--json] [--rows N]

*handoff*: CPU time of one handoff over ten agents beyond the plain route's, medians; the same with
the design note's layout, in which every embedding is a trace that returns 1,536 floats.
*concurrent*: CPU time of handoffs gathered in one local run, after one run that warmed it up.
*call*: CPU time of one call of each kind, medians.
*batch*: `handoff batch` over 4,076 agents, in processes of its own: with the fast embedded model,
and a fiftieth of the rows with the one that ships. Its queries are the public set's, varied; it
needs the public sets (`HANDOFF_DATA`). `--rows 0` leaves it out. All else is with the fast model.
"""

import argparse
import asyncio
import contextlib
import csv
import io
import itertools
import json
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

# Flyte and the workflow read these when they are imported.
os.environ["DO_NOT_TRACK"] = "1"
os.environ["HANDOFF_REGISTRY"] = str(Path(__file__).resolve().parents[1] / "agents.csv")
os.environ["HANDOFF_EMBEDDER"] = "local-fast"
os.environ["HANDOFF_TAGGER"] = "local"

import flyte

from handoff import workflow
from handoff.bootstrap import build_router
from handoff.files.policy import load_policy
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
QUERY = "Analyze sales data and create a dashboard"
AGENTS = 10
DIMENSIONS = 1_536
REPEATS = 30
CONCURRENT = 100
NOTES_CONCURRENT = 10
CLAIMS_US = {
    "pure": "0",
    "trace, outside a task": "-",
    "trace, inside": "10-100",
    "task, inside": "1,000-10,000",
}

env = flyte.TaskEnvironment("handoff-benchmark")


@env.task
async def gathered(queries: list[str]) -> int:
    """Hand off several queries at once; return how many somebody takes."""
    results = await asyncio.gather(*(workflow.agent_handoff_workflow(each) for each in queries))
    return sum(result.handoff_successful for result in results)


@flyte.trace
async def get_embedding(text: str) -> list[float]:
    """Return a vector as the design note's layout does."""
    return [math.sin(len(text) + at) for at in range(DIMENSIONS)]


@flyte.trace
async def notes_score_agents(query: str, agents: list[str]) -> list[float]:
    """Embed the query and every agent, each in a trace of its own."""
    wanted, *vectors = await asyncio.gather(*(get_embedding(text) for text in (query, *agents)))
    return [sum(map(float.__mul__, wanted, vector)) for vector in vectors]


@flyte.trace
async def notes_extract_tags(query: str) -> list[str]:
    """Return tags."""
    return query.split()[:5]


@env.task
async def notes_workflow(query: str) -> float:
    """Route one query as the design note lays it out."""
    with flyte.group("agent-selection"):
        await notes_extract_tags(query)
        return max(await notes_score_agents(query, [f"agent {at}" for at in range(AGENTS)]))


@env.task
async def notes_gathered(queries: list[str]) -> float:
    """Route several queries at once as the design note lays it out."""
    return sum(await asyncio.gather(*(notes_workflow(each) for each in queries)))


async def pure(number: float) -> float:
    """Return a number."""
    return number


traced = flyte.trace(pure)


@env.task
async def task(number: float) -> float:
    """Return a number."""
    return number


@env.task
async def timed_inside(kind: str) -> float:
    """Return the median CPU time of a call inside a run, in microseconds."""
    calls: dict[str, Callable[[float], Awaitable[float]]] = {
        "pure": pure,
        "trace": traced,
        "task": task,
    }
    return await call_us(calls[kind])


async def call_us(call: Callable[[float], Awaitable[float]]) -> float:
    """Return the median CPU time of a call, in microseconds."""
    times = []
    for _ in range(200):
        started = time.process_time_ns()
        await call(1.0)
        times.append((time.process_time_ns() - started) / 1000)
    return statistics.median(times)


def cpu_ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median CPU time of some work, after once, in milliseconds."""
    work()
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append((time.process_time() - started) * 1000)
    return statistics.median(times)


def handoff_ms() -> dict[str, float]:
    """Return the CPU time of one handoff: plain, on Flyte, and in the design note's layout."""
    settings = load_settings(os.environ)
    router = build_router(settings, load_registry(settings.registry), None)
    policy = load_policy(None, router.embedder.default_threshold)
    with asyncio.Runner() as runner:
        plain = cpu_ms(lambda: runner.run(router.route(QUERY, policy)))
    ours = cpu_ms(lambda: workflow.run_here(workflow.agent_handoff_workflow, query=QUERY))
    notes = cpu_ms(lambda: workflow.run_here(notes_workflow, query=QUERY), repeats=3)
    return {"plain": plain, "flyte": ours, "above_plain": ours - plain, "note_layout": notes}


def concurrent_seconds() -> dict[str, float]:
    """Return CPU and wall time of many handoffs gathered in one run."""
    queries = [f"{QUERY} {at}" for at in range(CONCURRENT)]
    workflow.run_here(gathered, queries=queries[:1])
    started = time.perf_counter(), time.process_time()
    workflow.run_here(gathered, queries=queries)
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    before = time.process_time()
    workflow.run_here(notes_gathered, queries=queries[:NOTES_CONCURRENT])
    return {"cpu": cpu, "wall": wall, "note_layout_10": time.process_time() - before}


def calls_us() -> dict[str, float]:
    """Return the CPU time of one call of each kind, in microseconds."""
    return {
        "pure": workflow.run_here(timed_inside, kind="pure"),
        "trace, outside a task": asyncio.run(call_us(traced)),
        "trace, inside": workflow.run_here(timed_inside, kind="trace"),
        "task, inside": workflow.run_here(timed_inside, kind="task"),
    }


def batch_figures(rows: int, folder: Path, model: str) -> dict[str, float]:
    """Run `handoff batch` and return its rate, CPU time a row, and memory early and late."""
    with (DATA / "sealtools" / "cases.csv").open(encoding="utf-8", newline="") as file:
        queries = [row["query"] for row in csv.DictReader(file)]
    source, target = folder / "in.csv", folder / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["query"])
        varied = zip(itertools.cycle(queries), range(rows), strict=False)
        table.writerows([f"{query} case {at}"] for query, at in varied)
    command = [
        str(Path(sys.executable).with_name("handoff")),
        *("batch", str(source), "-o", str(target)),
        *("--registry", str(DATA / "sealtools" / "agents.csv")),
    ]
    before = os.times()
    started = time.perf_counter()
    memory_mb = []
    variables = os.environ | {"HANDOFF_EMBEDDER": model}
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdout=subprocess.DEVNULL, env=variables
    ) as process:
        while process.poll() is None:
            memory_mb.append(resident_mb(process.pid))
            time.sleep(0.25)
    seconds = time.perf_counter() - started
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    quarter = len(memory_mb) // 4
    with target.open(encoding="utf-8", newline="") as file:
        written = sum(1 for _ in csv.reader(file)) - 1
    return {
        "rows": written,
        "rows_a_second": written / seconds,
        "cpu_us_a_row": cpu / written * 1e6,
        "memory_mb_second_quarter": max(memory_mb[quarter : 2 * quarter], default=0.0),
        "memory_mb_last_quarter": max(memory_mb[3 * quarter :], default=0.0),
    }


def resident_mb(pid: int) -> float:
    """Return the memory of a process and of those that it started, shared pages counted twice."""
    total = 0.0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total = int(line.split()[1]) / 1024
        for task_children in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(resident_mb(int(child)) for child in task_children.read_text().split())
    return total


def figures(rows: int) -> dict[str, Any]:
    """Measure everything."""
    logging.getLogger("flyte").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HANDOFF_CACHE_DIR"] = folder
        results: dict[str, Any] = {
            "handoff_cpu_ms": handoff_ms(),
            "concurrent_seconds": concurrent_seconds(),
            "call_us": calls_us(),
        }
        if rows and (DATA / "sealtools").exists():
            results["batch"] = {
                "local-fast": batch_figures(rows, Path(folder), "local-fast"),
                "local": batch_figures(max(1, rows // 50), Path(folder), "local"),
            }
    return results


def lines(results: dict[str, Any]) -> Sequence[str]:
    """Return the figures as a table, claims and targets beside them."""
    one, many = results["handoff_cpu_ms"], results["concurrent_seconds"]
    said = [
        f"one handoff, plain route                {one['plain']:10.2f} ms CPU",
        f"one handoff, Flyte's local mode         {one['flyte']:10.2f} ms CPU",
        f"  above the plain route                 {one['above_plain']:10.2f} ms CPU, target 10",
        f"  the design note's layout              {one['note_layout']:10.2f} ms CPU, noted 468",
        f"{CONCURRENT} concurrent in one local run      {many['cpu']:10.2f} s CPU, target 1.5",
        f"  in wall time                          {many['wall']:10.2f} s",
        f"  the note's layout, {NOTES_CONCURRENT} concurrent {many['note_layout_10']:14.2f} s CPU",
        "                              noted for 100   75.6 s CPU",
    ]
    said += [
        f"call: {kind:<34}{us:10.1f} us CPU, claimed {CLAIMS_US[kind]}"
        for kind, us in results["call_us"].items()
    ]
    said += [
        f"batch of {batch['rows']:,} rows, 4,076 agents, {model}  {batch['rows_a_second']:,.0f}"
        f" a second; {batch['cpu_us_a_row']:.0f} us CPU a row; "
        f"{batch['memory_mb_second_quarter']:.0f} MB early, "
        f"{batch['memory_mb_last_quarter']:.0f} MB late"
        for model, batch in results.get("batch", {}).items()
    ]
    return said


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        results = figures(options.rows)
    print(json.dumps(results) if options.json else "\n".join(lines(results)))


if __name__ == "__main__":
    main()
