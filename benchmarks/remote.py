"""Handoffs through OpenAI's API, the usual design and ours side by side: time and requests.

    python benchmarks/remote.py [--json]

Upstream is `tests/fake_openai` in a process of its own: chat takes 500 ms, embeddings 200 ms,
failures come at once, requests are counted there. A handoff ends with the decision; the agent's
answer is not in it. *usual* is `usual.py`. *ours* gets a new cache folder and a new connection
for every run. Both have the SDK imported and each endpoint called once before the clock starts;
queries are distinct unless said otherwise; there are ten agents (`agents.csv`).

Times are the best of five runs, requests the most of them; the usual design's 100 handoffs run
once, ours through 10 slots (as one batch) twice. On a dead upstream a usual handoff ends by
failing, one of ours by failing or by a decision of the embedded model, which the first run loads.

The last two scenarios have no delays and no times. Requests a minute: the clock jumps, a fifth of
the requests is refused with 429, and retries count. A cap: handoffs follow each other until the
first refusal, 20 more are tried at once, and `spent_usd` is what was paid for all.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, OpenAIError

from benchmarks.scenarios import MANY, SLOTS, Scenario, scenarios
from benchmarks.upstream import FakeClock, StampingServer, Upstream
from benchmarks.usual import CHAT_MODEL, EMBEDDING_MODEL, Usual
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router
from handoff.core.errors import ProviderError, SpendingCapError
from handoff.core.model import Agent, Evidence, Registry
from handoff.core.texts import parse_query
from handoff.files.cases import load_cases
from handoff.files.openai_settings import OpenAISettings
from handoff.files.policy import load_policy
from handoff.files.registry import load_registry
from handoff.files.settings import Settings
from handoff.providers.openai import sdk
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.resilience.limiter import WINDOW_SECONDS
from handoff.resilience.spending import SpendingCap
from handoff.router import Router, judge
from handoff.trace import Trace
from tests.fake_openai import FakeOpenAI

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-benchmark"
WARM_UP = "warm-up"
REQUESTS_A_MINUTE = 60
REFUSED = 0.2
CAP_USD = 0.001
AFTER_REFUSAL = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario's results; None where not measured."""

    scenario: str
    usual_ms: float | None = None
    ours_ms: float | None = None
    usual_requests: int | None = None
    ours_requests: int | None = None
    most_in_a_minute: int | None = None
    handoffs: int | None = None
    spent_usd: float | None = None


async def seconds(work: Awaitable[object]) -> float:
    """Return how long it takes."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


def measure_usual(upstream: Upstream, scenario: Scenario) -> tuple[float, int]:
    """Return the best time in milliseconds and the most requests."""

    async def once() -> tuple[float, int]:
        slots = asyncio.Semaphore(scenario.usual_slots)
        async with AsyncOpenAI(
            base_url=upstream.base_url,
            api_key=KEY,
            max_retries=2,
            timeout=scenario.timeout_seconds,
        ) as client:
            alone = Usual(client, Registry(scenario.registry.agents[:1]))
            usual = Usual(client, scenario.registry)

            async def hand_off(query: str) -> Agent:
                async with slots:
                    return await usual.hand_off(query)

            upstream.begin()
            await alone.hand_off(WARM_UP)
            upstream.begin(scenario.fault)
            works = [hand_off(query) for query in scenario.queries]
            took = await seconds(all_failed(works) if scenario.fault else asyncio.gather(*works))
            return took * 1000, upstream.count()

    with BackgroundLoop() as loop:
        runs = [loop.run(once()) for _ in range(scenario.usual_runs)]
    return min(took for took, _ in runs), max(requests for _, requests in runs)


async def all_failed(works: Sequence[Coroutine[Any, Any, object]]) -> None:
    """Hand off at the same time, each in vain."""
    results = await asyncio.gather(*works, return_exceptions=True)
    if not all(isinstance(result, OpenAIError) for result in results):
        raise RuntimeError("A handoff ended otherwise than a dead upstream makes it end.")


def measure_ours(upstream: Upstream, scenario: Scenario) -> tuple[float, int]:
    """Return the best time in milliseconds and the most requests."""

    async def once(cache_dir: Path) -> tuple[float, int]:
        settings = settings_for(upstream.base_url, cache_dir, scenario.timeout_seconds)
        connection = build_connection(settings)
        if connection is None:
            raise RuntimeError("There is a key, so there is a connection.")
        without_cache = build_router(settings, scenario.registry, connection, on_disk=False)
        router = build_router(settings, scenario.registry, connection)
        upstream.begin()
        await without_cache.tagger.extract([WARM_UP])
        await without_cache.embedder.embed([WARM_UP])
        for query in scenario.before:
            await decide(router, query)
        upstream.begin(scenario.fault)
        if scenario.batch:
            took = await seconds(decide_batch(router, scenario.queries))
        else:
            down = scenario.fault is not None
            works = (decide(router, query, down=down) for query in scenario.queries)
            took = await seconds(asyncio.gather(*works))
        requests = upstream.count()
        await connection.close()
        return took * 1000, requests

    runs = []
    with BackgroundLoop() as loop:
        for _ in range(scenario.ours_runs):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(loop.run(once(Path(folder))))
    return min(took for took, _ in runs), max(requests for _, requests in runs)


async def decide(router: Router, query: str, *, down: bool = False) -> None:
    """Gather for one query and judge; while upstream is down, it may also fail."""
    trace = Trace()
    try:
        evidence = await router.gather(query, trace)
    except ProviderError:
        if not down:
            raise
    else:
        judge_checked(router, evidence, trace, down=down)


async def decide_batch(router: Router, queries: Sequence[str]) -> None:
    """Gather for all queries at once, then judge each."""
    trace = Trace()
    for evidence in await router.gather_many(queries, trace):
        judge_checked(router, evidence, trace, down=False)


def judge_checked(router: Router, evidence: Evidence, trace: Trace, *, down: bool) -> None:
    """Rank and decide; nothing may be degraded but what upstream makes so."""
    if bool(evidence.degraded) is not down:
        raise RuntimeError("A handoff is degraded, or is not, otherwise than its upstream is.")
    policy = load_policy(None, router.embedder.default_threshold)
    judge(evidence, router.registry, router.policy_for(evidence, policy), trace)


def settings_for(
    base_url: str, cache_dir: Path, timeout_seconds: float = 8.0, per_minute: float | None = None
) -> Settings:
    """Return the settings of a visitor with a key, for a server in the place of OpenAI's own."""
    sdk.OWN_ADDRESS = base_url
    return Settings(
        registry=ROOT / "agents.csv",
        cases=None,
        config=None,
        embedder="openai",
        tagger="openai",
        cache_dir=cache_dir,
        openai=OpenAISettings(
            KEY,
            chat_model=CHAT_MODEL,
            embedding_model=EMBEDDING_MODEL,
            timeout_seconds=timeout_seconds,
            concurrency=SLOTS,
            requests_per_minute=per_minute,
        ),
    )


def measure_rate(registry: Registry, queries: Sequence[str]) -> Row:
    """Count requests by the fake clock while some of them are refused."""
    clock = FakeClock()

    async def run(settings: Settings) -> None:
        if settings.openai is None:
            raise RuntimeError("There is a key.")
        cap = SpendingCap(None, name="this process")
        connection = OpenAIConnection(
            settings.openai, load_prices(), cap, clock=clock, sleep=clock.sleep
        )
        router = build_router(settings, registry, connection)
        works = (router.gather(query, Trace()) for query in queries)
        await asyncio.gather(*works, return_exceptions=True)
        await connection.close()

    with (
        StampingServer(clock) as server,
        BackgroundLoop() as loop,
        tempfile.TemporaryDirectory() as folder,
    ):
        server.fail("/v1/", "rate_limited", times=None, probability=REFUSED, retry_after_ms=1)
        loop.run(run(settings_for(server.base_url, Path(folder), per_minute=REQUESTS_A_MINUTE)))
        stamps = list(server.stamps)
    return Row(
        f"{REQUESTS_A_MINUTE} requests a minute allowed, {len(queries)} handoffs, fake clock",
        ours_requests=len(stamps),
        most_in_a_minute=max(
            sum(start <= stamp < start + WINDOW_SECONDS for stamp in stamps) for start in stamps
        ),
    )


def measure_cap(registry: Registry, queries: Sequence[str]) -> Row:
    """Hand off one after the other until the cap refuses, then try some more at once."""

    async def run(settings: Settings) -> tuple[int, float]:
        if settings.openai is None:
            raise RuntimeError("There is a key.")
        cap = SpendingCap(CAP_USD, name="this process")
        connection = OpenAIConnection(settings.openai, load_prices(), cap)
        router = build_router(settings, registry, connection)
        left = iter(queries)
        handoffs = 0
        for query in left:
            try:
                evidence = await router.gather(query, Trace())
            except SpendingCapError:
                break
            if evidence.degraded:
                break
            handoffs += 1
        more = (router.gather(query, Trace()) for query in itertools.islice(left, AFTER_REFUSAL))
        await asyncio.gather(*more, return_exceptions=True)
        await connection.close()
        return handoffs, cap.spent_usd

    with (
        FakeOpenAI() as server,
        BackgroundLoop() as loop,
        tempfile.TemporaryDirectory() as folder,
    ):
        handoffs, spent = loop.run(run(settings_for(server.base_url, Path(folder))))
        requests = len(server.requests)
    return Row(f"cap of ${CAP_USD}", ours_requests=requests, handoffs=handoffs, spent_usd=spent)


def measure() -> list[Row]:
    """Return all rows."""
    ten = load_registry(ROOT / "agents.csv")
    cases = load_cases(ROOT / "cases.csv", ten).cases
    queries = list(dict.fromkeys(parse_query(case.query) for case in cases))
    rows = []
    with Upstream() as upstream:
        for scenario in scenarios(ten, queries):
            usual_ms, usual_requests = (
                measure_usual(upstream, scenario) if scenario.usual_runs else (None, None)
            )
            ours_ms, ours_requests = measure_ours(upstream, scenario)
            rows.append(Row(scenario.name, usual_ms, ours_ms, usual_requests, ours_requests))
    rows.append(measure_rate(ten, queries[:MANY]))
    rows.append(measure_cap(ten, queries))
    return rows


def as_fields(row: Row) -> dict[str, object]:
    """Return a row with the fields of all rows, and of the others those that were measured."""
    common = {"scenario", "usual_ms", "ours_ms", "usual_requests", "ours_requests"}
    fields = asdict(row).items()
    return {name: value for name, value in fields if name in common or value is not None}


def as_line(row: Row) -> str:
    """Return a row of the table."""

    def cell(value: float | None, form: str) -> str:
        return f"{'-' if value is None else format(value, form):>10}"

    extras = [
        f"most in a minute {row.most_in_a_minute}" if row.most_in_a_minute is not None else "",
        f"{row.handoffs} handoffs before the refusal" if row.handoffs is not None else "",
        f"{row.spent_usd:.6f} USD spent" if row.spent_usd is not None else "",
    ]
    cells = [
        cell(row.usual_ms, ",.1f"),
        cell(row.ours_ms, ",.1f"),
        cell(row.usual_requests, ",d"),
        cell(row.ours_requests, ",d"),
    ]
    return "  ".join([f"{row.scenario:62}", *cells, ", ".join(filter(None, extras))]).rstrip()


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = measure()
    if as_json:
        print(json.dumps([as_fields(row) for row in rows]))
        return
    print(f"{'':62}  {'usual ms':>10}  {'ours ms':>10}  {'requests':>10}  {'requests':>10}")
    for row in rows:
        print(as_line(row))


if __name__ == "__main__":
    main()
