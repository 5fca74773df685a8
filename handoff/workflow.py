"""The same verbs as traces and tasks of Flyte 2; the only file that imports flyte.

What waits on the outside is a trace, what may be retried is a task, the rules are plain functions.
What crosses a boundary is small: ids and texts in, one model out, vectors packed into a text. A
list of floats is never passed, since Flyte makes a literal of each. docs/flyte.md has the figures.

Outside of a run all of them are plain coroutines.
"""

import asyncio
import base64
import functools
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

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
from handoff.core.lexical import lexical_scores
from handoff.core.model import (
    Agent,
    Decision,
    Evidence,
    FloatArray,
    Policy,
    Ranking,
    ThresholdSource,
)
from handoff.core.ranking import rank_by
from handoff.core.texts import parse_query
from handoff.files.cases import load_cases
from handoff.files.policy import Ground, parse_threshold
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.report.route_html import route_to_html
from handoff.report.route_json import plain_score
from handoff.report.route_words import headline, reason
from handoff.router import Route, Router
from handoff.trace import Trace, note
from handoff.workbench import Workbench, build_workbench

try:
    import flyte
    import flyte.app
    import flyte.errors
    import flyte.report
except ModuleNotFoundError:
    raise ImportError("Flyte is not installed: install handoff[flyte].") from None

ROOT = Path(__file__).resolve().parents[1]
SHOWN = 10
"""So many agents of a ranking are in a result."""
CHUNKS_AT_ONCE = 10
PORT = int(os.environ.get("HANDOFF_FLYTE_PORT") or 8080)
Number: TypeAlias = float | int
"""Both: Flyte refuses a 1 where only a float is asked for."""
LOCAL_RUNS = Path("/tmp/flyte/metadata")  # noqa: S108 - where Flyte keeps local runs


def _image() -> flyte.Image:
    """Describe the container: the project's dependencies; its code travels in Flyte's bundle."""
    base = flyte.Image.from_debian_base(name="agent-handoff")
    project = ROOT / "pyproject.toml"
    if project.exists():
        return base.with_uv_project(project, extra_args="--extra flyte --extra openai")
    return base.with_pip_packages(f"handoff[flyte,openai]=={version('handoff')}")


def _reuse() -> flyte.ReusePolicy | None:
    """Keep containers warm where the backend can; open-source Flyte cannot."""
    if os.environ.get("HANDOFF_FLYTE_REUSE") != "1":
        return None
    return flyte.ReusePolicy(replicas=(1, 5), concurrency=10, idle_ttl=1800)


def _files() -> tuple[str, ...]:
    """Return what a worker needs beside the modules that are loaded here."""
    named = (
        *("agents.csv", "cases.csv", "examples.csv", "handoff.toml"),
        *("app.py", ".streamlit/config.toml", "handoff"),
    )
    return tuple(str(ROOT / name) for name in named if (ROOT / name).exists())


def _variables() -> dict[str, str]:
    """Return the settings that hold on the workers too; the key is a secret, not one of them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("HANDOFF_") and name not in {"HANDOFF_CACHE_DIR", "HANDOFF_DATA"}
    }


env = flyte.TaskEnvironment(
    "agent-handoff",
    resources=flyte.Resources(cpu=2, memory="2Gi"),
    secrets=[flyte.Secret(key="openai-api-key", as_env_var="OPENAI_API_KEY")],
    image=_image(),
    env_vars=_variables(),
    include=_files(),
    reusable=_reuse(),
)
RETRIES = flyte.RetryStrategy(
    count=3,
    backoff=flyte.Backoff(base=timedelta(seconds=0.5), factor=2.0, cap=timedelta(seconds=10)),
)

page = flyte.app.AppEnvironment(
    name="handoff-page",
    image=_image(),
    # A container is reached from outside of it.
    args=[
        *("streamlit", "run", "app.py", "--server.headless=true"),
        *(f"--server.port={PORT}", "--server.address=0.0.0.0"),
    ],
    port=PORT,
    resources=flyte.Resources(cpu=1, memory="1Gi"),
    secrets=[flyte.Secret(key="openai-api-key", as_env_var="OPENAI_API_KEY")],
    env_vars=_variables(),
    include=_files(),
)


@dataclass(frozen=True, slots=True)
class Scores:
    """How similar a query is to agents; arrays are packed, see `unpack`.

    Attributes:
        version: Of this form.
        vector: The query's, shape (dimensions,).
        similarities: One an agent that was asked for, in that order.
        lexical: The same.
    """

    version: int
    vector: str
    similarities: str
    lexical: str


@dataclass(frozen=True, slots=True)
class HandoffResult:
    """What became of a query.

    Attributes:
        version: Of this form.
        query: As it was embedded.
        outcome: `selected`, `below_threshold` or `ambiguous`.
        selected_agent: Its id; None where nobody takes the query.
        best_score: The best candidate's.
        threshold: The one that judged it.
        margin: Best minus second candidate; None with a single candidate.
        extracted_tags: Best first.
        filtered_count: How many agents are candidates.
        all_scores: The best ones' scores by id, candidates first.
        degraded: The stages that were skipped because their provider is down.
        handoff_successful: Whether somebody takes it.
        error_message: Why nobody does; empty where somebody does.
        answer: The agent's; None where it was not asked.
    """

    version: int
    query: str
    outcome: str
    selected_agent: str | None
    best_score: float
    threshold: float
    margin: float | None
    extracted_tags: list[str]
    filtered_count: int
    all_scores: dict[str, float]
    degraded: list[str]
    handoff_successful: bool
    error_message: str
    answer: str | None


class NobodySelectedError(flyte.errors.NonRecoverableError):
    """Nobody takes a query that was to be handed off; another try would end the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="NobodySelectedError")


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
        similarities, positions = await router.index.search(vectors, [query])
        lexical = lexical_scores([query], router.lexicon)
        if positions is not None:
            raise SettingsError("Flyte routes over an exact index: choose one.")
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
        judging = loaded.policy if not policy else _unpack_policy(policy, loaded.router)
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


def pack(vectors: FloatArray) -> str:
    """Return numbers as one text: base64 of little-endian float32."""
    return base64.b64encode(vectors.astype("<f4").tobytes()).decode()


def unpack(packed: str) -> FloatArray:
    """Return what `pack` was given, flat, float32."""
    return np.frombuffer(base64.b64decode(packed), dtype="<f4").astype(np.float32)


def pack_policy(policy: Policy, router: Router) -> str:
    """Return a policy as JSON, with what it was made for."""
    ground = Ground(router.embedder.identity, router.registry.fingerprint)
    return json.dumps({"policy": asdict(policy), "ground": asdict(ground)})


def _unpack_policy(packed: str, router: Router) -> Policy:
    """Read a policy; a worker with another registry or embedder is refused."""
    values = json.loads(packed)
    ground = Ground(router.embedder.identity, router.registry.fingerprint)
    if values["ground"] != asdict(ground):
        raise SettingsError(
            "This worker has another registry or embedder than the batch was begun with: deploy "
            "again from where you start it."
        )
    fields = values["policy"]
    return Policy(**{**fields, "source": ThresholdSource(fields["source"])})


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


def run_here(work: Any, **inputs: object) -> Any:  # noqa: ANN401 - a task of any type
    """Run a task in Flyte's local mode, leave no file behind, and return its output."""
    name = f"handoff-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        context = flyte.with_runcontext(
            mode="local", name=name, raw_data_path=folder, disable_run_cache=True
        )
        try:
            return context.run(work, **inputs).outputs()[0]
        finally:
            shutil.rmtree(LOCAL_RUNS / name, ignore_errors=True)


def run_there(work: Any, **inputs: object) -> Any:  # noqa: ANN401 - a task of any type
    """Run a task where Flyte's configuration leads, wait for it, and return its output."""
    done = flyte.with_runcontext(mode="remote").run(work, **inputs)
    done.wait()
    return done.outputs()[0]


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
        evidence = _evidence(text, tagging.result(), scoring.result(), loaded.router)
        ranking = filter_agents_by_tags(evidence, policy)
        decision = select_agent(ranking, policy)
    return Route(evidence, policy, ranking, decision, trace.spans)


def _evidence(query: str, tags: list[str] | None, scores: Scores, router: Router) -> Evidence:
    return Evidence(
        query=query,
        embedder=router.embedder.identity,
        tagger=router.tagger.identity,
        fingerprint=router.registry.fingerprint,
        tags=tuple(tags or ()),
        vector=unpack(scores.vector),
        similarities=unpack(scores.similarities),
        lexical=unpack(scores.lexical),
        degraded=("extract_tags",) if tags is None else (),
    )


async def _reported(route: Route) -> HandoffResult:
    """Show a route in Flyte's report, and return it as a result."""
    if flyte.ctx():
        await flyte.report.replace.aio(route_to_html(route, _loaded().router), do_flush=True)
    decision, ranking = route.decision, route.ranking
    best = [ranking[rank] for rank in range(min(SHOWN, len(ranking)))]
    taken = decision.agent is not None
    return HandoffResult(
        version=1,
        query=route.evidence.query,
        outcome=decision.outcome.value,
        selected_agent=None if decision.agent is None else decision.agent.id,
        best_score=plain_score(decision.best.score),
        threshold=decision.threshold,
        margin=None if decision.margin is None else plain_score(decision.margin),
        extracted_tags=list(route.evidence.tags),
        filtered_count=ranking.candidates,
        all_scores={score.agent.id: plain_score(score.score) for score in best},
        degraded=list(route.evidence.degraded),
        handoff_successful=taken,
        error_message="" if taken else f"{headline(decision)}. {reason(route)}",
        answer=route.answer,
    )


def _loaded() -> _Loaded:
    return _loaded_on(asyncio.get_running_loop())


@functools.lru_cache(maxsize=4)
def _loaded_on(_: asyncio.AbstractEventLoop) -> _Loaded:
    """Load registry, policy and providers, once a loop, since locks and clients belong to one."""
    settings = load_settings(os.environ)
    # Its own loop stays idle: Flyte's runs the coroutines.
    bench = build_workbench(settings, build_connection(settings), BackgroundLoop())
    return _Loaded(bench.router, bench.policy())


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
