"""What learning from examples brings, as text for a terminal."""

from collections.abc import Sequence
from typing import Any

from handoff.evaluation.proof import NEXT_LABELS, Worth, next_labels_buy
from handoff.report.examples_words import METHOD, threshold_in_words
from handoff.report.numbers import counted, p_value, percent, points, rounded


def worth_to_text(worth: Worth, notes: Sequence[str]) -> str:
    """Return what was learned as lines."""
    proof, learned = worth.proof, worth.learned
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
        "Examples per agent, and the accuracy on held-out queries",
        *(f"  {point.each:>4,}  {percent(point.accuracy)}" for point in worth.curve),
    ]
    buys = next_labels_buy(worth.curve, NEXT_LABELS)
    if buys is not None:
        lines.append(f"The next {NEXT_LABELS} labels would add about {100 * buys:.1f} points.")
    if notes:
        lines += ["", "Notes", *(f"  {note}" for note in notes)]
    return "\n".join([*lines, "", f"{worth.seconds:.1f} s to learn"])


def suggestions_to_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return suggested queries as lines."""
    lines = ["Label these next: they would teach most."]
    lines += [
        f"  {row['query']}\n      {row['best']} before {row['second'] or 'nobody else'} by "
        f"{rounded(row['margin'], 3)}"
        for row in rows
    ]
    return "\n".join(lines)
