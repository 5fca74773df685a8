"""Words in common, against the same rule in plain Python."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.word_overlap import (
    index_words,
    normal_form,
    overlap_with,
    overlap_within,
    terms_of,
)

words = st.sampled_from(["card", "charged", "twice", "Rain", "can't", "über", "2", "!", ""])
texts = st.lists(words, max_size=6).map(" ".join)
corpora = st.lists(texts, min_size=1, max_size=8)


def plain_terms(text):
    """Return words and pairs of neighbours, the edges of the text being neighbours too."""
    found = re.findall(r"\w+(?:'\w+)?", text.lower())
    if not found:
        return set()
    return set(found) | {f"{one} {other}" for one, other in pairwise(["", *found, ""])}


def plain_overlap(examples, text):
    """Return the cosine of a text with each example over terms that some example holds."""
    held = [plain_terms(example) for example in examples]
    every = set().union(*held)

    def rarity(term):
        return math.log((1 + len(held)) / (1 + sum(term in one for one in held))) + 1

    def length(terms):
        return math.sqrt(sum(rarity(term) ** 2 for term in terms))

    asked = plain_terms(text) & every
    return [
        sum(rarity(term) ** 2 for term in asked & one) / (length(asked) * length(one))
        if asked & one
        else 0.0
        for one in held
    ]


@some
@given(examples=corpora, queries=st.lists(texts, min_size=1, max_size=4))
def test_overlap_is_the_cosine_of_two_bags_of_words(examples, queries):
    """Rare words weigh more, what no example holds weighs nothing."""
    overlap = overlap_with(index_words(examples), queries, len(examples))

    assert overlap.shape == (len(queries), len(examples))
    assert overlap.dtype == np.float32
    for row, query in zip(overlap, queries, strict=True):
        assert row == pytest.approx(plain_overlap(examples, query), abs=1e-5)


@some
@given(examples=corpora)
def test_overlap_within_is_that_of_each_example_with_the_others(examples):
    """Its diagonal is 1, for examples without a word too; it is the same both ways round."""
    within = overlap_within(index_words(examples), len(examples))
    each = np.array([plain_overlap(examples, text) for text in examples])
    np.fill_diagonal(each, 1)

    assert within == pytest.approx(each, abs=1e-5)
    assert np.array_equal(within, within.T)


@some
@given(examples=corpora)
def test_overlap_lies_between_0_and_1_and_is_a_kernel(examples):
    """No eigenvalue below zero beyond rounding."""
    within = overlap_within(index_words(examples), len(examples))

    assert within.min() >= 0
    assert within.max() <= 1 + 1e-5
    assert np.linalg.eigvalsh(within.astype(np.float64)).min() > -1e-5


def test_no_examples_have_nothing_in_common():
    """An empty index compares with nothing."""
    index = index_words(())

    assert overlap_with(index, ["rain"], 0).shape == (1, 0)
    assert overlap_within(index, 0).shape == (0, 0)


def test_a_pair_of_words_counts_beside_the_words():
    """The same words in another order are less alike than in the same one."""
    index = index_words(["charged twice today", "rain again"])

    same, turned = overlap_with(index, ["charged twice today", "twice today charged"], 2)[:, 0]

    assert same == pytest.approx(1)
    assert 0 < turned < same


def test_a_rare_word_weighs_more_than_a_common_one():
    """Of two examples that share one word with a query, the one with the rarer is nearer."""
    index = index_words(["my card", "my roses", "my soil", "my rain"])

    common, rare = overlap_with(index, ["my thing card"], 4)[0, [1, 0]]

    assert rare > common > 0


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        pytest.param("", set(), id="empty"),
        pytest.param("?!", set(), id="no word"),
        pytest.param("Rain", {"rain", " rain", "rain "}, id="one word"),
        pytest.param(
            "can't wait", {"can't", "wait", " can't", "can't wait", "wait "}, id="apostrophe"
        ),
    ],
)
def test_terms_in_figures(text, terms):
    """Words in lower case and pairs of neighbours; the edges are neighbours too."""
    assert terms_of(text) == terms


@some
@given(text=texts)
def test_terms_are_those_of_plain_python(text):
    """Whatever is typed."""
    assert terms_of(text) == plain_terms(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Charge my card", "charge my CARD", id="case"),
        pytest.param("charge my card", "charge my card!?", id="punctuation"),
        pytest.param("charge my card", "  charge   my card ", id="spaces"),
        pytest.param("charged my cards", "charge my card", id="endings"),
    ],
)
def test_near_duplicates_have_one_normal_form(one, other):
    """What differs by case, punctuation or the commonest endings says the same."""
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("charge my card", "my card charge", id="order"),
        pytest.param("charge my card", "do not charge my card", id="another word"),
        pytest.param("?", "!", id="without words"),
    ],
)
def test_other_queries_have_another_normal_form(one, other):
    """Another word, or another order, may be another question."""
    assert normal_form(one) != normal_form(other)


def test_a_query_without_words_is_its_own_normal_form():
    """Not the empty one, or all of them would be one query."""
    assert normal_form("?!") == "?!"
    assert normal_form("ÄÖ…").strip()


@some
@given(text=texts)
def test_the_normal_form_of_a_normal_form_says_the_same_words(text):
    """It is made of words, so that it has as many of them."""
    form = normal_form(text)

    assert len(form.split()) == len(normal_form(form).split())
