"""`lexical_scores` of queries whose words were taken apart before: the same scores, bit for bit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handoff.core.lexical import HALF, Lexicon
from handoff.core.model import FloatArray, IntArray

_ADDED_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class QueryWords:
    """The different words of many queries, one query after the other.

    Attributes:
        words: All of them, each once.
        numbers: Places in `words`, in each query's order, shape (occurrences,).
        starts: Where each query's begin in `numbers`, and the end, shape (queries + 1,).
    """

    words: tuple[str, ...]
    numbers: IntArray
    starts: IntArray

    def __len__(self) -> int:
        return len(self.starts) - 1


def lay_out_words(stems_of: Sequence[tuple[str, ...]]) -> QueryWords:
    """Number the words of queries, once, for `lexical_scores_of`."""
    number: dict[str, int] = {}
    rows = [
        [number.setdefault(word, len(number)) for word in dict.fromkeys(words)]
        for words in stems_of
    ]
    return QueryWords(
        words=tuple(number),
        numbers=np.array([at for row in rows for at in row], dtype=np.intp),
        starts=np.cumsum([0, *(len(row) for row in rows)]),
    )


def lexical_scores_of(queries: QueryWords, lexicon: Lexicon) -> FloatArray:
    """Return what `lexical_scores` returns, shape (queries, agents)."""
    scores = np.zeros((len(queries), lexicon.agents), dtype=np.float32)
    held = [lexicon.postings.get(word) for word in queries.words]
    counts = np.array([0 if one is None else len(one[0]) for one in held], dtype=np.intp)
    if not counts.any():
        return scores
    positions = np.concatenate([one[0] for one in held if one is not None])
    weights = np.concatenate([one[1] for one in held if one is not None])
    begins = np.cumsum(counts) - counts
    added = np.concatenate([[0], np.cumsum(counts[queries.numbers])])[queries.starts]
    first = 0
    while first < len(queries):
        last = int(np.searchsorted(added, added[first] + _ADDED_AT_ONCE, side="right")) - 1
        last = max(last, first + 1)
        words = queries.numbers[queries.starts[first] : queries.starts[last]]
        sizes = counts[words]
        ends = np.cumsum(sizes)
        # A word's agents follow each other: count on from the first.
        places = np.arange(sizes.sum()) + np.repeat(begins[words] - ends + sizes, sizes)
        rows = np.repeat(np.arange(last - first), np.diff(added[first : last + 1]))
        part = scores[first:last].reshape(-1)
        # One after the other in single precision, as a loop over the words adds them.
        np.add.at(part, rows * lexicon.agents + positions[places], weights[places])
        first = last
    scores /= scores + np.float32(HALF)
    return scores
