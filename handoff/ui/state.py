"""What outlives a rerun: the loop, the routers, what was gathered, and what this visitor did.

What belongs to one visitor lives in the session; only files of the server's own are shared.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router, preload
from handoff.core.errors import HandoffError
from handoff.core.model import Evidence, Policy, Registry
from handoff.core.texts import shorten
from handoff.evaluation.cases import Cases, load_cases, parse_cases
from handoff.registry import load_registry, parse_registry
from handoff.router import Route, Router
from handoff.settings import Settings, load_policy, load_settings
from handoff.trace import Span, Trace

Parsed = TypeVar("Parsed")

MOST_VISITED = 50


@dataclass(frozen=True, slots=True)
class Opened:
    """The registry in use.

    Attributes:
        settings: What the environment said.
        router: Over the registry.
        own: It was uploaded for this visit.
        complaints: Why another registry than the one asked for is in use.
    """

    settings: Settings
    router: Router
    own: bool
    complaints: tuple[HandoffError, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """A query that this visitor routed, with all it takes to judge it again."""

    query: str
    registry: Registry
    evidence: Evidence
    spans: tuple[Span, ...]


def open_registry(uploaded: UploadedFile | None) -> Opened:
    """Choose the registry: the uploaded one, else the one on disk, else the one used last.

    Raises:
        HandoffError: There is none to fall back on.
    """
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
        routing = _router(chosen, _stamp(chosen.registry))
    except HandoffError as error:
        if last is None:
            raise
        complaints.append(error)
        routing = last.router
    st.session_state["opened"] = Opened(chosen, routing, own=False, complaints=())
    return Opened(chosen, routing, own=False, complaints=tuple(complaints))


def policy(opened: Opened) -> Policy:
    """Read how evidence is judged; raises SettingsError."""
    return load_policy(opened.settings.config, opened.router.embedder.default_threshold)


def cases(opened: Opened, uploaded: UploadedFile | None) -> Cases:
    """Return the labelled queries that fit the registry; raises CasesError."""
    registry = opened.router.registry
    if uploaded is not None:
        return _parsed(
            "own_cases",
            uploaded,
            f"{uploaded.file_id} {registry.fingerprint}",
            lambda data, name: parse_cases(data, name, registry),
        )
    path = opened.settings.cases
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


def hand_off(routing: Router, route: Route) -> Route:
    """Deliver the query to the selected agent; raises ProviderError."""
    return _loop().run(routing.hand_off(route))


def _own_router(chosen: Settings, file: UploadedFile) -> Router:
    registry = _parsed("own_registry", file, file.file_id, parse_registry)
    kept: Router | None = st.session_state.get("own_router")
    if kept is None or kept.registry is not registry:
        kept = build_router(chosen, registry, on_disk=False)
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


@st.cache_resource(max_entries=8, show_spinner=False)
def _router(chosen: Settings, stamp: tuple[int, int] | None) -> Router:  # noqa: ARG001 - a key
    routing = build_router(chosen, load_registry(chosen.registry))
    preload(chosen)
    return routing


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
    evidence = _loop().run(_routing.gather(query, trace))
    return evidence, trace.spans


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a changed file from an unchanged one; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size
