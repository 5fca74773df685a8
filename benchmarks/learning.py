"""What labelled queries add to routing, beside simpler ways to use them, on public sets.

    python benchmarks/learning.py [--json]

Five seeded, stratified splits a set: half of the cases, at most 1,500, to learn from and to choose
the threshold on; the rest to test. A case that nobody should take is right when nobody is selected.
`HANDOFF_DATA` names the folder of public sets (default: ../shared/data beside this checkout).
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.learning import NOBODY, Learned, Lessons, best_threshold, learn, score_queries
from handoff.core.model import (
    BoolArray,
    Example,
    FloatArray,
    IntArray,
    Policy,
    Registry,
    ThresholdSource,
)
from handoff.core.tags import carriers_of
from handoff.core.texts import agent_text
from handoff.core.word_overlap import normal_form
from handoff.evaluation.analysis import analyse
from handoff.evaluation.counts import count, endings
from handoff.evaluation.goal import Aim, Goal, choose
from handoff.evaluation.judged import Judged, judge_scores, rank_cases, settle
from handoff.evaluation.own_thresholds import fit_own
from handoff.evaluation.proof import part
from handoff.evaluation.run import Run, gather_cases, label_run
from handoff.evaluation.suggest import suggest
from handoff.evaluation.sweep import auroc, sweep, top1
from handoff.evaluation.sweep import best_threshold as swept_threshold
from handoff.files.cases import Case, load_cases
from handoff.files.examples import Labelled as Line
from handoff.files.examples import collect_examples
from handoff.files.registry import load_registry
from handoff.files.settings import Settings, load_settings
from handoff.index.exact import ExactIndex
from handoff.providers.local import LocalEmbedder, LocalTagExtractor
from handoff.router import Router

LOCAL = {"HANDOFF_EMBEDDER": "local", "HANDOFF_TAGGER": "local"}
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
SETS = ("clinc150", "clinc_domains", "hwu64", "metatool")
BIG_SET = "clinc150"
SUGGESTED_SETS = ("clinc_domains", "metatool")
SEEDS = range(5)
MOST = 1_500
FEW = (1, 2, 5, 10, 20, 40)
STEPS = (50, 100, 200)
AT_ONCE = 50
ROUTES = 300
CHANGES = 30
EVERYBODY = -1.0
METHOD = "learned"
DESCRIPTION = "no threshold"
RECOMMENDED = "learned, recommended threshold"
"""With the threshold that `handoff eval` recommends instead of the method's own."""

Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """One public set, embedded.

    Attributes:
        registry: Its agents.
        settings: The embedded model for both providers.
        cases: Its labelled queries.
        agents: The agents' unit rows, shape (agents, d).
        lessons: All cases as arrays.
    """

    registry: Registry
    settings: Settings
    cases: tuple[Case, ...]
    agents: FloatArray
    lessons: Lessons

    @property
    def owners(self) -> IntArray:
        """Who should take each case, or `NOBODY`, shape (cases,)."""
        return self.lessons.owners


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of one way to route, for both halves.

    Attributes:
        learning: What the threshold is chosen on, shape (learning cases, agents).
        test: What is reported, shape (test cases, agents).
        nobody_learning: How like nobody's example each case is; None where that is not compared.
        nobody_test: Likewise.
    """

    learning: FloatArray
    test: FloatArray
    nobody_learning: FloatArray | None = None
    nobody_test: FloatArray | None = None


def load_set(folder: Path, cache_dir: Path, loop: BackgroundLoop) -> Set:
    """Read a folder's registry and cases, and embed both."""
    settings = load_settings(LOCAL | {"HANDOFF_CACHE_DIR": str(cache_dir)}, folder / "agents.csv")
    registry = load_registry(settings.registry)
    cases = load_cases(folder / "cases.csv", registry).cases
    texts = [agent_text(agent) for agent in registry.agents]
    queries = tuple(case.query for case in cases)
    rows = loop.run(LocalEmbedder().embed([*texts, *queries]))
    owners = [
        NOBODY if case.expected is None else registry.positions[case.expected] for case in cases
    ]
    lessons = Lessons(queries, rows[len(texts) :], np.array(owners, dtype=np.intp))
    return Set(registry, settings, cases, rows[: len(texts)], lessons)


def halves(owners: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Return the rows to learn from, at most `MOST`, and the rows of the other half."""
    random = np.random.default_rng(seed)
    learning = np.sort(stratified(owners, random)[: len(owners) // 2])
    test = np.setdiff1d(np.arange(len(owners)), learning)
    if len(learning) > MOST:
        learning = learning[stratified(owners[learning], random)[:MOST]]
    return np.sort(learning), test


def stratified(owners: IntArray, random: np.random.Generator) -> IntArray:
    """Return all rows in an order whose every beginning holds each owner's share."""
    keys = np.empty(len(owners))
    shuffled = random.permutation(len(owners))
    for owner in np.unique(owners):
        members = shuffled[owners[shuffled] == owner]
        keys[members] = (np.arange(len(members)) + random.random()) / len(members)
    return np.argsort(keys, kind="stable")


def baselines(data: Set, learning: IntArray) -> dict[str, Callable[[IntArray], Scored]]:
    """Return the simpler ways to score, each from its test rows to its scores."""
    agents, lessons = data.agents, part(data.lessons, learning)

    def described(test: IntArray) -> Scored:
        return Scored(lessons.vectors @ agents.T, data.lessons.vectors[test] @ agents.T)

    def centroid_held_out(test: IntArray) -> Scored:
        centres = centroids(agents, lessons)
        own = centroids_without(agents, lessons)
        return Scored(own, data.lessons.vectors[test] @ centres.T)

    def centroid_same(test: IntArray) -> Scored:
        centres = centroids(agents, lessons)
        return Scored(lessons.vectors @ centres.T, data.lessons.vectors[test] @ centres.T)

    def nearest_agents(test: IntArray) -> Scored:
        held_out, _ = nearest(lessons.vectors, agents, lessons, held_out=True)
        scores, _ = nearest(data.lessons.vectors[test], agents, lessons)
        return Scored(held_out, scores)

    def nearest_or_nobody(test: IntArray) -> Scored:
        held_out, nobody = nearest(lessons.vectors, agents, lessons, held_out=True)
        scores, other = nearest(data.lessons.vectors[test], agents, lessons)
        return Scored(held_out, scores, nobody, other)

    return {
        "description": described,
        "centroid, held out": centroid_held_out,
        "centroid, same data": centroid_same,
        "one-nearest": nearest_agents,
        "one-nearest, nobody too": nearest_or_nobody,
    }


def centroids(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Return the unit mean of each agent's text and examples, shape (agents, d)."""
    return unit_rows(sums_of(agents, lessons))


def centroids_without(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Score the examples by centroids that each of them is left out of, (examples, agents)."""
    sums = sums_of(agents, lessons)
    scores = lessons.vectors @ unit_rows(sums).T
    for row in np.flatnonzero(lessons.owners != NOBODY).tolist():
        own = int(lessons.owners[row])
        without = unit_rows((sums[own] - lessons.vectors[row])[None, :])[0]
        scores[row, own] = lessons.vectors[row] @ without
    return np.asarray(scores, dtype=np.float32)


def sums_of(agents: FloatArray, lessons: Lessons) -> FloatArray:
    """Add every example to its owner's vector, shape (agents, d)."""
    owned = lessons.owners != NOBODY
    sums = agents.copy()
    np.add.at(sums, lessons.owners[owned], lessons.vectors[owned])
    return sums


def unit_rows(rows: FloatArray) -> FloatArray:
    """Scale rows to length one; rows of nothing stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)


def nearest(
    vectors: FloatArray, agents: FloatArray, lessons: Lessons, *, held_out: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Score by the nearest of an agent's text and examples.

    Returns:
        Shape (queries, agents), and the likeness to nobody's nearest example, shape (queries,).
    """
    cosines = vectors @ lessons.vectors.T
    if held_out:
        np.fill_diagonal(cosines, -2)
    scores = vectors @ agents.T
    nobody = np.full(len(vectors), -1, dtype=np.float32)
    for owner in np.unique(lessons.owners).tolist():
        best = cosines[:, lessons.owners == owner].max(axis=1)
        if owner == NOBODY:
            nobody = best
        else:
            scores[:, owner] = np.maximum(scores[:, owner], best)
    return scores, nobody


class Filter:
    """The project's tag filter in front of any way to score, as the descriptions feed it.

    Fed with a way's own scores it never removes the best agent, and changes no ending: the first
    tag is one of the best agent's. The table without tags holds these figures already.
    """

    def __init__(self, data: Set, loop: BackgroundLoop, *, on: bool) -> None:
        """Find whom the filter removes from each case; nobody where it is off."""
        self._removed = np.zeros((len(data.cases), len(data.registry)), dtype=np.bool_)
        if not on:
            return
        embedder = LocalEmbedder()
        extractor = LocalTagExtractor(data.registry, embedder, ExactIndex(data.registry, embedder))
        extracted = loop.run(extractor.extract(data.lessons.texts))
        known: dict[tuple[str, ...], BoolArray] = {}
        for row, tags in enumerate(each or () for each in extracted):
            if tags not in known:
                known[tags] = carriers_of(tags, data.registry)
            self._removed[row] = ~known[tags] & known[tags].any()

    def __call__(self, scores: FloatArray, rows: IntArray) -> FloatArray:
        """Return the scores of cases, minus infinity for whom the filter removes."""
        return np.where(self._removed[rows], np.float32(-np.inf), scores)


def judged_of(scores: FloatArray, owners: IntArray, nobody: FloatArray | None = None) -> Judged:
    """Judge scores that are kept; where nobody's example is nearer than any agent, nobody wins."""
    candidates = scores.copy()
    if nobody is not None:
        candidates[nobody > scores.max(axis=1)] = EVERYBODY
    return judge_scores(candidates, owners)


def accuracy_at(judged: Judged, threshold: float) -> float:
    """Return the share of cases that end as their label says."""
    return count(endings(judged, threshold)).accuracy


def exact_threshold(judged: Judged) -> float:
    """Return the threshold with the most right answers; none where every case has an agent."""
    if judged.in_scope.all():
        return EVERYBODY
    swept = sweep(judged)
    return swept_threshold(swept, swept.accuracy)


def baseline_accuracies(
    data: Set, learning: IntArray, test: IntArray, keep: Filter
) -> dict[str, float]:
    """Return the accuracy of every simpler way on the test half."""
    found: dict[str, float] = {}
    owners, expected = data.owners[learning], data.owners[test]
    for name, way in baselines(data, learning).items():
        scored = way(test)
        known = judged_of(keep(scored.learning, learning), owners, scored.nobody_learning)
        asked = judged_of(keep(scored.test, test), expected, scored.nobody_test)
        threshold = exact_threshold(known)
        if name == "description":
            own = fit_own(known, threshold, len(data.registry), 1.0)
            found[DESCRIPTION] = accuracy_at(asked, EVERYBODY)
            found["exact global threshold"] = accuracy_at(asked, threshold)
            found["per-agent thresholds"] = accuracy_at(settle(asked, 0.0, own), threshold)
        else:
            found[name] = accuracy_at(asked, threshold)
    return found


def examples_of(data: Set, rows: IntArray) -> tuple[Example, ...]:
    """Return cases as examples, the way a file of them is read: near-duplicates count once."""
    lines = (
        Line(data.cases[row].line, data.cases[row].query, data.cases[row].expected)
        for row in rows.tolist()
    )
    return collect_examples(lines, "cases.csv").examples


def distinct(data: Set, rows: IntArray) -> IntArray:
    """Return the first rows of near-duplicates."""
    first: dict[str, int] = {}
    for row in rows.tolist():
        first.setdefault(normal_form(data.lessons.texts[row]), row)
    return np.array(list(first.values()), dtype=np.intp)


def routed(data: Set, learned: Learned, rows: IntArray) -> Judged:
    """Judge cases by what was learned, without a filter."""
    texts = [data.lessons.texts[row] for row in rows.tolist()]
    scores = score_queries(data.lessons.vectors[rows], texts, learned)
    return judge_scores(scores, data.owners[rows])


def own_threshold(learned: Learned) -> float:
    """Return the threshold that the examples ask for."""
    return EVERYBODY if learned.threshold is None else learned.threshold


def taught_router(data: Set, rows: IntArray, *, on_disk: bool = True) -> Router:
    """Join the package's own parts on the registry with some cases as examples."""
    registry = Registry(data.registry.agents, examples_of(data, rows))
    return build_router(data.settings, registry, None, on_disk=on_disk)


async def gathered(router: Router, cases: Sequence[Case]) -> Run:
    """Gather evidence as an evaluation does: what is an example is scored as if it were none."""
    run = Run(tuple(cases))
    async for grown in gather_cases(router, cases):
        run = grown
    return run


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
    columns = np.where(known.in_scope, np.where(known.correct, 0, 1), NOBODY)
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
            plain = judge_scores(data.lessons.vectors[test] @ data.agents.T, data.owners[test])
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


def few_rows(owners: IntArray, rows: IntArray, each: int, seed: int) -> IntArray:
    """Return at most so many rows an agent, and of nobody's the same share as of the others."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    kept: list[int] = []
    seen: dict[int, int] = {}
    for row in shuffled[owners[shuffled] != NOBODY].tolist():
        owner = int(owners[row])
        if seen.get(owner, 0) < each:
            seen[owner] = seen.get(owner, 0) + 1
            kept.append(row)
    nobodies = shuffled[owners[shuffled] == NOBODY]
    share = len(kept) / (len(rows) - len(nobodies))
    taken = nobodies[: math.ceil(share * len(nobodies))].tolist()
    return np.array([*kept, *taken], dtype=np.intp)


def few_figures(data: Set) -> list[dict[str, float]]:
    """Return accuracies by how many examples an agent has, at most; means over the splits."""
    points: list[dict[str, float]] = []
    for each in FEW:
        figures: Figures = {}
        for seed in SEEDS:
            learning, test = halves(data.owners, seed)
            rows = distinct(data, few_rows(data.owners, learning, each, seed))
            learned = learn(data.agents, part(data.lessons, rows))
            judged = routed(data, learned, test)
            found = {
                "examples": len(rows),
                DESCRIPTION: accuracy_at(
                    judge_scores(data.lessons.vectors[test] @ data.agents.T, data.owners[test]),
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


def learning_seconds(data: Set) -> dict[str, float]:
    """Return what learning from 1,500 examples takes, choice of rules included; best of three."""
    learning, _ = halves(data.owners, 0)
    lessons = part(data.lessons, distinct(data, learning))
    walls, processors = [], []
    for _ in range(3):
        wall, processor = time.perf_counter(), time.process_time()
        learn(data.agents, lessons)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return {"examples": len(lessons), "wall": min(walls), "processor": min(processors)}


def route_ms(data: Set) -> dict[str, float]:
    """Return the median of warm routes with and without examples, in turn, nothing cached."""
    learning, test = halves(data.owners, 0)
    plain = build_router(data.settings, data.registry, None, on_disk=False)
    taught = taught_router(data, learning, on_disk=False)
    policy = Policy(1.0, ThresholdSource.ARGUMENT)
    times: dict[str, list[float]] = {"without": [], "with": []}

    async def route_all() -> None:
        for router in (plain, taught):
            await router.route(data.lessons.texts[test[0]], policy)
        for row in test[:ROUTES].tolist():
            for name, router in (("without", plain), ("with", taught)):
                # Two spaces are another text: what the other router pooled does not help.
                query = data.lessons.texts[row] + ("" if name == "with" else " ")
                started = time.perf_counter()
                await router.route(query, policy)
                times[name].append(time.perf_counter() - started)

    asyncio.run(route_all())
    medians = {name: 1000 * statistics.median(values) for name, values in times.items()}
    return medians | {"more": medians["with"] - medians["without"]}


def analysis_ms(data: Set, loop: BackgroundLoop) -> dict[str, float]:
    """Return what `analyse` takes over all cases with examples, median and worst."""
    learning, _ = halves(data.owners, 0)
    router = taught_router(data, learning)
    labelled = label_run(loop.run(gathered(router, data.cases)), router.registry)
    times = []
    for change in range(CHANGES):
        policy = Policy((change + 1) / 100, ThresholdSource.ARGUMENT, use_tags=bool(change % 2))
        started = time.perf_counter()
        analyse(labelled, policy)
        times.append(1000 * (time.perf_counter() - started))
    return {"cases": len(labelled), "median": statistics.median(times), "worst": max(times)}


def checked_index(data: Set, loop: BackgroundLoop) -> None:
    """Make sure that the package's index learns what the table's figures stand on."""
    learning, test = halves(data.owners, 0)
    registry = Registry(data.registry.agents, examples_of(data, learning))
    index = ExactIndex(registry, LocalEmbedder())
    loop.run(index.prepare())
    texts = [data.lessons.texts[row] for row in test.tolist()]
    scores, _ = index.search(data.lessons.vectors[test], texts)
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
    print("\nfew examples an agent: accuracy in percent, means over five splits")
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
