"""What the design note grants each stage, and a route played at those latencies."""

from collections.abc import Sequence
from dataclasses import replace

from handoff.trace import Span

BUDGET_MS = {
    "extract_tags": 500.0,
    "embed_query": 200.0,
    "embed_agents": 200.0,
    "score": 10.0,
    "filter": 1.0,
    "select": 1.0,
}
"""The note's latency a stage: about 500 and 200 for a call to OpenAI, under 10 and under 1 for
what is computed here."""

TOTAL_BUDGET_MS = 900.0
"""The note's total: it asks for tags first and for the query's vector after them."""

_CALLS = ("extract_tags", "embed_query", "embed_agents")


def simulate(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans as if every call had taken the note's typical latency.

    Calls start together, as they do in the router; a registry that a cache knew stays as it was,
    and what is computed here keeps its measured time and follows the last call.
    """
    calls = [_played(span) for span in spans if span.name in _CALLS]
    at = max((span.ms for span in calls), default=0.0)
    played = list(calls)
    for span in spans:
        if span.name not in _CALLS:
            played.append(replace(span, start_ms=at))
            at += span.ms
    return tuple(played)


def _played(span: Span) -> Span:
    """Return a call at the note's latency; only the registry's vectors come from a cache."""
    if span.name == "embed_agents" and span.facts.from_cache:
        return replace(span, start_ms=0.0)
    facts = replace(span.facts, cached=0)
    return replace(span, start_ms=0.0, ms=BUDGET_MS[span.name], facts=facts)
