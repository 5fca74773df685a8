"""What outlives a rerun: the loop, the routers, and what was gathered for a query."""

import os
from pathlib import Path

import streamlit as st

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router, preload
from handoff.core.model import Evidence, Policy, Registry
from handoff.evaluation.cases import Cases, load_cases
from handoff.registry import load_registry
from handoff.router import Route, Router
from handoff.settings import Settings, load_policy, load_settings
from handoff.trace import Span, Trace


def settings() -> Settings:
    """Read the environment; raises SettingsError."""
    return load_settings(os.environ)


def router(chosen: Settings) -> Router:
    """Return the router of the registry as it is on disk now; raises RegistryError."""
    return _router(chosen, _stamp(chosen.registry))


def policy(chosen: Settings, routing: Router) -> Policy:
    """Read how evidence is judged; raises SettingsError."""
    return load_policy(chosen.config, routing.embedder.default_threshold)


def cases(chosen: Settings, routing: Router) -> Cases:
    """Return the labelled queries, none where there is no file; raises CasesError."""
    if chosen.cases is None:
        return Cases((), ())
    return _cases(
        chosen.cases, (_stamp(chosen.cases), routing.registry.fingerprint), routing.registry
    )


def gather(routing: Router, query: str) -> tuple[Evidence, tuple[Span, ...]]:
    """Return what the providers say of a query, asked once, and when; raises ProviderError."""
    return _gather(
        routing,
        query,
        (routing.registry.fingerprint, routing.embedder.identity, routing.tagger.identity),
    )


def hand_off(routing: Router, route: Route) -> Route:
    """Deliver the query to the selected agent; raises ProviderError."""
    return _loop().run(routing.hand_off(route))


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


@st.cache_data(max_entries=2_000, show_spinner=False)
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
