"""How good a recommended threshold is, and what finding it costs, with the embedded model.

    python benchmarks/tuning.py [--json]

The threshold is recommended on one half of the cases and judged on the other, in 20 seeded
stratified splits; its folds lie inside the first half.

*figures*: top-1, accuracy and AUROC, with and without tag filter and lexical help, beside the bare
cosine. Accuracy is the mean of the splits; for the bare cosine everything is handed off.
*regret*: percentage points below the best threshold of the other half, mean of the splits; *kept*
is what is left where the embedder's default stays in use as the recommendation says.
*goals*: share of splits in which a goal's share held on the other half, in which it held on the
choosing one and was promised, and the mean coverage.
*spread*: of the choice on the whole set, over the folds, and by how much it moves when one label is
taken away, of 40 drawn.
*own*: thresholds of the agents' own; the gain where they are offered is counted on the half that
decides whether to offer them, so the gain of all that were fitted stands beside it.
*analysis*: one change of a control over clinc150, one BLAS thread, milliseconds.
*cold*: `handoff eval` over clinc150 in a fresh process with an empty cache, seconds; BLAS is free.

`HANDOFF_EMBEDDER` names another embedded model than the one that ships, such as local-fast;
`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout).
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.embedded import LOCAL
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.model import FloatArray, Policy, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.counts import Counts, count, endings
from handoff.evaluation.folds import split
from handoff.evaluation.goal import Aim, Goal, parse_goal, weight_of_nobody
from handoff.evaluation.judged import Judged, Labelled, label, rank_cases, settle
from handoff.evaluation.own_thresholds import fit_own
from handoff.evaluation.recommend import Recommendation, recommend
from handoff.evaluation.sweep import auroc, sweep, top1
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.trace import Trace

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
SETS = ("clinc_domains", "clinc150", "hwu64", "metatool", "sealtools")
BIG_SET = "clinc150"
SPLITS = 20
LABELS_TAKEN_AWAY = 40
CHANGES = 30
COLD_RUNS = 3
LEXICAL_WEIGHT = 0.2
OWN_THRESHOLD = 0.2
NO_THRESHOLD = -1.0
PROMISES = ("wrong=0.05", "wrong=0.1", "wrong=0.2", "coverage=0.8")
MEASURED = (Aim.ACCURACY, Aim.BALANCED)
WAYS = {
    "cosine": (False, 0.0),
    "filter": (True, 0.0),
    "lexical": (False, LEXICAL_WEIGHT),
    "filter and lexical": (True, LEXICAL_WEIGHT),
}


@dataclass(frozen=True, slots=True)
class Half:
    """One split of a set: the cases that choose, and those that judge."""

    choosing: Judged
    other: Judged


def gather(folder: Path, cache_dir: Path) -> tuple[Labelled, float]:
    """Gather a folder's cases with the embedded model; return its default threshold as well."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache_dir)}, folder / "agents.csv")
    registry = load_registry(settings.registry)
    router = build_router(settings, registry, None)
    cases = load_cases(folder / "cases.csv", registry).cases
    with BackgroundLoop() as loop:
        evidence = loop.run(router.gather_many([case.query for case in cases], Trace()))
    labelled = label(evidence, registry, [case.expected for case in cases])
    return labelled, router.embedder.default_threshold


def halves(judged: Judged) -> list[Half]:
    """Split a set as the recommendation does, once a seed."""
    chosen = [split(judged.expected, seed) for seed in range(SPLITS)]
    return [Half(judged.part(choosing), judged.part(~choosing)) for choosing in chosen]


def recommended(judged: Judged, goal: Goal, default: float = NO_THRESHOLD) -> Recommendation:
    """Recommend a threshold with the embedder's default in use; own ones are measured apart."""
    policy = Policy(default, ThresholdSource.EMBEDDER, per_agent=True)
    found = recommend(judged, goal, policy, 0)
    if found is None:
        raise ValueError(f"{len(judged)} cases are too few to recommend a threshold.")
    return found


def figures(labelled: Labelled) -> dict[str, dict[str, float]]:
    """Return top-1, accuracy and AUROC of the bare cosine and of each way to rank."""
    bare = rank_cases(labelled, use_tags=False)
    found = {
        "bare cosine": {
            "top1": top1(bare),
            "accuracy": count(endings(bare, NO_THRESHOLD)).accuracy,
            "auroc": auroc(bare),
        }
    }
    for name, (use_tags, weight) in WAYS.items():
        judged = rank_cases(labelled, use_tags=use_tags, lexical_weight=weight)
        found[name] = {
            "top1": top1(judged),
            "accuracy": mean(
                [
                    at(
                        half.other, recommended(half.choosing, Goal(Aim.ACCURACY)).threshold
                    ).accuracy
                    for half in halves(judged)
                ]
            ),
            "auroc": auroc(judged),
        }
    return found


def regrets(parts: list[Half], default: float) -> dict[str, dict[str, float]]:
    """Return how far thresholds stay below the best one of the held-out half, in points."""
    found = {}
    for aim in MEASURED:
        ways = ("recommended", "kept", "no threshold", "default")
        lost: dict[str, list[float]] = {way: [] for way in ways}
        for half in parts:
            swept = sweep(half.other)
            worth = swept.balanced if aim is Aim.BALANCED else swept.accuracy
            choice = recommended(half.choosing, Goal(aim), default)
            thresholds = {
                "recommended": choice.threshold,
                "kept": choice.best,
                "no threshold": NO_THRESHOLD,
                "default": default,
            }
            for name, threshold in thresholds.items():
                lost[name].append(
                    100 * float(worth.max() - worth_at(swept.thresholds, worth, threshold))
                )
        found[aim.value] = {name: mean(points) for name, points in lost.items()}
    return found


def worth_at(thresholds: FloatArray, worth: FloatArray, threshold: float) -> float:
    """Return what any threshold is worth, from the worth of those at which anything changes."""
    place = int(np.searchsorted(thresholds, np.float32(threshold)))
    return float(worth[min(place, len(worth) - 1)])


def promises(parts: list[Half]) -> dict[str, dict[str, float]]:
    """Return in how many splits a goal's share was kept, promised and held, and what it costs."""
    found = {}
    for text in PROMISES:
        goal = parse_goal(text)
        share = goal.share or 0.0
        choices = [recommended(half.choosing, goal) for half in parts]
        ended = [
            at(half.other, choice.threshold) for half, choice in zip(parts, choices, strict=True)
        ]
        held = [
            counts.wrong_share <= share if goal.aim is Aim.WRONG else counts.coverage >= share
            for counts in ended
        ]
        found[text] = {
            "held": mean(held),
            "kept": mean([choice.kept for choice in choices]),
            "promised": mean([choice.promised for choice in choices]),
            "coverage": mean([counts.coverage for counts in ended]),
            "wrong": mean([counts.wrong_share for counts in ended]),
        }
    return found


def spreads(judged: Judged) -> dict[str, dict[str, float]]:
    """Return how far a whole set's choice moves: over the folds, and by one label."""
    found = {}
    taken_away = np.random.default_rng(0).permutation(len(judged))[:LABELS_TAKEN_AWAY]
    for aim in MEASURED:
        whole = recommended(judged, Goal(aim))
        others = np.array(
            [
                recommended(judged.part(np.arange(len(judged)) != row), Goal(aim)).threshold
                for row in taken_away
            ]
        )
        found[aim.value] = {
            "threshold": whole.threshold,
            "lowest": whole.lowest,
            "highest": whole.highest,
            "deviation": float(others.std()),
            "farthest": float(np.abs(others - whole.threshold).max()),
        }
    return found


def own_gains(parts: list[Half], agents: int) -> dict[str, dict[str, float]]:
    """Return in how many splits own thresholds are offered, and what they gain, in points."""
    found = {}
    for aim in MEASURED:
        gains = []
        for half in parts:
            common = recommended(half.choosing, Goal(aim)).threshold
            weight = weight_of_nobody(half.choosing) if aim is Aim.BALANCED else 1.0
            own = fit_own(half.choosing, common, agents, weight)
            judged = settle(half.other, 0.0, own)
            gains.append(100 * (share_of(judged, common, aim) - share_of(half.other, common, aim)))
        offered = [gain for gain in gains if gain > 0]
        found[aim.value] = {
            "offered": len(offered) / len(gains),
            "gain_where_offered": mean(offered),
            "gain_of_all": mean(gains),
        }
    return found


def share_of(judged: Judged, threshold: float, aim: Aim) -> float:
    """Return what a goal wants to be high."""
    counts = at(judged, threshold)
    return counts.balanced if aim is Aim.BALANCED else counts.accuracy


def at(judged: Judged, threshold: float) -> Counts:
    """Count the endings at a threshold."""
    return count(endings(judged, threshold))


def without_nan(value: object) -> object:
    """Return nested figures with None where a figure does not exist, as JSON wants it."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def mean(values: list[float] | list[bool]) -> float:
    """Return the mean; NaN of nothing."""
    return float(np.mean(values)) if values else float("nan")


def analysis_ms(labelled: Labelled, default: float) -> dict[str, float]:
    """Return median and worst of changes of each control in turn."""
    # The set's agents have no thresholds of their own; with some there is more to do.
    own = np.full(len(labelled.registry), OWN_THRESHOLD, dtype=np.float32)
    labelled = replace(labelled, own_thresholds=own)
    policy = Policy(default, ThresholdSource.EMBEDDER)
    analyse(labelled, policy)
    times = []
    with threadpool_limits(1):
        for turn in range(CHANGES):
            step = (turn + 1) / 100
            changed = (
                replace(policy, threshold=default + step),
                replace(policy, margin=step),
                replace(policy, use_tags=not policy.use_tags),
                replace(policy, per_agent=not policy.per_agent),
                replace(policy, lexical_weight=step),
            )
            policy = changed[turn % len(changed)]
            started = time.perf_counter()
            analyse(labelled, policy)
            times.append(time.perf_counter() - started)
    return {
        "cases": len(labelled),
        "median": statistics.median(times) * 1000,
        "worst": max(times) * 1000,
    }


def cold_seconds(folder: Path) -> dict[str, float]:
    """Return the medians of whole processes, and of what the command itself tells."""
    command = [str(Path(sys.executable).with_name("handoff")), "eval", "--json"]
    files = [str(folder / "cases.csv"), "--registry", str(folder / "agents.csv")]
    wall, told = [], []
    for _ in range(COLD_RUNS):
        with tempfile.TemporaryDirectory() as cache:
            started = time.perf_counter()
            ended = subprocess.run(  # noqa: S603 - our own command
                [*command, *files],
                env=os.environ | LOCAL | {"HANDOFF_CACHE_DIR": cache},
                cwd=cache,
                capture_output=True,
                check=True,
            )
            wall.append(time.perf_counter() - started)
        told.append(json.loads(ended.stdout)["seconds"])
    return {"process": statistics.median(wall), "told": statistics.median(told)}


def show(name: str, result: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print one set."""
    print(f"\n{name}")
    print(f"  {'':22}{'top1':>8}{'accuracy':>10}{'AUROC':>8}")
    for way, found in result["figures"].items():
        print(f"  {way:22}{found['top1']:8.3f}{found['accuracy']:10.3f}{found['auroc']:8.3f}")
    print("  regret, points")
    for aim, lost in result["regret"].items():
        listed = "  ".join(f"{of} {points:.2f}" for of, points in lost.items())
        print(f"  {aim:22}{listed}")
    print("  goals, 20 splits")
    for goal, found in result["goals"].items():
        print(
            f"  {goal:22}held {found['held']:.2f}  kept {found['kept']:.2f}  "
            f"promised {found['promised']:.2f}  coverage {found['coverage']:.3f}  "
            f"wrong {found['wrong']:.3f}"
        )
    print("  spread of the choice")
    for aim, found in result["spread"].items():
        print(
            f"  {aim:22}{found['threshold']:.4f}, folds {found['lowest']:.4f} to "
            f"{found['highest']:.4f}; one label less: standard deviation {found['deviation']:.4f}, "
            f"farthest {found['farthest']:.4f}"
        )
    print("  own thresholds, points")
    for aim, found in result["own"].items():
        print(
            f"  {aim:22}offered {found['offered']:.2f}  gain where offered "
            f"{found['gain_where_offered']:.2f}  of all {found['gain_of_all']:.2f}"
        )


def main() -> None:
    """Print tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    folders = {"cases.csv": ROOT} | {name: DATA / name for name in SETS}
    results, analysis = {}, {}
    with tempfile.TemporaryDirectory() as cache, threadpool_limits(1):
        for name, folder in folders.items():
            if not (folder / "cases.csv").exists():
                continue
            labelled, default = gather(folder, Path(cache))
            judged = rank_cases(labelled, use_tags=True)
            parts = halves(judged)
            results[name] = {
                "figures": figures(labelled),
                "regret": regrets(parts, default),
                "goals": promises(parts),
                "spread": spreads(judged),
                "own": own_gains(parts, len(labelled.registry)),
            }
            if name == BIG_SET:
                analysis = analysis_ms(labelled, default)
    cold = cold_seconds(folders[BIG_SET]) if analysis else {}
    if as_json:
        found = {"sets": results, "analysis_ms": analysis, "cold_seconds": cold}
        print(json.dumps(without_nan(found), indent=2, allow_nan=False))
        return
    for name, result in results.items():
        show(name, result)
    if analysis:
        print(
            f"\nanalysis of {analysis['cases']:,} cases: median {analysis['median']:.2f} ms, worst "
            f"{analysis['worst']:.2f} ms of {CHANGES} changes"
        )
        print(
            f"cold evaluation: process {cold['process']:.2f} s, as told {cold['told']:.2f} s, "
            f"medians of {COLD_RUNS}"
        )


if __name__ == "__main__":
    main()
