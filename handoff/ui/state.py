"""What outlives a rerun: the loop, the routers, what was gathered, and what this visitor did.

What belongs to one visitor lives in the session; only files of the server's own are shared.
"""

import math
import os
import queue
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection, build_router, preload
from handoff.bootstrap import open_registry as read_registry
from handoff.core.errors import ExamplesError, HandoffError, StalePolicyError
from handoff.core.model import Evidence, Example, FloatArray, Policy, Registry
from handoff.core.texts import agent_text, shorten
from handoff.files.cases import Cases, load_cases, parse_cases
from handoff.files.examples import Examples
from handoff.files.policy import Ground, load_policy
from handoff.files.registry import parse_registry
from handoff.files.settings import Settings, load_settings
from handoff.providers.openai.connection import OpenAIConnection
from handoff.resilience.breaker import BreakerState
from handoff.resilience.spending import SpendingCap, visitor_cap
from handoff.router import Route, Router
from handoff.trace import Span, Trace

Parsed = TypeVar("Parsed")
Grown = TypeVar("Grown")

CONTROLS = ("t", "f", "m", "l", "a")
MOST_VISITED = 50
MOST_ROUTERS = 4
NO_EXAMPLES = Examples()
FREE_QUERIES = 200
"""More are asked of a paid provider only after the visitor agreed."""

FREE_AGENTS = 200
"""A registry of more is embedded by a paid provider only after the visitor agreed."""

_PIECE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Opened:
    """The registry in use.

    Attributes:
        settings: What the environment said.
        router: Over the registry.
        own: It was uploaded for this visit.
        complaints: Why another registry than the one asked for is in use.
        examples: What its file of examples held.
    """

    settings: Settings
    router: Router
    own: bool
    complaints: tuple[HandoffError, ...]
    examples: Examples = NO_EXAMPLES


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """A query that this visitor routed, with all it takes to judge it again."""

    query: str
    registry: Registry
    evidence: Evidence
    spans: tuple[Span, ...]


def open_registry() -> Opened:
    """Choose the registry: the uploaded one, else the one on disk, else the one used last.

    Raises:
        HandoffError: There is none to fall back on.
    """
    uploaded = own_file("agents")
    complaints: list[HandoffError] = []
    last: Opened | None = st.session_state.get("opened")
    try:
        chosen = load_settings(os.environ)
    except HandoffError as error:
        if last is None:
            raise
        complaints.append(error)
        chosen = last.settings
    if uploaded is not None:
        try:
            return Opened(chosen, _own_router(chosen, uploaded), own=True, complaints=())
        except HandoffError as error:
            complaints.append(error)
    try:
        routing, examples = _router(chosen, _stamps(chosen))
    except ExamplesError as error:
        complaints.append(error)
        chosen = replace(chosen, examples=None)
        routing, examples = _router(chosen, _stamps(chosen))
    except HandoffError as error:
        if last is None:
            raise
        complaints.append(error)
        routing, examples = last.router, last.examples
    found = Opened(chosen, routing, own=False, complaints=(), examples=examples)
    st.session_state["opened"] = found
    return replace(found, complaints=tuple(complaints))


def with_examples(opened: Opened, examples: tuple[Example, ...]) -> Opened:
    """Return the registry with other examples than those on disk, for this visit."""
    return with_registry(opened, Registry(opened.router.registry.agents, examples))


def with_registry(opened: Opened, other: Registry) -> Opened:
    """Return a router over another registry than the one on disk, for this visit."""
    registry = opened.router.registry
    if (other.agents, other.examples) == (registry.agents, registry.examples):
        return opened
    routers: dict[str, Router] = st.session_state.setdefault("other_routers", {})
    kept = routers.get(other.fingerprint)
    # Thresholds are no part of the fingerprint, and may have changed.
    if kept is None or kept.registry != other:
        while len(routers) >= MOST_ROUTERS:
            routers.pop(next(iter(routers)))
        chosen = opened.settings
        kept = routers[other.fingerprint] = build_router(
            chosen, other, _connection(chosen), on_disk=not opened.own
        )
    return replace(opened, router=kept)


def policy(opened: Opened) -> tuple[Policy, StalePolicyError | None]:
    """Read how evidence is judged; raises SettingsError.

    Returns:
        The policy, and, where handoff.toml was found on something else, why the embedder's default
        stands in its place.
    """
    config, default = opened.settings.config, opened.router.embedder.default_threshold
    try:
        forced = st.session_state.get("forced", False)
        return load_policy(config, default, ground(opened), force=forced), None
    except StalePolicyError as stale:
        return load_policy(None, default), stale


def force_policy(opened: Opened) -> None:
    """Take handoff.toml's word for the rest of the visit, whatever it was found on."""
    st.session_state["forced"] = True
    with suppress(HandoffError):
        forced, _ = policy(opened)
        st.session_state["t"] = forced.threshold
        st.session_state["m"] = forced.margin
        st.session_state["l"] = forced.lexical_weight
        st.session_state["a"] = forced.per_agent


def remember_controls() -> None:
    """Keep what the controls say: Streamlit forgets what an address set when the page changes."""
    kept = {key: st.session_state[key] for key in CONTROLS if key in st.session_state}
    st.session_state["controls"] = kept


def restore_controls() -> None:
    """Set the controls as they stood on another page, but for what the address says."""
    for key, value in st.session_state.get("controls", {}).items():
        if key not in st.session_state and key not in st.query_params:
            st.session_state[key] = value


def ground(opened: Opened) -> Ground:
    """Return what a threshold found now stands on."""
    return Ground(opened.router.embedder.identity, opened.router.registry.fingerprint)


def own_file(kind: str) -> UploadedFile | None:
    """Return the file of a kind, agents or cases, that this visitor uploaded on any screen."""
    file: UploadedFile | None = st.session_state.get(f"own_{kind}_file")
    return file


def keep_file(kind: str, widget: str) -> None:
    """Use what an uploader holds, on every screen; nothing once it was emptied."""
    st.session_state[f"own_{kind}_file"] = st.session_state[widget]


def forget_files() -> None:
    """Go back to the server's own files."""
    st.session_state["own_agents_file"] = st.session_state["own_cases_file"] = None
    st.session_state["files_revision"] = st.session_state.get("files_revision", 0) + 1


def cases(opened: Opened, chosen: Path | None = None) -> Cases:
    """Return the labelled queries that fit the registry; raises CasesError.

    Args:
        opened: The registry in use.
        chosen: Their file, unless the visitor uploaded one; None for the settings' own.
    """
    registry = opened.router.registry
    uploaded = own_file("cases")
    if uploaded is not None:
        return _parsed(
            "own_cases",
            uploaded,
            f"{uploaded.file_id} {registry.fingerprint}",
            lambda data, name: parse_cases(data, name, registry),
        )
    path = chosen or opened.settings.cases
    if path is None or opened.own:
        return Cases((), ())
    return _cases(path, (_stamp(path), registry.fingerprint), registry)


def gather(routing: Router, query: str) -> tuple[Evidence, tuple[Span, ...]]:
    """Return what the providers say of a query, asked once a visit; raises ProviderError."""
    evidence, spans = _gather(
        routing,
        query,
        (routing.registry.fingerprint, routing.embedder.identity, routing.tagger.identity),
    )
    _remember(Visited(query, routing.registry, evidence, spans))
    return evidence, spans


def visited() -> list[Visited]:
    """Return what this visitor routed, newest first, each query of a registry once."""
    history: list[Visited] = st.session_state.setdefault("visited", [])
    return history


def hand_off(routing: Router, route: Route, show: Callable[[str], object]) -> Route:
    """Deliver the query to the selected agent; raises ProviderError.

    Args:
        routing: Whose runner delivers.
        route: With a selected agent.
        show: Called on this thread with what has come of the answer so far.
    """
    pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
    _pay()
    ending = _loop().start(routing.hand_off(route, pieces.put))
    text = ""
    while not ending.done() or not pieces.empty():
        with suppress(queue.Empty):
            text += pieces.get(timeout=_PIECE_SECONDS)
            show(text)
    return ending.result()


def each(growing: AsyncGenerator[Grown]) -> Iterator[Grown]:
    """Take what an async generator yields, one by one; close it when nobody listens any more."""
    loop = _loop()
    _pay()
    try:
        while (grown := loop.run(_next(growing))) is not None:
            yield grown
    finally:
        loop.run(_close(growing))


async def _next(growing: AsyncGenerator[Grown]) -> Grown | None:
    return await anext(growing, None)


async def _close(growing: AsyncGenerator[Grown]) -> None:
    await growing.aclose()


def embed(opened: Opened, texts: Sequence[str]) -> FloatArray:
    """Return one unit row a text, shape (texts, dimensions); raises ProviderError."""
    _pay()
    return _loop().run(_embed(opened.router, texts))


async def _embed(routing: Router, texts: Sequence[str]) -> FloatArray:
    return await routing.embedder.embed(texts)


def visit_usd() -> float:
    """Return what this visitor's calls cost so far."""
    return _visitor_cap().spent_usd


def resting(opened: Opened) -> dict[str, float]:
    """Return the endpoints of OpenAI that are left alone, with the seconds left."""
    connection = _connection(opened.settings)
    if connection is None:
        return {}
    return {
        name: breaker.seconds_left
        for name, breaker in connection.breakers.items()
        if breaker.state is not BreakerState.WORKING
    }


def cost_to_agree(opened: Opened, registry: Registry, known: frozenset[str]) -> float | None:
    """Return what embedding a registry may cost, if this visitor has to agree to it first.

    Args:
        opened: Whose embedder names the price.
        registry: Its agents.
        known: Texts that were embedded already.

    Returns:
        US dollars, NaN where the price is not known; None where there is nothing to agree to.
    """
    new = tuple(agent for agent in registry.agents if agent_text(agent) not in known)
    agreed: set[str] = st.session_state.get("agreed", set())
    if len(new) <= FREE_AGENTS or registry.fingerprint in agreed:
        return None
    texts = [agent_text(agent) for agent in new]
    cost_usd = opened.router.embedder.cost_usd(texts)
    return math.nan if cost_usd is None else cost_usd or None


def agree(registry: Registry) -> None:
    """Remember that this visitor agreed to embed a registry."""
    st.session_state["agreed"] = st.session_state.get("agreed", set()) | {registry.fingerprint}


def asks_first(opened: Opened, number: int) -> bool:
    """Tell whether a paid provider would be asked so much that the visitor has to agree first."""
    paid_by = opened.router.paid_by_query
    return bool(paid_by) and number > FREE_QUERIES and not st.session_state.get("agreed_queries")


def agree_to_queries() -> None:
    """Remember that this visitor agreed to ask a paid provider."""
    st.session_state["agreed_queries"] = True


def _visitor_cap() -> SpendingCap:
    cap: SpendingCap | None = st.session_state.get("visitor_cap")
    if cap is None:
        limit = load_settings(os.environ).visitor_cap_usd
        cap = st.session_state["visitor_cap"] = SpendingCap(limit, name="This visit")
    return cap


def _pay() -> None:
    """Let what is started from here count for this visitor."""
    visitor_cap.set(_visitor_cap())


def _own_router(chosen: Settings, file: UploadedFile) -> Router:
    registry = _parsed("own_registry", file, file.file_id, parse_registry)
    kept: Router | None = st.session_state.get("own_router")
    if kept is None or kept.registry is not registry:
        kept = build_router(chosen, registry, _connection(chosen), on_disk=False)
        st.session_state["own_router"] = kept
    return kept


def _remember(new: Visited) -> None:
    def key(entry: Visited) -> tuple[str, str]:
        return entry.query, entry.registry.fingerprint

    others = [entry for entry in visited() if key(entry) != key(new)]
    st.session_state["visited"] = [new, *others][:MOST_VISITED]


def _parsed(
    key: str, file: UploadedFile, version: str, parse: Callable[[bytes, str], Parsed]
) -> Parsed:
    """Parse an uploaded file once; a complaint is kept as well and raised again."""
    kept = st.session_state.get(key)
    if kept is None or kept[0] != version:
        outcome: Parsed | HandoffError
        try:
            outcome = parse(file.getvalue(), shorten(file.name))
        except HandoffError as error:
            outcome = error
        kept = st.session_state[key] = (version, outcome)
    if isinstance(kept[1], HandoffError):
        raise kept[1]
    parsed: Parsed = kept[1]
    return parsed


@st.cache_resource(show_spinner=False)
def _loop() -> BackgroundLoop:
    return BackgroundLoop()


def _connection(chosen: Settings) -> OpenAIConnection | None:
    connection, _ = _connected(chosen)
    return connection


def _disconnect(connected: tuple[OpenAIConnection | None, BackgroundLoop]) -> None:
    """Close a connection on the loop that used it."""
    connection, loop = connected
    if connection is not None:
        loop.run(connection.close())


@st.cache_resource(max_entries=2, show_spinner=False, on_release=_disconnect)
def _connected(chosen: Settings) -> tuple[OpenAIConnection | None, BackgroundLoop]:
    return build_connection(chosen), _loop()


@st.cache_resource(max_entries=8, show_spinner=False)
def _router(
    chosen: Settings,
    stamps: tuple[object, ...],  # noqa: ARG001 - a key
) -> tuple[Router, Examples]:
    registry, examples = read_registry(chosen)
    routing = build_router(chosen, registry, _connection(chosen))
    preload(chosen)
    return routing, examples


@st.cache_resource(max_entries=8, show_spinner=False)
def _cases(path: Path, seen: tuple[object, str], _registry: Registry) -> Cases:  # noqa: ARG001
    return load_cases(path, _registry)


@st.cache_data(max_entries=200, show_spinner=False, scope="session")
def _gather(
    _routing: Router,
    query: str,
    identities: tuple[str, ...],  # noqa: ARG001 - a key
) -> tuple[Evidence, tuple[Span, ...]]:
    trace = Trace()
    _pay()
    evidence = _loop().run(_routing.gather(query, trace))
    return evidence, trace.spans


def _stamps(chosen: Settings) -> tuple[object, ...]:
    """Return what tells whether the registry or its examples changed on disk."""
    return _stamp(chosen.registry), None if chosen.examples is None else _stamp(chosen.examples)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a changed file from an unchanged one; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
