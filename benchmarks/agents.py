"""What looking at a registry costs, with the embedded model.

    python benchmarks/agents.py [--json]

*overlap*: 1,000 agents of the public set sealtools, embedded beforehand: every agent compared with
every other, the twenty closest pairs; then with what to look at first. One BLAS thread, ms.
*explain*: one query of this checkout's cases after the other, explained for its best agent with no
cache; and the smallest flip looked for. Milliseconds.

`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout).
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.embedded import LOCAL, embedded
from handoff.agents.advice import look_at_first
from handoff.agents.explain import explain, smallest_flip
from handoff.agents.overlap import find_overlap
from handoff.agents.plane import project
from handoff.bootstrap import build_router
from handoff.core.model import Policy, Registry, ThresholdSource
from handoff.core.texts import agent_text
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
AGENTS = 1_000
RUNS = 30
Figures = dict[str, float]


def timed(runs: int, work: Callable[[], object]) -> Figures:
    """Return median and worst of some runs, in milliseconds, after one that warms up."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return {"median": statistics.median(times), "worst": max(times)}


def overlap_ms() -> dict[str, Figures]:
    """Time overlap, overlap with its findings, and the map."""
    whole = load_registry(DATA / "sealtools" / "agents.csv")
    registry = Registry(whole.agents[:AGENTS])
    texts = [agent_text(agent) for agent in registry.agents]
    rows = asyncio.run(embedded().embed(texts))
    return {
        "overlap of 1,000": timed(RUNS, lambda: find_overlap(rows)),
        "with what to look at first": timed(
            RUNS, lambda: look_at_first(registry, find_overlap(rows), None)
        ),
        "map of 1,000": timed(5, lambda: project(rows)),
    }


async def explain_ms(cache: Path) -> dict[str, Figures]:
    """Time explanations and flips of this checkout's first cases."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache)}, ROOT / "agents.csv")
    registry = load_registry(settings.registry)
    router = build_router(settings, registry, None, on_disk=False)
    policy = Policy(router.embedder.default_threshold, ThresholdSource.EMBEDDER)
    times: dict[str, list[float]] = {"explain": [], "smallest flip": []}
    for case in load_cases(ROOT / "cases.csv", registry).cases[:RUNS]:
        evidence = await router.gather(case.query, Trace())
        best = int(evidence.similarities.argmax())
        for name, work in (("explain", explain), ("smallest flip", smallest_flip)):
            started = time.perf_counter()
            await work(router, evidence, policy, best)
            times[name].append((time.perf_counter() - started) * 1000)
    return {
        name: {"median": statistics.median(each), "worst": max(each)}
        for name, each in times.items()
    }


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with threadpool_limits(1), tempfile.TemporaryDirectory() as cache:
        found = overlap_ms() if (DATA / "sealtools" / "agents.csv").exists() else {}
        found |= asyncio.run(explain_ms(Path(cache)))
    if as_json:
        print(json.dumps({"ms": found}, indent=2))
        return
    for name, figures in found.items():
        print(f"{name:28}{figures['median']:8.1f} ms, worst {figures['worst']:.1f}")


if __name__ == "__main__":
    main()
