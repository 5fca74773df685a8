"""How well the embedded model routes and tags, on cases.csv and, where they are, on public sets.

    python benchmarks/accuracy.py [--json]

`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout), and
`HANDOFF_EMBEDDER` another embedded model than the one that ships: local-fast or local-minilm.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.embedded import LOCAL
from benchmarks.tag_quality import measure_tags
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.model import EvidenceSet, Registry
from handoff.evaluation.counts import count, endings
from handoff.evaluation.judged import Judged, label, rank_cases
from handoff.evaluation.sweep import auroc, best_threshold, sweep, top1
from handoff.files.cases import Case, load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
SETS = ("clinc_domains", "clinc150", "hwu64", "metatool", "sealtools")
HALVES = 20


@dataclass(frozen=True, slots=True)
class Gathered:
    """One labelled set with its evidence, and the default threshold of its embedder."""

    registry: Registry
    cases: tuple[Case, ...]
    evidence: EvidenceSet
    default_threshold: float


def gather(folder: Path, cache_dir: Path) -> Gathered:
    """Gather evidence for a folder's cases with the embedded model."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache_dir)}, folder / "agents.csv")
    registry = load_registry(settings.registry)
    router = build_router(settings, registry, None)
    cases = load_cases(folder / "cases.csv", registry).cases
    loop = BackgroundLoop()
    evidence = loop.run(router.gather_many([case.query for case in cases], Trace()))
    loop.close()
    return Gathered(registry, cases, evidence, router.embedder.default_threshold)


def figures(gathered: Gathered) -> dict[str, float]:
    """Return accuracy and tag figures of one set; shares between 0 and 1."""
    registry, evidence = gathered.registry, gathered.evidence
    expected = [case.expected for case in gathered.cases]
    labelled = label(evidence, registry, expected)
    judged = rank_cases(labelled, use_tags=True)
    unfiltered = rank_cases(labelled, use_tags=False)
    swept = sweep(judged)
    accurate = best_threshold(swept, swept.accuracy)
    # What nobody takes counts nothing: a person looks at it, and little is lost.
    found = best_threshold(swept, swept.right - swept.to_wrong)
    at_default = gathered.default_threshold
    at = int(np.searchsorted(swept.thresholds, np.float32(at_default)))
    return {
        "agents": len(registry),
        "cases": len(expected),
        "top1_without_filter": top1(unfiltered),
        "top1": top1(judged),
        "accuracy_no_threshold": accuracy_at(judged, -1.0),
        "default_threshold": at_default,
        "accuracy_at_default": accuracy_at(judged, at_default),
        "right_at_default": int(swept.right[at]),
        "wrong_at_default": int(swept.wrong[at]),
        "missed_at_default": int(swept.missed[at]),
        "refused_at_default": int(swept.refused[at]),
        "taken_at_default": int(swept.taken[at]),
        "threshold_of_most_net": found,
        "threshold_of_most_accuracy": accurate,
        "accuracy_there": accuracy_at(judged, accurate),
        "accuracy_held_out": held_out(judged),
        "auroc": auroc(judged),
        **asdict(measure_tags(evidence, registry, expected)),
    }


def held_out(judged: Judged) -> float:
    """Return the mean accuracy on one half at the threshold found on the other, stratified."""
    random = np.random.default_rng(0)
    accuracies = []
    for _ in range(HALVES):
        chosen = np.zeros(len(judged.in_scope), dtype=np.bool_)
        for group in (judged.in_scope, ~judged.in_scope):
            members = random.permutation(np.flatnonzero(group))
            chosen[members[: len(members) // 2]] = True
        swept = sweep(judged.part(chosen))
        threshold = best_threshold(swept, swept.accuracy)
        accuracies.append(accuracy_at(judged.part(~chosen), threshold))
    return float(np.mean(accuracies))


def accuracy_at(judged: Judged, threshold: float) -> float:
    """Return the share of cases that end as their label says."""
    return count(endings(judged, threshold)).accuracy


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    folders = {"cases.csv": ROOT} | {name: DATA / name for name in SETS}
    with tempfile.TemporaryDirectory() as cache:
        results = {
            name: figures(gather(folder, Path(cache)))
            for name, folder in folders.items()
            if (folder / "cases.csv").exists()
        }
    if as_json:
        print(json.dumps(results, indent=2))
        return
    names = list(results)
    print(f"{'':22}" + "".join(f"{name:>15}" for name in names))
    for figure in results[names[0]]:
        row = (results[name][figure] for name in names)
        print(f"{figure:22}" + "".join(f"{value:15.4g}" for value in row))


if __name__ == "__main__":
    main()
