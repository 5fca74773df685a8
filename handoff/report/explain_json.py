"""Explanations as JSON; docs/agents.md is their schema."""

from typing import Any

from handoff.core.explain import Explanation, Flip, WordShare
from handoff.core.model import Registry

SCHEMA = 1


def explanation_to_json(
    explanation: Explanation,
    flip: Flip | None,
    registry: Registry,
    query: str,
    cost_at_most_usd: float | None,
) -> dict[str, Any]:
    """Return an explanation as plain values."""
    return {
        "schema": SCHEMA,
        "query": query,
        "agent": registry.agents[explanation.position].id,
        "score": round(explanation.score, 6),
        "query_words": [_word(share) for share in explanation.query],
        "description_words": [_word(share) for share in explanation.description],
        "flip": None
        if flip is None
        else {
            "wins": flip.wins,
            "edits": [{"kind": edit.kind.value, "word": edit.word} for edit in flip.edits],
            "description": flip.description,
            "before": round(flip.before, 6),
            "after": round(flip.after, 6),
        },
        "cost_at_most_usd": cost_at_most_usd,
    }


def _word(share: WordShare) -> dict[str, Any]:
    return {
        "word": share.word,
        "start": share.start,
        "end": share.end,
        "share": round(share.share, 6),
    }
