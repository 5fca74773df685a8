"""Overlap and explanations as JSON; docs/agents.md is their schema."""

import math
from collections.abc import Sequence
from typing import Any

from handoff.agents.advice import Advice
from handoff.agents.overlap import Overlap
from handoff.core.explain import Explanation, Flip, WordShare
from handoff.core.model import Registry
from handoff.report.overlap_words import advice_in_words

SCHEMA = 1


def overlap_to_json(
    overlap: Overlap, advice: Sequence[Advice], registry: Registry, queries: Sequence[str]
) -> dict[str, Any]:
    """Return overlap as plain values; agents stand with their ids."""
    ids = [agent.id for agent in registry.agents]
    pairs = zip(
        overlap.first.tolist(), overlap.second.tolist(), overlap.similarities.tolist(), strict=True
    )
    return {
        "schema": SCHEMA,
        "registry": registry.fingerprint,
        "agents": len(registry),
        "typical": None if math.isnan(overlap.typical) else round(overlap.typical, 6),
        "stands_out_from": round(overlap.stands_out_from, 6),
        "closest": [
            {"first": ids[first], "second": ids[second], "similarity": round(similarity, 6)}
            for first, second, similarity in pairs
        ],
        "queries": overlap.queries,
        "margin": overlap.margin,
        "contested": [
            {
                "first": ids[contest.first],
                "second": ids[contest.second],
                "queries": [queries[row] for row in contest.rows.tolist()],
            }
            for contest in overlap.contests
        ],
        "look_at_first": [
            {
                "kind": each.kind.name.lower(),
                "agents": [ids[at] for at in each.agents],
                "figure": round(each.figure, 6),
                "tag": each.tag or None,
                "text": advice_in_words(each, registry),
            }
            for each in advice
        ],
    }


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
