"""What labelled queries add to routing, beside simpler ways to use them, on public sets.

    python benchmarks/learning.py [--json]

Five seeded, stratified splits a set: half of the cases, at most 1,500, to learn from and to choose
the threshold on; the rest to test. A case that nobody should take is right when nobody is selected.
`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout).
"""

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.baselines import (
    DESCRIPTION,
    Filter,
    accuracy_at,
    baseline_accuracies,
    baselines,
    exact_threshold,
    judged_of,
)
from benchmarks.embedded import embedded
from benchmarks.labelled_set import (
    DATA,
    Set,
    distinct,
    examples_of,
    gathered,
    halves,
    load_set,
    taught_router,
)
from benchmarks.learning_times import analysis_ms, learning_seconds, route_ms
from handoff.background import BackgroundLoop
from handoff.core.agent_rows import compare
from handoff.core.learning import NO_OWNER, Learned, best_threshold, learn, score_queries
from handoff.core.model import IntArray, Registry
from handoff.core.word_overlap import normal_form
from handoff.evaluation.goal import Aim, Goal, choose
from handoff.evaluation.judged import Judged, judge_scores, rank_cases
from handoff.evaluation.proof import EVERYBODY, draw_few, part
from handoff.evaluation.run import label_run
from handoff.evaluation.suggest import suggest
from handoff.evaluation.sweep import auroc, top1
from handoff.index.exact import ExactIndex
from handoff.index.learned import LearnedIndex

SETS = ("clinc150", "clinc_domains", "hwu64", "metatool")
BIG_SET = "clinc150"
SUGGESTED_SETS = ("clinc_domains", "metatool")
SEEDS = range(5)
FEW = (1, 2, 5, 10, 20, 40)
STEPS = (50, 100, 200)
AT_ONCE = 50
METHOD = "learned"
RECOMMENDED = "learned, recommended threshold"
"""With the threshold that `handoff eval` recommends instead of the method's own."""

Figures = dict[str, list[float]]


def routed(data: Set, learned: Learned, rows: IntArray) -> Judged:
    """Judge cases by what was learned, without a filter."""
    texts = [data.lessons.texts[row] for row in rows.tolist()]
    scores = score_queries(data.lessons.vectors[rows], texts, learned)
    return judge_scores(scores, data.owners[rows])


def own_threshold(learned: Learned) -> float:
    """Return the threshold that the examples ask for."""
    return EVERYBODY if learned.threshold is None else learned.threshold


def pipeline_accuracies(
    data: Set, learning: IntArray, test: IntArray, loop: BackgroundLoop
) -> dict[str, float]:
    """Return the accuracy of the package as it is used: examples, tagger, filter and threshold."""
    router = taught_router(data, learning)
    known, asked = (
        rank_cases(
            label_run(
                loop.run(gathered(router, [data.cases[row] for row in rows.tolist()])),
                router.registry,
            ),
            use_tags=True,
        )
        for rows in (learning, test)
    )
    # The method's own rule, on levels that the filter decided: right or not is one column.
    columns = np.where(known.in_scope, np.where(known.correct, 0, 1), NO_OWNER)
    levels = np.stack([known.levels, np.full_like(known.levels, -2)], axis=1)
    chosen = best_threshold(levels, columns)
    recommended = choose(known, Goal(Aim.ACCURACY)).threshold
    return {
        METHOD: accuracy_at(asked, EVERYBODY if chosen is None else chosen),
        RECOMMENDED: accuracy_at(asked, recommended),
        "top-1, learned": top1(asked),
        "AUROC, learned": auroc(asked),
    }


def split_figures(data: Set, loop: BackgroundLoop, *, tags: bool) -> Figures:
    """Return every way's accuracy, one a split."""
    found: Figures = {}
    keep = Filter(data, loop, on=tags)
    for seed in SEEDS:
        learning, test = halves(data.owners, seed)
        figures = baseline_accuracies(data, learning, test, keep)
        if tags:
            figures |= pipeline_accuracies(data, learning, test, loop)
        else:
            rows = distinct(data, learning)
            learned = learn(data.agents, part(data.lessons, rows))
            judged = routed(data, learned, test)
            held_out = judge_scores(learned.held_out.copy(), data.owners[rows])
            recommended = choose(held_out, Goal(Aim.ACCURACY)).threshold
            plain = judge_scores(
                compare(data.lessons.vectors[test], data.agents), data.owners[test]
            )
            figures |= {
                METHOD: accuracy_at(judged, own_threshold(learned)),
                RECOMMENDED: accuracy_at(judged, recommended),
                "top-1, description": top1(plain),
                "top-1, learned": top1(judged),
                "AUROC, description": auroc(plain),
                "AUROC, learned": auroc(judged),
            }
        for name, figure in figures.items():
            found.setdefault(name, []).append(figure)
    return found


def summary(figures: Figures, unfiltered: Figures) -> dict[str, object]:
    """Return means and spreads in percent, and the lead over the best simpler way, paired.

    Args:
        figures: Every way's accuracy, one a split.
        unfiltered: The same without a tag filter; the best simpler way may be one of these.
    """
    rivals = figures | {f"{name}, no filter": values for name, values in unfiltered.items()}
    simpler = [name for name in rivals if not name.startswith((METHOD, "top-1", "AUROC"))]
    best = max(simpler, key=lambda name: statistics.fmean(rivals[name]))
    lead = [ours - theirs for ours, theirs in zip(figures[METHOD], rivals[best], strict=True)]
    return {
        "figures": {name: spread(values) for name, values in figures.items()},
        "best_baseline": best,
        "lead": {**spread(lead), "worst_split": 100 * min(lead)},
    }


def spread(shares: Sequence[float]) -> dict[str, float]:
    """Return mean and standard deviation, in percent."""
    return {"mean": 100 * float(np.mean(shares)), "sd": 100 * float(np.std(shares, ddof=1))}


def few_figures(data: Set) -> list[dict[str, float]]:
    """Return accuracies by how many examples an agent has, at most; means over the splits."""
    points: list[dict[str, float]] = []
    for each in FEW:
        figures: Figures = {}
        for seed in SEEDS:
            learning, test = halves(data.owners, seed)
            rows = distinct(data, draw_few(data.owners, learning, each, seed))
            learned = learn(data.agents, part(data.lessons, rows))
            judged = routed(data, learned, test)
            found = {
                "examples": len(rows),
                DESCRIPTION: accuracy_at(
                    judge_scores(
                        compare(data.lessons.vectors[test], data.agents), data.owners[test]
                    ),
                    EVERYBODY,
                ),
                METHOD: accuracy_at(judged, own_threshold(learned)),
            }
            for name in ("centroid, held out", "one-nearest"):
                scored = baselines(data, rows)[name](test)
                threshold = exact_threshold(judged_of(scored.learning, data.owners[rows]))
                found[name] = accuracy_at(judged_of(scored.test, data.owners[test]), threshold)
            for name, figure in found.items():
                figures.setdefault(name, []).append(figure)
        means = {name: statistics.fmean(values) for name, values in figures.items()}
        if points and means["examples"] <= points[-1]["examples"]:
            break
        points.append(
            {"each": each, "examples": means.pop("examples")}
            | {name: 100 * mean for name, mean in means.items()}
        )
    return points


def suggested_figures(data: Set) -> dict[str, list[float]]:
    """Return accuracies after so many labels, suggested and drawn by chance; means over splits."""
    found: dict[str, list[list[float]]] = {"suggested": [], "by chance": []}
    for seed in SEEDS:
        learning, test = halves(data.owners, seed)
        pool = distinct(data, learning)
        by_chance = np.random.default_rng(seed).permutation(pool)
        found["by chance"].append(
            [100 * taught_accuracy(data, by_chance[:step], test) for step in STEPS]
        )
        chosen: list[int] = []
        at_steps: list[float] = []
        queries = [data.lessons.texts[row] for row in pool.tolist()]
        while len(chosen) < STEPS[-1]:
            rows = pool[chosen]
            learned = learn(data.agents, part(data.lessons, rows))
            scores = score_queries(data.lessons.vectors[pool], queries, learned)
            known = {normal_form(queries[place]) for place in chosen}
            wanted = min(AT_ONCE, *(step - len(chosen) for step in STEPS if step > len(chosen)))
            more = suggest(queries, data.lessons.vectors[pool], scores, known, wanted)
            if not more:
                break
            chosen += [one.row for one in more]
            if len(chosen) in STEPS:
                at_steps.append(100 * taught_accuracy(data, pool[chosen], test))
        found["suggested"].append(at_steps)
    return {
        name: [statistics.fmean(each) for each in zip(*rows, strict=True)]
        for name, rows in found.items()
    }


def taught_accuracy(data: Set, rows: IntArray, test: IntArray) -> float:
    """Learn from some cases and return the accuracy on others."""
    learned = learn(data.agents, part(data.lessons, rows))
    return accuracy_at(routed(data, learned, test), own_threshold(learned))


def checked_index(data: Set, loop: BackgroundLoop) -> None:
    """Make sure that the package's index learns what the table's figures stand on."""
    learning, test = halves(data.owners, 0)
    registry = Registry(data.registry.agents, examples_of(data, learning))
    embedder = embedded()
    index = LearnedIndex(ExactIndex(registry, embedder), registry, embedder)
    loop.run(index.prepare())
    texts = [data.lessons.texts[row] for row in test.tolist()]
    scores, _ = loop.run(index.search(data.lessons.vectors[test], texts))
    learned = learn(data.agents, part(data.lessons, distinct(data, learning)))
    ours = score_queries(data.lessons.vectors[test], texts, learned)
    if float(np.abs(scores - ours).max()) > 1e-4:  # noqa: PLR2004 - float32 over another batch
        raise SystemExit("the index scores otherwise than the core: the table says nothing")


def show(results: dict[str, dict[str, object]]) -> None:
    """Print the tables of the sets."""
    for kind in ("without_tags", "with_tags"):
        tables = {name: result[kind] for name, result in results.items() if kind in result}
        print(f"\n{kind.replace('_', ' ')}: accuracy in percent, mean and spread over five splits")
        print(f"{'':34}" + "".join(f"{name:>17}" for name in tables))
        names = list(dict.fromkeys(name for each in tables.values() for name in _figures(each)))
        for name in names:
            cells = (_figures(each).get(name) for each in tables.values())
            print(f"{name:34}" + "".join(_cell(cell) for cell in cells))
        print(
            f"{'best simpler way':34}" + "".join(f"{_best(each):>17}" for each in tables.values())
        )
        print(f"{'lead, paired':34}" + "".join(_cell(_lead(each)) for each in tables.values()))
        worst = (f"{_lead(each)['worst_split']:17.1f}" for each in tables.values())
        print(f"{'lead, worst split':34}" + "".join(worst))


def _figures(result: object) -> dict[str, dict[str, float]]:
    return result["figures"] if isinstance(result, dict) else {}


def _lead(result: object) -> dict[str, float]:
    return result["lead"] if isinstance(result, dict) else {}


def _best(result: object) -> str:
    return str(result["best_baseline"])[:16] if isinstance(result, dict) else ""


def _cell(cell: dict[str, float] | None) -> str:
    if cell is None or math.isnan(cell["mean"]):
        return f"{'-':>17}"
    return f"{cell['mean']:10.1f} ± {cell['sd']:4.1f}"


def show_rest(
    few: dict[str, list[dict[str, float]]],
    suggested: dict[str, dict[str, list[float]]],
    times: dict[str, dict[str, float]],
) -> None:
    """Print what is not a table of the sets."""
    print("\nfew examples per agent: accuracy in percent, means over five splits")
    for name, points in few.items():
        for point in points:
            print(f"{name:15}" + "".join(f"  {key} {value:.1f}" for key, value in point.items()))
    print(f"\naccuracy after {', '.join(map(str, STEPS))} labels, means over five splits")
    for name, ways in suggested.items():
        for way, accuracies in ways.items():
            print(f"{name:15}{way:12}" + "".join(f"{each:8.1f}" for each in accuracies))
    for name, figures in times.items():
        print(f"\n{name}: " + "  ".join(f"{key} {value:.3g}" for key, value in figures.items()))


def without_nan(value: object) -> object:
    """Return nested figures with None where a figure does not exist, as JSON wants it."""
    if isinstance(value, dict):
        return {key: without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> None:
    """Print tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    results: dict[str, dict[str, object]] = {}
    few: dict[str, list[dict[str, float]]] = {}
    suggested: dict[str, dict[str, list[float]]] = {}
    times: dict[str, dict[str, float]] = {}
    loop = BackgroundLoop()
    # Two threads on a busy machine take up to ten times as long.
    with tempfile.TemporaryDirectory() as cache, threadpool_limits(1):
        for name in SETS:
            if not (DATA / name / "cases.csv").exists():
                continue
            data = load_set(DATA / name, Path(cache), loop)
            without = split_figures(data, loop, tags=False)
            filtered = split_figures(data, loop, tags=True)
            results[name] = {
                "without_tags": summary(without, without),
                "with_tags": summary(filtered, without),
            }
            few[name] = few_figures(data)
            if name in SUGGESTED_SETS:
                suggested[name] = suggested_figures(data)
            if name == BIG_SET:
                checked_index(data, loop)
                times["learn_seconds"] = learning_seconds(data)
                times["route_ms"] = route_ms(data)
                times["analyse_ms"] = analysis_ms(data, loop)
    loop.close()
    if as_json:
        found = {"sets": results, "few": few, "suggested": suggested} | times
        print(json.dumps(without_nan(found), indent=2, allow_nan=False))
        return
    show(results)
    show_rest(few, suggested, times)


if __name__ == "__main__":
    main()
