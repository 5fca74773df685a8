"""What routing costs beside the models: a warm route, and scores, ranking and decision alone.

    python benchmarks/overhead.py [--json]

*warm route*: from `gather` to `decide`, queries never seen before, with the embedded model that
ships and with the fast one; `benchmarks/embedding.py` tells what the models alone take.
*routing*: scores from vectors in memory, rank, decide; 1,536 dimensions, one BLAS thread, no trace.
*numpy*: the bare product and a sort, same vectors, one BLAS thread, same run.
Medians in milliseconds. 4,076 agents need the public sets (`HANDOFF_DATA`).
"""

import argparse
import asyncio
import csv
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.embedded import LOCAL, NAME
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.decision import decide
from handoff.core.model import Agent, EvidenceSet, FloatArray, Registry
from handoff.core.ranking import rank
from handoff.core.scoring import unit
from handoff.core.texts import parse_query
from handoff.files.policy import load_policy
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.index.exact import ExactIndex
from handoff.router import judge
from handoff.trace import Trace

Found = TypeVar("Found")

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
DIMENSIONS = 1_536
QUERIES = 50
REPEATS = 200
ROUNDS = 5
TAGS = 24


@dataclass(frozen=True, slots=True)
class RandomEmbedder:
    """Unit vectors without a model, one row a text."""

    rows: FloatArray
    identity: str = "random"
    label: str = "chance"
    paid: bool = False
    dimensions: int = DIMENSIONS
    default_threshold: float = 0.0
    typical_similarities: tuple[float, float] = (-0.1, 0.1)
    scripts: frozenset[str] | None = None

    def cost_usd(self, texts: Sequence[str]) -> float:  # noqa: ARG002 - whatever they are
        """Return 0."""
        return 0.0

    async def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return as many rows as there are texts."""
        return self.rows[: len(texts)]


def warm_route_ms(folder: Path, model: str) -> float:
    """Return the median of routes of different queries, after one that warmed everything up."""
    with (folder / "cases.csv").open(encoding="utf-8", newline="") as file:
        queries = [parse_query(row["query"]) for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as cache:
        variables = LOCAL | {"HANDOFF_EMBEDDER": model, "HANDOFF_CACHE_DIR": cache}
        settings = load_settings(variables, folder / "agents.csv")
        registry = load_registry(settings.registry)
        router = build_router(settings, registry, None)
        policy = load_policy(None, router.embedder.default_threshold)
        loop = BackgroundLoop()
        times = []
        for query in dict.fromkeys(queries[: QUERIES + 1]):
            started = time.perf_counter()
            trace = Trace()
            judge(loop.run(router.gather(query, trace)), registry, policy, trace)
            times.append(time.perf_counter() - started)
        loop.close()
    return statistics.median(times[1:]) * 1000


def at_once(work: Coroutine[None, None, Found]) -> Found:
    """Run what waits for nobody, without the time that an event loop takes."""
    try:
        work.send(None)
    except StopIteration as done:
        found: Found = done.value
        return found
    raise RuntimeError("an index in memory waits for nobody")


def routing_ms(agents: int) -> tuple[float, float]:
    """Return the medians of routing and of bare numpy over the same random vectors, in turn."""
    random = np.random.default_rng(0)
    rows = unit(random.standard_normal((agents, DIMENSIONS), dtype=np.float32))
    vector = unit(random.standard_normal((1, DIMENSIONS), dtype=np.float32))
    registry = Registry(
        tuple(Agent(f"a{i}", f"A{i}", f"Does {i}.", (f"tag {i % TAGS}",)) for i in range(agents))
    )
    index = ExactIndex(registry, RandomEmbedder(rows))

    asyncio.run(index.prepare())

    def route() -> None:
        similarities, positions = at_once(index.search(vector, ("query",)))
        evidence = EvidenceSet(
            ("query",),
            "random",
            "random",
            registry.fingerprint,
            (("tag 1", "tag 2"),),
            vector,
            similarities,
            np.zeros(similarities.shape, dtype=np.float32),
            ((),),
            positions,
        )
        decide(rank(evidence[0], registry), 0.0)

    def bare() -> None:
        np.argsort(-(rows @ vector[0]))

    ours, numpys = [], []
    with threadpool_limits(1):
        for _ in range(ROUNDS):
            ours.append(median_ms(route))
            numpys.append(median_ms(bare))
    return statistics.median(ours), statistics.median(numpys)


def median_ms(work: Callable[[], None]) -> float:
    """Return the median of many runs."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    folders = {"10": ROOT, "4076": DATA / "sealtools"}
    warm = {
        model: {
            size: warm_route_ms(folder, model)
            for size, folder in folders.items()
            if (folder / "cases.csv").exists()
        }
        for model in (NAME, "local-fast")
    }
    both = {str(agents): routing_ms(agents) for agents in (100, 1_000, 10_000)}
    results = {
        "warm_route_ms": warm,
        "routing_ms": {agents: ours for agents, (ours, _) in both.items()},
        "numpy_ms": {agents: bare for agents, (_, bare) in both.items()},
    }
    if as_json:
        print(json.dumps(results))
        return
    for model, sizes in warm.items():
        for agents, ms in sizes.items():
            print(f"warm route, {int(agents):6,} agents, {model:<12}  {ms:8.3f} ms")
    for agents, (ours, bare) in both.items():
        print(
            f"routing, {int(agents):9,} agents  {ours:8.3f} ms, "
            f"numpy {bare:8.3f} ms, {ours / bare:.2f} times"
        )


if __name__ == "__main__":
    main()
