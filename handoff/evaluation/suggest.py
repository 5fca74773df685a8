"""Which queries to label next: those that would teach most."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.learning import bend
from handoff.core.model import FloatArray
from handoff.core.word_overlap import index_words, normal_form, overlap_with

TOO_ALIKE = 0.6
"""A query so much like one that is chosen would teach little more."""
WORDS = 0.3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A query worth a label.

    Attributes:
        row: Its place in the list.
        best: Position of the agent that would get it.
        second: Position of the runner-up; None where there is a single agent.
        margin: How far the runner-up is behind.
    """

    row: int
    best: int
    second: int | None
    margin: float


def suggest(
    queries: Sequence[str],
    vectors: FloatArray,
    scores: FloatArray,
    known: Collection[str],
    most: int,
) -> list[Suggestion]:
    """Choose queries with the least margins, in turn over the agents that would get them.

    Near-duplicates of one that is chosen, or labelled already, are passed over.

    Args:
        queries: Unlabelled, at least one.
        vectors: Their unit rows, shape (queries, d).
        scores: As they are routed today, shape (queries, agents).
        known: The normal forms of what is labelled.
        most: How many to choose.
    """
    rows = np.arange(len(queries))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    best = order[:, 0]
    alone = scores.shape[1] == 1
    margins = np.zeros(len(queries)) if alone else scores[rows, best] - scores[rows, order[:, 1]]
    by_margin = np.argsort(margins, kind="stable")
    turns: dict[int, int] = {}
    turn = np.zeros(len(queries), dtype=np.intp)
    for row in by_margin.tolist():
        turn[row] = turns.get(int(best[row]), 0)
        turns[int(best[row])] = int(turn[row]) + 1
    alike = np.array([float(normal_form(query) in known) for query in queries])
    words = index_words(queries)
    chosen: list[Suggestion] = []
    for row in by_margin[np.argsort(turn[by_margin], kind="stable")].tolist():
        if len(chosen) == most:
            break
        if alike[row] >= TOO_ALIKE:
            continue
        second = None if alone else int(order[row, 1])
        chosen.append(Suggestion(row, int(best[row]), second, float(margins[row])))
        near = bend(vectors @ vectors[row])
        overlap = overlap_with(words, [queries[row]], len(queries))[0]
        alike = np.maximum(alike, (1 - WORDS) * near + WORDS * overlap)
    return chosen
