"""Overlap as JSON; docs/agents.md is their schema."""

import math
from collections.abc import Sequence
from typing import Any

from handoff.agents.advice import Advice
from handoff.agents.overlap import Overlap
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
