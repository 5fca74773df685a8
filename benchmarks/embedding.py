"""What the embedded models take, each in a process of its own.

    python benchmarks/embedding.py [--json]

CPU time, not the clock's. *load*: with what it imports. *query*: one of cases.csv at a time, median
and 95th percentile. *3,100 texts*: the queries of clinc150 (`HANDOFF_DATA`). *resident*: what the
process holds in the end.
"""

import argparse
import asyncio
import csv
import json
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np

from benchmarks.labelled_set import DATA, ROOT
from handoff.files.settings import EMBEDDED
from handoff.providers.embedded import EmbeddedModel, choose_embedded


def measure(name: str) -> dict[str, float]:
    """Return one model's figures; to be run in a process that has loaded none."""
    started = time.process_time()
    model = choose_embedded(name)
    model.load()
    load_s = time.process_time() - started
    queries = _queries(ROOT / "cases.csv")
    times = asyncio.run(_query_ms(model, queries))
    figures = {
        "load_s": load_s,
        "query_ms": float(np.median(times)),
        "query_p95_ms": float(np.percentile(times, 95)),
    }
    many = DATA / "clinc150" / "cases.csv"
    if many.exists():
        texts = _queries(many)
        started = time.process_time()
        asyncio.run(model.embed(texts))
        figures["3,100 texts_s"] = time.process_time() - started
    figures["resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


async def _query_ms(model: EmbeddedModel, queries: list[str]) -> list[float]:
    """Return the milliseconds of each query, after some that warm up."""
    await model.embed(queries[:2])
    times = []
    for query in queries:
        started = time.process_time()
        await model.embed([query])
        times.append((time.process_time() - started) * 1000)
    return times


def _queries(cases: Path) -> list[str]:
    with cases.open(encoding="utf-8", newline="") as file:
        return [row["query"] for row in csv.DictReader(file)]


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    results = {}
    for name in EMBEDDED:
        # A process each, one after the other.
        with multiprocessing.get_context("spawn").Pool(1) as process:
            results[name] = process.apply(measure, (name,))
    if as_json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'':16}" + "".join(f"{name:>14}" for name in results))
    for figure in results["local"]:
        print(f"{figure:16}" + "".join(f"{each[figure]:14.3f}" for each in results.values()))


if __name__ == "__main__":
    main()
