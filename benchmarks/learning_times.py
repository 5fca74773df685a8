"""What learning from examples costs, on the large set: part of `python benchmarks/learning.py`."""

import asyncio
import statistics
import time

from benchmarks.labelled_set import Set, distinct, gathered, halves, taught_router
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.learning import learn
from handoff.core.model import Policy, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.proof import part
from handoff.evaluation.run import label_run

ROUTES = 300
CHANGES = 30


def learning_seconds(data: Set) -> dict[str, float]:
    """Return what learning from 1,500 examples takes, in seconds; best of three."""
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
