"""Evidence on the queries to be judged, gathered a little ahead of the eye."""

from collections.abc import Sequence

import streamlit as st

from handoff.core.model import Evidence, EvidenceSet
from handoff.trace import Span, Trace
from handoff.ui.calls import evidence_key
from handoff.workbench import Workbench

AHEAD = 10
"""So many queries are gathered together, before they are shown."""

_MOST_GATHERED = 300

Gathered = tuple[Evidence, tuple[Span, ...]]


def gather(bench: Workbench, query: str) -> Gathered:
    """Return what the providers say of a query; raises ProviderError."""
    kept = _gathered()
    key = _key(bench, query)
    if key not in kept:
        trace = Trace()
        _keep(bench, bench.gather([query], trace), trace)
    return kept[key]


def gather_ahead(bench: Workbench, queries: Sequence[str]) -> None:
    """Gather the next queries together, once one of the next few is missing."""
    kept = _gathered()
    if any(_key(bench, query) not in kept for query in queries[: AHEAD // 2]):
        missing = [query for query in queries[:AHEAD] if _key(bench, query) not in kept]
        trace = Trace()
        # One that cannot be embedded is told when it is its turn.
        _keep(bench, bench.gather_each(missing, trace).evidence, trace)


def _keep(bench: Workbench, gathered: EvidenceSet, trace: Trace) -> None:
    kept = _gathered()
    for evidence in gathered:
        kept[_key(bench, evidence.query)] = (evidence, trace.spans)
    while len(kept) > _MOST_GATHERED:
        del kept[next(iter(kept))]


def _gathered() -> dict[tuple[str, ...], Gathered]:
    kept: dict[tuple[str, ...], Gathered] = st.session_state.setdefault("check_gathered", {})
    return kept


def _key(bench: Workbench, query: str) -> tuple[str, ...]:
    return query, *evidence_key(bench.router)
