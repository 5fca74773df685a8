"""Words in common, beside BM25 as its formula says it."""

import math
from collections import Counter

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.lexical import HALF, build_lexicon, lexical_scores
from handoff.core.tagging import stems

WORDS = ("bread", "cake", "oven", "rose", "c++", "ci/cd", "the")
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
registries = st.lists(texts, min_size=1, max_size=5)


def bm25(query: str, text: str, among: list[str]) -> float:
    """Return BM25 with k1 = 1.2 and b = 0.75, and Lucene's inverse document frequency."""
    counted = [Counter(stems(each)) for each in among]
    mean_length = sum(words.total() for words in counted) / len(counted)
    words = Counter(stems(text))
    total = 0.0
    for word in set(stems(query)) & set(words):
        holders = sum(word in each for each in counted)
        rarity = math.log(1 + (len(among) - holders + 0.5) / (holders + 0.5))
        length = 1 - 0.75 + 0.75 * words.total() / mean_length
        total += rarity * words[word] * 2.2 / (words[word] + 1.2 * length)
    return total


@some
@given(query=texts, agents=registries)
def test_scores_are_bm25_squeezed_below_one(query, agents):
    """For every agent, `bm25 / (bm25 + 5)` of the formula, to the precision of scores."""
    expected = [bm25(query, text, agents) for text in agents]

    scores = lexical_scores([query], build_lexicon(agents))

    assert scores.dtype == np.float32
    assert scores[0].tolist() == pytest.approx([one / (one + 5) for one in expected], rel=1e-5)


@some
@given(asked=st.lists(texts, max_size=4), agents=registries)
def test_scores_are_from_zero_to_below_one(asked, agents):
    """One row a query, one column an agent; 0 exactly where no word is shared."""
    scores = lexical_scores(asked, build_lexicon(agents))

    assert scores.shape == (len(asked), len(agents))
    assert (scores >= 0).all()
    assert (scores < 1).all()
    for row, query in zip(scores, asked, strict=True):
        shared = [bool(set(stems(query)) & set(stems(text))) for text in agents]

        assert (row > 0).tolist() == shared


@some
@given(asked=st.lists(texts, min_size=1, max_size=4), agents=registries)
def test_a_query_scores_the_same_alone_and_among_others(asked, agents):
    """A batch changes nothing, to the last bit."""
    lexicon = build_lexicon(agents)

    together = lexical_scores(asked, lexicon)

    assert together.tolist() == [lexical_scores([one], lexicon)[0].tolist() for one in asked]


@some
@given(query=texts, agents=registries)
def test_repeated_words_of_a_query_count_once(query, agents):
    """Saying a word twice does not make it a better match."""
    lexicon = build_lexicon(agents)

    twice = lexical_scores([f"{query} {query}"], lexicon)

    assert twice.tolist() == lexical_scores([query], lexicon).tolist()


def test_repeated_words_of_an_agent_count_more():
    """What a text says oftener it is more about."""
    ((once, twice),) = lexical_scores(["bread"], build_lexicon(["bread cake", "bread bread"]))

    assert twice > once > 0


def test_a_rare_word_counts_more_than_a_common_one():
    """What few agents say tells them apart."""
    lexicon = build_lexicon(["bread rose", "bread cake", "bread oven"])

    common, rare = lexical_scores(["bread", "rose"], lexicon)[:, 0]

    assert rare > common > 0


def test_a_word_of_a_short_text_counts_more_than_one_of_a_long_text():
    """A long text has any word more easily."""
    ((short, long),) = lexical_scores(["bread"], build_lexicon(["bread", "bread cake oven rose"]))

    assert short > long > 0


def test_a_match_in_figures():
    """One word of one agent of two, both of one word: ln 2 of the formula, squeezed."""
    scores = lexical_scores(["Bread!"], build_lexicon(["breads", "roses"]))

    assert scores[0].tolist() == pytest.approx([math.log(2) / (math.log(2) + HALF), 0])


@pytest.mark.parametrize("query", ["", " ", "?!", "parliament"])
def test_a_query_without_a_known_word_scores_nothing(query):
    """Empty ones, signs and unknown words are no match with anybody."""
    assert lexical_scores([query], build_lexicon(["bread", "rose"])).tolist() == [[0, 0]]


def test_an_empty_text_matches_nothing_and_spoils_nothing():
    """An agent without a word scores 0; the other one is scored all the same."""
    ((empty, other),) = lexical_scores(["bread"], build_lexicon(["", "bread"]))

    assert empty == 0
    assert 0 < other < 1


@pytest.mark.parametrize("agents", [[""], ["", "?!"]])
def test_a_registry_without_a_word_scores_nothing(agents):
    """No length, no mean, and no warning about a division."""
    assert not lexical_scores(["bread"], build_lexicon(agents)).any()


def test_no_query_is_no_row():
    """The shape is kept."""
    assert lexical_scores([], build_lexicon(["bread", "rose"])).shape == (0, 2)


def test_a_query_of_two_thousand_rare_words_stays_below_one():
    """However much is shared, it is squeezed into the same range."""
    words = " ".join(f"word{number}" for number in range(2_000))

    ((score, *_),) = lexical_scores([words], build_lexicon([words, *["rose"] * 500]))

    assert 0.9 < score < 1
