"""What this visitor routed: asked once a session, and reopened or compared without asking again."""

from dataclasses import dataclass

import streamlit as st

from handoff.core.model import Evidence, Registry
from handoff.router import Router
from handoff.trace import Span, Trace
from handoff.ui.calls import evidence_key, loop

MOST_VISITED = 50


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """A query that this visitor routed, with all it takes to judge it again."""

    query: str
    registry: Registry
    evidence: Evidence
    spans: tuple[Span, ...]


def gather(routing: Router, query: str) -> tuple[Evidence, tuple[Span, ...]]:
    """Return what the providers say of a query, asked once a session; raises ProviderError."""
    evidence, spans = _gather(
        routing,
        query,
        evidence_key(routing),
    )
    _remember(Visited(query, routing.registry, evidence, spans))
    return evidence, spans


def visited() -> list[Visited]:
    """Return what this visitor routed, newest first, each query of a registry once."""
    history: list[Visited] = st.session_state.setdefault("explore_visited", [])
    return history


def _remember(new: Visited) -> None:
    def key(entry: Visited) -> tuple[str, str]:
        return entry.query, entry.registry.fingerprint

    others = [entry for entry in visited() if key(entry) != key(new)]
    st.session_state["explore_visited"] = [new, *others][:MOST_VISITED]


@st.cache_data(max_entries=200, show_spinner=False, scope="session")
def _gather(
    _routing: Router,
    query: str,
    identities: tuple[str, ...],  # noqa: ARG001 - a key
) -> tuple[Evidence, tuple[Span, ...]]:
    trace = Trace()
    evidence = loop().run(_routing.gather(query, trace))
    return evidence, trace.spans
