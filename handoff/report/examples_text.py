"""What learning from examples brings, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handoff.core.learning import Learned
from handoff.core.model import Registry
from handoff.evaluation.proof import CurvePoint, Proof, next_labels_buy
from handoff.evaluation.suggest import Suggestion
from handoff.report.numbers import counted, p_value, percent, points, rounded

SCHEMA = 2
METHOD = "kernel ridge on what the cosine gets wrong"
NEXT_LABELS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What was learned, and its proof.

    Attributes:
        learned: From all examples.
        proof: Cross-validated.
        curve: Accuracy by how many examples an agent has.
        seconds: What learning took.
        proof_seconds: What the proof and the curve took.
    """

    learned: Learned
    proof: Proof
    curve: Sequence[CurvePoint]
    seconds: float
    proof_seconds: float


def lesson_to_text(lesson: Lesson, notes: Sequence[str]) -> str:
    """Return what was learned as lines."""
    proof, learned = lesson.proof, lesson.learned
    before, after = proof.before, proof.after
    examples = counted(len(learned.lessons), "example")
    gained = points(after.accuracy, before.accuracy)
    was, now = proof.accuracy_before, proof.accuracy_after
    better, worse = len(proof.flips.better), len(proof.flips.worse)
    lines = [
        (
            f"{examples}: accuracy {percent(before.accuracy)} by the descriptions alone, "
            f"{percent(after.accuracy)} with the examples ({gained})."
        ),
        (
            "Cross-validated in five folds: no query is judged by what it taught. 95 %: "
            f"{percent(was.low)} to {percent(was.high)} before, {percent(now.low)} to "
            f"{percent(now.high)} after."
        ),
        f"{better:,} better, {worse:,} worse (McNemar's exact test, {p_value(proof.p_value)}).",
        f"Method: {METHOD}; {threshold_in_words(learned)}",
        "",
        "Examples an agent, and the accuracy on queries that taught nothing",
        *(f"  {point.each:>4,}  {percent(point.accuracy)}" for point in lesson.curve),
    ]
    buys = next_labels_buy(lesson.curve, NEXT_LABELS)
    if buys is not None:
        lines.append(f"The next {NEXT_LABELS} labels would add about {100 * buys:.1f} points.")
    if notes:
        lines += ["", "Notes", *(f"  {note}" for note in notes)]
    return "\n".join([*lines, "", f"{lesson.seconds:.1f} s to learn"])


def lesson_to_json(lesson: Lesson, notes: Sequence[str]) -> dict[str, Any]:
    """Return what was learned as plain values."""
    proof, learned = lesson.proof, lesson.learned
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
            for point in lesson.curve
        ],
        f"next_{NEXT_LABELS}_labels_add": next_labels_buy(lesson.curve, NEXT_LABELS),
        "notes": list(notes),
        "seconds": round(lesson.seconds, 3),
        "proof_seconds": round(lesson.proof_seconds, 3),
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


def suggestions_to_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return suggested queries as lines."""
    lines = ["Label these next: they would teach most."]
    lines += [
        f"  {row['query']}\n      {row['best']} before {row['second'] or 'nobody else'} by "
        f"{rounded(row['margin'], 3)}"
        for row in rows
    ]
    return "\n".join(lines)


def threshold_in_words(learned: Learned) -> str:
    """Say which threshold the examples ask for."""
    if learned.threshold is None:
        return "no threshold of its own."
    return f"its own best threshold is {learned.threshold:.3f}."
