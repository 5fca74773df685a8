"""What learning from examples brings, as plain values; docs/learning.md is their schema."""

from collections.abc import Sequence
from typing import Any

from handoff.core.model import Registry
from handoff.evaluation.proof import NEXT_LABELS, Worth, next_labels_buy
from handoff.evaluation.suggest import Suggestion
from handoff.report.examples_words import METHOD

SCHEMA = 2


def worth_to_json(worth: Worth, notes: Sequence[str]) -> dict[str, Any]:
    """Return what was learned as plain values."""
    proof, learned = worth.proof, worth.learned
    return {
        "schema": SCHEMA,
        "examples": len(learned.lessons),
        "accuracy_before": round(proof.before.accuracy, 6),
        "accuracy_before_low": round(proof.accuracy_before.low, 6),
        "accuracy_before_high": round(proof.accuracy_before.high, 6),
        "accuracy_after": round(proof.after.accuracy, 6),
        "accuracy_after_low": round(proof.accuracy_after.low, 6),
        "accuracy_after_high": round(proof.accuracy_after.high, 6),
        "better": len(proof.flips.better),
        "worse": len(proof.flips.worse),
        "p_value": proof.p_value,
        "method": METHOD,
        "threshold": learned.threshold,
        "curve": [
            {
                "each": point.each,
                "examples": round(point.examples, 1),
                "accuracy": round(point.accuracy, 6),
            }
            for point in worth.curve
        ],
        f"next_{NEXT_LABELS}_labels_add": next_labels_buy(worth.curve, NEXT_LABELS),
        "notes": list(notes),
        "seconds": round(worth.seconds, 3),
        "proof_seconds": round(worth.proof_seconds, 3),
    }


def suggestion_rows(
    suggestions: Sequence[Suggestion], queries: Sequence[str], registry: Registry
) -> list[dict[str, Any]]:
    """Return one row a suggested query, with who would get it and by how little."""
    return [
        {
            "query": queries[one.row],
            "best": registry.agents[one.best].id,
            "second": None if one.second is None else registry.agents[one.second].id,
            "margin": round(one.margin, 4),
        }
        for one in suggestions
    ]
