"""The same verbs as traces and tasks of Flyte 2; only this file and `on_flyte` import flyte.

What waits on the outside is a trace, what may be retried is a task, the rules are plain functions.
What crosses a boundary is small: ids and texts in, one model out, vectors packed into a text. A
list of floats is never passed, since Flyte makes a literal of each. docs/flyte.md has the figures.

Outside of a run all of them are plain coroutines.
"""

import asyncio
import functools
import json
import logging
import os
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TypeAlias

try:
    import flyte
    import flyte.errors
    import flyte.report
except ModuleNotFoundError:
    raise ImportError("Flyte is not installed: install handoff[flyte].") from None

from handoff.background import BackgroundLoop
from handoff.batch.routing import Cells, route_texts, rows_at_once, trimmed
from handoff.batch.run import Lanes
from handoff.bootstrap import build_connection
from handoff.core.decision import decide_by
from handoff.core.errors import (
    BatchError,
    ProviderError,
    ProviderRejectedError,
    QueryError,
    SettingsError,
    SpendingCapError,
    TableError,
)
from handoff.core.model import (
    Agent,
    Decision,
    Evidence,
    Policy,
    Ranking,
    ThresholdSource,
)
from handoff.core.ranking import rank_by
from handoff.core.texts import parse_query
from handoff.files.cases import load_cases
from handoff.files.policy import parse_threshold
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.on_flyte.environment import RETRIES, NobodySelectedError, env, page
from handoff.on_flyte.running import run_here, run_there
from handoff.on_flyte.values import (
    HandoffResult,
    Scores,
    pack,
    pack_policy,
    result_of,
    scores_of,
    unpack,
    unpack_policy,
)
from handoff.report.route_html import route_to_html
from handoff.report.route_words import headline, reason
from handoff.router import Route, Router
from handoff.trace import Trace, note
from handoff.workbench import Workbench, build_workbench

__all__ = [
    "AGENT_REGISTRY",
    "EXAMPLE_QUERIES",
    "HandoffResult",
    "NobodySelectedError",
    "Scores",
    "agent_handoff_workflow",
    "env",
    "extract_tags_from_query",
    "filter_agents_by_tags",
    "flyte_lanes",
    "get_embeddings",
    "handoff_to_agent",
    "pack",
    "pack_policy",
    "page",
    "route_batch",
    "route_chunk",
    "run_handoff",
    "run_here",
    "score_agents",
    "select_agent",
    "unpack",
]

_LOG = logging.getLogger(__name__)

CHUNKS_AT_ONCE = 10
Number: TypeAlias = float | int
"""Both: Flyte refuses a 1 where only a float is asked for."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a process routes with."""

    router: Router
    policy: Policy


AGENT_REGISTRY: tuple[Agent, ...]
EXAMPLE_QUERIES: list[str]

_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


def __getattr__(name: str) -> object:
    """Read the registry and the queries of the chips when somebody asks for them."""
    if name == "AGENT_REGISTRY":
        return load_registry(load_settings(os.environ).registry).agents
    if name == "EXAMPLE_QUERIES":
        settings = load_settings(os.environ)
        if settings.cases is None:
            return []
        cases = load_cases(settings.cases, load_registry(settings.registry))
        return list(cases.chips.values())
    raise AttributeError(name)


@flyte.trace
async def extract_tags_from_query(query: str) -> list[str] | None:
    """Return at most five tags, best first; None where they could not be extracted."""
    router = _loaded().router
    with _span("extract_tags"):
        try:
            (tags,) = await router.tagger.extract([query])
        except SpendingCapError:
            raise
        except ProviderError as error:
            note(trouble=str(error))
            return None
    return None if tags is None else list(tags)


@flyte.trace
async def get_embeddings(texts: list[str]) -> str:
    """Return the texts' unit vectors in one batch, packed; see `unpack`."""
    with _span("embed_query"):
        return pack(await _loaded().router.embedder.embed(texts))


@flyte.trace
async def score_agents(query: str, agent_ids: list[str]) -> Scores:
    """Compare a query with agents.

    Args:
        query: Any.
        agent_ids: Whom to compare it with; nobody named means everybody, in registry order.
    """
    router = _loaded().router
    with _span("embed_agents"):
        await router.index.prepare()
    vectors = unpack(await get_embeddings([query])).reshape(1, -1)
    with _span("score"):
        scored = await router.score(vectors, [query])
        if scored.positions is not None:
            raise SettingsError("Flyte routes over an exact index: choose one.")
        similarities, lexical = scored.similarities, scored.lexical
        if agent_ids:
            chosen = [router.registry.positions[each] for each in agent_ids]
            similarities, lexical = similarities[:, chosen], lexical[:, chosen]
    return Scores(1, pack(vectors), pack(similarities), pack(lexical))


@flyte.trace
async def handoff_to_agent(agent_id: str, query: str) -> str:
    """Deliver a query to an agent and return its answer."""
    router = _loaded().router
    agent = router.registry.agents[router.registry.positions[agent_id]]
    with _span("hand_off"):
        (answer,) = await router.runner.run([(agent, query)], None)
    return answer


def filter_agents_by_tags(evidence: Evidence, policy: Policy) -> Ranking:
    """Keep the agents that carry an extracted tag, all of them if none does; best first."""
    with _span("filter"):
        ranking = rank_by(evidence, _loaded().router.registry, policy)
        note(count=ranking.candidates)
    return ranking


def select_agent(ranking: Ranking, policy: Policy) -> Decision:
    """Judge the best candidate; a runner-up never takes over."""
    with _span("select"):
        return decide_by(ranking, policy)


@env.task(report=True, retries=RETRIES)
async def agent_handoff_workflow(query: str, threshold: Number | None = None) -> HandoffResult:
    """Decide who takes a query; nobody is a value.

    Args:
        query: What was typed.
        threshold: The least score for a hand-off, from -1 to 1; None for the policy's.
    """
    with _final():
        return await _reported(await _route(query, threshold))


@env.task(report=True, retries=RETRIES)
async def run_handoff(query: str, threshold: Number | None = None) -> HandoffResult:
    """Decide who takes a query, and hand it off.

    Args:
        query: What was typed.
        threshold: The least score for a hand-off, from -1 to 1; None for the policy's.

    Raises:
        NobodySelectedError: Nobody takes it.
    """
    with _final():
        route = await _route(query, threshold)
        if route.decision.agent is None:
            await _reported(route)
            raise NobodySelectedError(f"{headline(route.decision)}. {reason(route)}")
        trace = Trace(earlier=route.spans)
        with _recorded(trace):
            answer = await handoff_to_agent(route.decision.agent.id, route.evidence.query)
        return await _reported(replace(route, answer=answer, spans=trace.spans))


@env.task(retries=RETRIES)
async def route_chunk(texts: str, policy: str) -> str:
    """Route some of a batch.

    Args:
        texts: What was typed, as a JSON array.
        policy: As `pack_policy` returned it; empty for the one in use here.

    Returns:
        A JSON array with the cells of `batch.routing.COLUMNS`, one row a text.
    """
    with _final():
        loaded = _loaded()
        judging = loaded.policy if not policy else unpack_policy(policy, loaded.router)
        rows = await route_texts(trimmed(loaded.router, judging), judging, json.loads(texts))
    return json.dumps(rows)


@env.task(retries=RETRIES)
async def route_batch(texts: str, policy: str = "") -> str:
    """Route many texts, chunk beside chunk; nothing is handed off.

    Args:
        texts: As `route_chunk` takes them, as many as you like.
        policy: The same.

    Returns:
        As `route_chunk` does.
    """
    with _final():
        every: list[str] = json.loads(texts)
        size = rows_at_once(len(_loaded().router.registry))
        chunks = [json.dumps(every[at : at + size]) for at in range(0, len(every), size)]
    rows: list[Cells] = []
    async for routed in flyte.map.aio(
        route_chunk,
        chunks,
        [policy] * len(chunks),
        group_name="route-batch",
        concurrency=CHUNKS_AT_ONCE,
        return_exceptions=False,
    ):
        if isinstance(routed, Exception):
            raise routed
        rows += json.loads(routed)
    return json.dumps(rows)


@contextmanager
def flyte_lanes(bench: Workbench, policy: Policy) -> Generator[Lanes]:
    """Route a batch on Flyte: here in its local mode, or where HANDOFF_FLYTE_CONFIG leads.

    Args:
        bench: What is routed on; the workers must have the same agents.
        policy: How to judge.

    Raises:
        BatchError: A run failed.
    """
    os.environ["HANDOFF_REGISTRY"] = str(bench.settings.registry)
    config = os.environ.get("HANDOFF_FLYTE_CONFIG")
    if config:
        flyte.init_from_config(config)
    packed = pack_policy(policy, bench.router)
    run = run_there if config else run_here

    def route(texts: Sequence[str]) -> list[Cells]:
        try:
            rows: list[Cells] = json.loads(run(route_batch, texts=json.dumps(texts), policy=packed))
        except flyte.errors.BaseRuntimeError as failure:
            raise BatchError(f"Flyte could not route a chunk ({failure.code}): {failure}") from None
        return rows

    with ThreadPoolExecutor(1) as thread:

        def submit(texts: Sequence[str]) -> Future[list[Cells]]:
            return thread.submit(route, texts)

        yield Lanes(submit, CHUNKS_AT_ONCE * rows_at_once(len(bench.registry)), in_flight=1)


async def _route(query: str, threshold: float | None) -> Route:
    """Gather by traces, at the same time, and judge by the rules."""
    loaded = _loaded()
    text, policy = parse_query(query), loaded.policy
    if threshold is not None:
        limit = parse_threshold(repr(float(threshold)))
        policy = replace(policy, threshold=limit, source=ThresholdSource.ARGUMENT)
    trace = Trace()
    with flyte.group("agent-selection"), _recorded(trace):
        try:
            async with asyncio.TaskGroup() as tasks:
                tagging = tasks.create_task(extract_tags_from_query(text))
                scoring = tasks.create_task(score_agents(text, []))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        scored = scores_of(scoring.result())
        evidence = loaded.router.evidence_of([text], [tagging.result()], scored)[0]
        ranking = filter_agents_by_tags(evidence, policy)
        decision = select_agent(ranking, policy)
    return Route(evidence, policy, ranking, decision, trace.spans)


async def _reported(route: Route) -> HandoffResult:
    """Show a route in Flyte's report, and return it as a result."""
    if flyte.ctx():
        await flyte.report.replace.aio(route_to_html(route, _loaded().router), do_flush=True)
    return result_of(route)


def _loaded() -> _Loaded:
    return _loaded_on(asyncio.get_running_loop())


@functools.lru_cache(maxsize=4)
def _loaded_on(_: asyncio.AbstractEventLoop) -> _Loaded:
    """Load registry, policy and providers, once a loop, since locks and clients belong to one."""
    settings = load_settings(os.environ)
    # Its own loop stays idle: Flyte's runs the coroutines.
    bench = build_workbench(settings, build_connection(settings), BackgroundLoop())
    policy, stale = bench.policy_or_default()
    if stale is not None:
        # The file ships for the embedded model; a key alone makes it stale.
        _LOG.warning(stale.passed_over)
    return _Loaded(bench.router, policy)


@contextmanager
def _final() -> Generator[None]:
    """Keep Flyte from trying again what would fail again."""
    try:
        yield
    except (
        QueryError,
        SettingsError,
        TableError,
        ProviderRejectedError,
        SpendingCapError,
    ) as error:
        if not flyte.ctx():
            raise
        name = type(error).__name__
        raise flyte.errors.NonRecoverableError(str(error), code=name) from None


@contextmanager
def _recorded(trace: Trace) -> Generator[None]:
    """Let the steps inside put their spans on a trace."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


def _span(name: str) -> AbstractContextManager[None]:
    trace = _trace.get()
    return nullcontext() if trace is None else trace.span(name)
