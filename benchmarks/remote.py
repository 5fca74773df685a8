"""Handoffs through OpenAI's API, the usual design and ours side by side: time and requests.

    python benchmarks/remote.py [--json]

Upstream is `tests/fake_openai.py` in a process of its own: chat takes 500 ms, embeddings 200 ms,
failures come at once, requests are counted there. A handoff ends with the decision; the agent's
answer is not in it. *usual* is `Usual`, below. *ours* gets a new cache folder and a new connection
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
import multiprocessing
import tempfile
import time
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from openai import AsyncOpenAI, OpenAIError
from pydantic import Field, create_model

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router
from handoff.core.errors import ProviderError, SpendingCapError
from handoff.core.model import Agent, Evidence, Registry
from handoff.core.texts import agent_text, parse_query
from handoff.files.cases import load_cases
from handoff.files.policy import load_policy
from handoff.files.registry import load_registry
from handoff.files.settings import OpenAISettings, Settings
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.prices import load_prices
from handoff.providers.openai.tagger import PROMPT
from handoff.resilience.limiter import WINDOW_SECONDS
from handoff.resilience.spending import SpendingCap
from handoff.router import Router, judge
from handoff.trace import Trace
from tests.fake_openai import FakeOpenAI, Fault, Json, Receive, Send

ROOT = Path(__file__).resolve().parents[1]
CHAT_SECONDS, EMBEDDINGS_SECONDS = 0.5, 0.2
KEY = "sk-benchmark"
CHAT_MODEL, EMBEDDING_MODEL = "gpt-4o-mini", "text-embedding-3-small"
WARM_UP = "warm-up"
MANY = 100
SLOTS = 10
REQUESTS_A_MINUTE = 60
REFUSED = 0.2
SETTLED_SECONDS = 0.05
CAP_USD = 0.001
AFTER_REFUSAL = 20


# Upstream


def serve(pipe: "Connection[Any, Any]") -> None:
    """Serve until told to stop; a list begins a scenario with its faults, "count" asks."""
    with FakeOpenAI(
        chat_delay_seconds=CHAT_SECONDS, embeddings_delay_seconds=EMBEDDINGS_SECONDS
    ) as server:
        pipe.send(server.base_url)
        while (said := pipe.recv()) != "stop":
            if said == "count":
                pipe.send(len(server.requests))
                continue
            server.mend()
            server.clear()
            for fault, details in said:
                server.fail("/v1/", fault, times=None, **details)
            pipe.send("ready")


class Upstream:
    """The fake OpenAI in a process of its own."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        self.base_url: str = self._pipe.recv()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.send("stop")
        self._process.join()

    def begin(self, fault: Fault | None = None) -> None:
        """Count from zero, with every request meeting this fault."""
        details = {"status": 503} if fault == "server_error" else {}
        self._pipe.send([] if fault is None else [(fault, details)])
        self._pipe.recv()

    def count(self) -> int:
        """Return how many requests came since."""
        self._pipe.send("count")
        return int(self._pipe.recv())


# What is compared


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked of both designs.

    Attributes:
        name: As printed.
        queries: Handed off at the same time.
        registry: The agents.
        before: Handed off by ours before the clock starts; the usual design remembers nothing.
        batch: The queries come to ours as one batch.
        fault: What every request meets once the clock starts.
        timeout_seconds: For one attempt, of both.
        usual_slots: How many handoffs the usual design has under way at most.
        usual_runs: 0 for not measured.
        ours_runs: At least one.
    """

    name: str
    queries: Sequence[str]
    registry: Registry
    before: Sequence[str] = ()
    batch: bool = False
    fault: Fault | None = None
    timeout_seconds: float = 8.0
    usual_slots: int = MANY
    usual_runs: int = 5
    ours_runs: int = 5


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


@dataclass(frozen=True, slots=True)
class Usual:
    """Tags, then the query's vector, then a request for each agent's; nothing is kept."""

    client: AsyncOpenAI
    registry: Registry

    async def hand_off(self, query: str) -> Agent:
        """Return the most similar agent of those with a fitting tag."""
        one_of: Any = Literal.__getitem__(self.registry.vocabulary)
        tags: Any = (list[one_of], Field(max_length=5))
        answer = await self.client.chat.completions.parse(
            model=CHAT_MODEL,
            messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": query}],
            response_format=create_model("Tags", tags=tags),
        )
        parsed: Any = answer.choices[0].message.parsed
        vector = await self.embed(query)
        vectors = await asyncio.gather(
            *(self.embed(agent_text(agent)) for agent in self.registry.agents)
        )
        scored = zip(np.stack(vectors) @ vector, self.registry.agents, strict=True)
        ranked = [agent for _, agent in sorted(scored, key=lambda pair: -pair[0])]
        fitting = (agent for agent in ranked if set(agent.tags) & set(parsed.tags))
        return next(fitting, ranked[0])

    async def embed(self, text: str) -> Any:  # noqa: ANN401 - an array of whatever came
        """Return the vector of one text."""
        reply = await self.client.embeddings.create(model=EMBEDDING_MODEL, input=text)
        return np.array(reply.data[0].embedding, dtype=np.float32)


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
    """Return the settings of a visitor with a key."""
    return Settings(
        registry=ROOT / "agents.csv",
        cases=None,
        config=None,
        embedder="openai",
        tagger="openai",
        cache_dir=cache_dir,
        openai=OpenAISettings(
            KEY,
            base_url,
            chat_model=CHAT_MODEL,
            embedding_model=EMBEDDING_MODEL,
            timeout_seconds=timeout_seconds,
            concurrency=SLOTS,
            requests_per_minute=per_minute,
        ),
    )


# Limits, on ours alone


class StampingServer(FakeOpenAI):
    """A server on a thread that notes when requests came, by the fake clock."""

    def __init__(self, clock: "FakeClock") -> None:
        super().__init__()
        self._clock = clock
        self.stamps: list[float] = []
        clock.stamps = self.stamps

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """Note the time, then serve."""
        self.stamps.append(self._clock())
        await super().__call__(scope, receive, send)


class FakeClock:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.stamps: list[float] = []
        self._now = 0.0

    def __call__(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    async def sleep(self, length: float) -> None:
        """Let requests under way arrive, then jump."""
        arrived = -1
        while arrived != len(self.stamps):
            arrived = len(self.stamps)
            await asyncio.sleep(SETTLED_SECONDS)
        self._now += length


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


# All together


def scenarios(ten: Registry, queries: Sequence[str]) -> list[Scenario]:
    """Return what is measured on both, or on ours with times."""
    hundred = Registry(
        tuple(
            replace(agent, id=f"{agent.id}-{copy}", name=f"{agent.name} {copy}")
            for copy in range(10)
            for agent in ten.agents
        )
    )
    one, other = queries[:1], queries[1:2]
    many = queries[:MANY]
    dead = Scenario(
        f"dead upstream (503), {MANY} handoffs",
        many,
        ten,
        fault="server_error",
        usual_slots=SLOTS,
        usual_runs=1,
    )
    return [
        Scenario("one handoff, cold registry", one, ten),
        Scenario("one handoff, warm registry", one, ten, before=other),
        Scenario("the same query again", one, ten, before=one, usual_runs=0),
        Scenario("10 in parallel", queries[:10], ten),
        Scenario("10 identical in parallel", [*one] * 10, ten),
        Scenario(
            f"{MANY} through {SLOTS} slots",
            many,
            ten,
            batch=True,
            usual_slots=SLOTS,
            usual_runs=1,
            ours_runs=2,
        ),
        Scenario("100 agents, cold", one, hundred),
        dead,
        replace(
            dead,
            name=f"dead upstream (hang, 1 s timeout), {MANY} handoffs",
            fault="hang",
            timeout_seconds=1.0,
        ),
    ]


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
