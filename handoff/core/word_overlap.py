"""Words in common between queries: which examples say what a query says, in the same words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from handoff.core.model import FloatArray, IntArray
from handoff.core.tagging import stems

_WORD = re.compile(r"\w+(?:'\w+)?")
_EDGE = ""


@dataclass(frozen=True, slots=True, eq=False)
class WordIndex:
    """Which words and word pairs the examples hold, in compressed rows, one a term.

    Attributes:
        terms: Each term's row.
        rarity: ln((1 + examples) / (1 + examples with the term)) + 1, shape (terms,).
        starts: Where a term's examples start, shape (terms + 1,).
        examples: Example positions, term after term, shape (entries,).
        shares: The term's share of that example's unit row, shape (entries,).
    """

    terms: dict[str, int] = field(repr=False)
    rarity: FloatArray
    starts: IntArray
    examples: IntArray
    shares: FloatArray


def normal_form(query: str) -> str:
    """Return what near-duplicates have in common: a query's words without the commonest endings."""
    return " ".join(stems(query)) or query.casefold()


def terms_of(text: str) -> set[str]:
    """Return a text's words, and its pairs of neighbouring words, edges counting as words."""
    words = _WORD.findall(text.lower())
    if not words:
        return set()
    return {*words, *(" ".join(pair) for pair in pairwise((_EDGE, *words, _EDGE)))}


def index_words(texts: Sequence[str]) -> WordIndex:
    """Index the examples' words and word pairs."""
    found = [sorted(terms_of(text)) for text in texts]
    terms: dict[str, int] = {}
    for held in found:
        for term in held:
            terms.setdefault(term, len(terms))
    columns = np.array([terms[term] for held in found for term in held], dtype=np.intp)
    rows = np.repeat(np.arange(len(texts)), [len(held) for held in found])
    counts = np.bincount(columns, minlength=len(terms))
    rarity = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
    shares = rarity[columns]
    lengths = np.sqrt(np.bincount(rows, shares**2, minlength=len(texts)))
    order = np.argsort(columns, kind="stable")
    return WordIndex(
        terms,
        rarity,
        np.concatenate([[0], np.cumsum(counts)]),
        rows[order],
        (shares / lengths[rows]).astype(np.float32)[order],
    )


def overlap_with(index: WordIndex, texts: Sequence[str], examples: int) -> FloatArray:
    """Compare the words of queries with those of examples, shape (queries, examples), 0 to 1."""
    overlap = np.zeros((len(texts), examples), dtype=np.float32)
    for row, text in zip(overlap, texts, strict=True):
        known = [index.terms[term] for term in terms_of(text) if term in index.terms]
        if not known:
            continue
        shares = index.rarity[known]
        shares = shares / np.sqrt(shares @ shares)
        parts = [slice(index.starts[term], index.starts[term + 1]) for term in known]
        holders = np.concatenate([index.examples[part] for part in parts])
        products = np.concatenate(
            [index.shares[part] * share for part, share in zip(parts, shares, strict=True)]
        )
        row[:] = np.bincount(holders, products, minlength=examples)
    return overlap


def overlap_within(index: WordIndex, examples: int) -> FloatArray:
    """Compare the examples' words with one another, shape (examples, examples).

    Terms that only one example holds are left out of the product: they touch the diagonal alone.
    """
    counts = np.diff(index.starts)
    column = np.cumsum(counts > 1) - 1
    shared = np.repeat(counts > 1, counts)
    rows = np.zeros((examples, int(column[-1]) + 1 if len(column) else 0), dtype=np.float32)
    rows[index.examples[shared], np.repeat(column, counts)[shared]] = index.shares[shared]
    overlap = rows @ rows.T
    np.fill_diagonal(overlap, 1)
    return overlap
