"""A route as JSON; docs/route-json.md is its schema."""

from dataclasses import fields
from typing import Any

import numpy as np

from handoff.core.model import Score
from handoff.router import Route
from handoff.trace import Span, billed

SCHEMA = 1


def route_to_json(
    route: Route, top: int | None = None, unanswered: str | None = None
) -> dict[str, Any]:
    """Return a route as plain values.

    Args:
        route: Any route.
        top: At most so many rows of the ranking; None for all agents.
        unanswered: Why no answer came, where one was asked for.
    """
    decision, evidence = route.decision, route.evidence
    tokens, cost_usd = billed(route.spans)
    shown = len(route.ranking) if top is None else min(top, len(route.ranking))
    return {
        "schema": SCHEMA,
        "query": evidence.query,
        "outcome": decision.outcome.value,
        "agent": None if decision.agent is None else decision.agent.id,
        "threshold": decision.threshold,
        "threshold_source": route.threshold_source.value,
        "best_score": plain_score(decision.best.score),
        "unknown_script": decision.unknown_script,
        "margin": None if decision.margin is None else plain_score(decision.margin),
        "tags": list(evidence.tags),
        "widened": route.ranking.widened,
        "degraded": list(evidence.degraded),
        "embedder": evidence.embedder,
        "tagger": evidence.tagger,
        "registry": evidence.fingerprint,
        "examples": len(route.ranking.registry.examples),
        "tokens": tokens,
        "cost_usd": cost_usd,
        "ranking": [_score_to_json(route.ranking[rank]) for rank in range(shown)],
        "answer": route.answer,
        "unanswered": unanswered,
        "spans": [_span_to_json(span) for span in route.spans],
    }


def _score_to_json(score: Score) -> dict[str, Any]:
    return {
        "id": score.agent.id,
        "score": plain_score(score.score),
        "lexical": plain_score(score.lexical),
        "kept": score.kept,
        "matched_tags": list(score.matched_tags),
    }


def _span_to_json(span: Span) -> dict[str, Any]:
    noted = {field.name: getattr(span.facts, field.name) for field in fields(span.facts)}
    return {
        "name": span.name,
        "start_ms": round(span.start_ms, 3),
        "ms": round(span.ms, 3),
        **{name: value for name, value in noted.items() if value is not None},
    }


def plain_score(score: float) -> float:
    """Return the shortest number that is the same float32: it reads well and loses nothing."""
    return float(str(np.float32(score)))
