"""Words in common: how well a query's words match an agent's text, beside what it means."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from handoff.core.model import FloatArray, IntArray
from handoff.core.tagging import stems

K1, B = 1.2, 0.75
"""BM25's usual saturation of repeated words, and its usual correction for long texts."""
HALF = 5.0
"""The BM25 that counts half; measured in docs/embedded-model.md."""


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The agents' texts, laid out for BM25.

    Attributes:
        agents: How many.
        postings: Each stem with the positions of the agents whose text has it, ascending, and
            what it adds to their BM25.
    """

    agents: int
    postings: Mapping[str, tuple[IntArray, FloatArray]] = field(repr=False)


def build_lexicon(texts: Sequence[str]) -> Lexicon:
    """Count the words of the agents' texts, once a registry.

    The weights are Robertson's BM25 with Lucene's inverse document frequency, which is never
    negative.

    Args:
        texts: One an agent, in registry order, at least one.
    """
    counted = [Counter(stems(text)) for text in texts]
    lengths = [words.total() for words in counted]
    mean_length = sum(lengths) / len(lengths) or 1
    positions: dict[str, list[int]] = {}
    times: dict[str, list[float]] = {}
    for position, words in enumerate(counted):
        norm = K1 * (1 - B + B * lengths[position] / mean_length)
        for word, count in words.items():
            positions.setdefault(word, []).append(position)
            times.setdefault(word, []).append(count * (K1 + 1) / (count + norm))
    postings = {}
    for word, holders in positions.items():
        rarity = np.log1p((len(texts) - len(holders) + 0.5) / (len(holders) + 0.5))
        postings[word] = (
            np.array(holders, dtype=np.intp),
            np.array(times[word], dtype=np.float32) * np.float32(rarity),
        )
    return Lexicon(len(texts), postings)


def lexical_scores(queries: Sequence[str], lexicon: Lexicon) -> FloatArray:
    """Return every query's BM25 with every agent's text, squeezed by `bm25 / (bm25 + HALF)`.

    Returns:
        Shape (queries, agents), from 0 to below 1.
    """
    scores = np.zeros((len(queries), lexicon.agents), dtype=np.float32)
    if not lexicon.postings:
        return scores
    for row, query in zip(scores, queries, strict=True):
        for word in dict.fromkeys(stems(query)):
            if word in lexicon.postings:
                positions, weights = lexicon.postings[word]
                row[positions] += weights
    scores /= scores + np.float32(HALF)
    return scores
