"""What one edited description costs before it is saved, with the embedded model.

    python benchmarks/editing.py [--json]

One description of clinc150 is edited, another each time: the table is parsed, the description
embedded, all 3,100 cases are ranked again, tags included, and judged before and after. One BLAS
thread, milliseconds. *ground* is what is laid out once, when the first edit is made; *gathered* is
what the same answer costs from scratch.

`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout).
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.embedded import LOCAL, embedded
from handoff.agents.edit import edit_agents, find_shifts, lay_ground, new_texts
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.model import Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.compare import compare
from handoff.evaluation.judged import Labelled, label
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry, parse_table, table_of
from handoff.files.settings import load_settings
from handoff.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
BIG_SET = "clinc150"
EDITS = 30


def measure(folder: Path) -> dict[str, float]:
    """Return how long an edit takes, and what it rests on."""
    settings = load_settings(LOCAL, folder / "agents.csv")
    registry = load_registry(settings.registry)
    cases = load_cases(folder / "cases.csv", registry).cases
    queries, expected = [case.query for case in cases], [case.expected for case in cases]
    embedder = embedded()
    policy = Policy(embedder.default_threshold, ThresholdSource.EMBEDDER)
    with BackgroundLoop() as loop:

        def gathered(own: Registry) -> Labelled:
            # A cache of its own: from scratch.
            with tempfile.TemporaryDirectory() as cache:
                router = build_router(replace(settings, cache_dir=Path(cache)), own, None)
                return label(loop.run(router.gather_many(queries, Trace())), own, expected)

        before = gathered(registry)
        started = time.perf_counter()
        tagging = loop.run(
            build_router(settings, registry, None).tagger.choose_again(before.evidence)
        )
        assert tagging is not None  # noqa: S101 - the embedded model can
        ground = lay_ground(before, expected, tagging, None)
        ground_ms = (time.perf_counter() - started) * 1000
        times, alike = [], True
        for turn in range(EDITS):
            rows = list(table_of(registry))
            one, name, description, tags, own = rows[turn]
            rows[turn] = (one, name, f"{description} And number {turn}.", tags, own)
            started = time.perf_counter()
            edited = parse_table(rows)
            texts = new_texts(ground, edited)
            vectors = dict(zip(texts, loop.run(embedder.embed(texts)), strict=True))
            after = edit_agents(ground, edited, vectors)
            find_shifts(compare(analyse(before, policy), analyse(after, policy)))
            times.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        anew = gathered(edited)
        scratch_ms = (time.perf_counter() - started) * 1000
        alike = anew.evidence.tags == after.evidence.tags
    return {
        "cases": len(cases),
        "agents": len(registry),
        "texts": len(texts),
        "ground": ground_ms,
        "median": statistics.median(times),
        "worst": max(times),
        "gathered": scratch_ms,
        "same_tags": alike,
    }


def main() -> None:
    """Print a row, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with threadpool_limits(1):
        found = measure(DATA / BIG_SET)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"one edit over {found['cases']:,} cases on {found['agents']:,} agents: median "
        f"{found['median']:.1f} ms, worst {found['worst']:.1f} ms of {EDITS}; laid out once in "
        f"{found['ground']:.0f} ms; gathered anew in {found['gathered']:.0f} ms, same tags: "
        f"{found['same_tags']}"
    )


if __name__ == "__main__":
    main()
