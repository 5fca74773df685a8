"""Which queries to label next: close calls, spread over agents, none like another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.core.learning import bend
from handoff.core.word_overlap import index_words, normal_form, overlap_with
from handoff.evaluation.suggest import TOO_ALIKE, WORDS, Suggestion, suggest

DIMENSIONS = 32


def apart(count):
    """Return vectors of which no two have anything in common, and queries likewise."""
    return np.eye(count, DIMENSIONS, dtype=np.float32), [f"query{row}" for row in range(count)]


def rows_of(suggestions):
    """Return the places that were chosen, in order."""
    return [one.row for one in suggestions]


def test_the_least_margin_comes_first():
    """One agent wins them all: in order of how nearly it lost."""
    vectors, queries = apart(4)
    scores = np.array([[0.9, 0.1], [0.5, 0.4], [0.5, 0.49], [0.5, 0.2]], dtype=np.float32)

    found = suggest(queries, vectors, scores, (), 4)

    assert rows_of(found) == [2, 1, 3, 0]
    assert found[0] == Suggestion(2, 0, 1, pytest.approx(0.01, abs=1e-6))


def test_agents_take_turns():
    """An agent with many close calls does not crowd the others out."""
    vectors, queries = apart(5)
    scores = np.array(
        [[0.5, 0.49, 0], [0.5, 0.48, 0], [0.5, 0.47, 0], [0.1, 0.9, 0], [0, 0.1, 0.5]],
        dtype=np.float32,
    )

    found = suggest(queries, vectors, scores, (), 5)

    assert rows_of(found) == [0, 4, 3, 1, 2]
    assert [one.best for one in found] == [0, 2, 1, 0, 0]


def test_no_more_than_asked_for_and_no_more_than_there_are():
    """Fewer where the list is short."""
    vectors, queries = apart(3)
    scores = np.array([[0.5, 0.4]] * 3, dtype=np.float32)

    assert len(suggest(queries, vectors, scores, (), 2)) == 2
    assert len(suggest(queries, vectors, scores, (), 9)) == 3


@pytest.mark.parametrize("known", ["Query1!", "query1", "  QUERY1 "])
def test_what_is_labelled_is_passed_over(known):
    """By what near-duplicates have in common."""
    vectors, queries = apart(3)
    scores = np.array([[0.5, 0.4], [0.5, 0.49], [0.5, 0.3]], dtype=np.float32)

    assert rows_of(suggest(queries, vectors, scores, {normal_form(known)}, 3)) == [0, 2]


def test_near_duplicates_of_a_chosen_one_are_passed_over():
    """By vector and words; one that shares some of both stays."""
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    queries = ["charge my card", "charge my card please", "the roses", "rain"]
    scores = np.array([[0.5, 0.49], [0.5, 0.48], [0.5, 0.47], [0.5, 0.46]], dtype=np.float32)

    assert rows_of(suggest(queries, vectors, scores, (), 4)) == [0, 2, 3]


def test_a_single_agent_has_no_runner_up():
    """Every margin is 0 then; the list is walked in order."""
    vectors, queries = apart(2)

    found = suggest(queries, vectors, np.array([[0.5], [0.9]], dtype=np.float32), (), 2)

    assert found == [Suggestion(0, 0, None, 0.0), Suggestion(1, 0, None, 0.0)]


@st.composite
def lists(draw):
    """Draw queries in few words, with vectors that are often alike, and scores."""
    count, agents = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    rows = random.normal(size=(4, 5))[random.integers(0, 4, count)]
    rows = rows + draw(st.sampled_from([0.01, 1.0])) * random.normal(size=rows.shape)
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    words = st.lists(st.sampled_from(["pay", "card", "rain", "rose"]), min_size=1, max_size=3)
    queries = [" ".join(draw(words)) for _ in range(count)]
    scores = random.choice([0.0, 0.25, 0.5], (count, agents)).astype(np.float32)
    known = {normal_form(" ".join(draw(words))) for _ in range(draw(st.integers(0, 2)))}
    return queries, vectors, scores, known


@some
@given(unlabelled=lists(), most=st.integers(1, 12))
def test_no_two_that_are_chosen_are_too_alike_and_none_is_known(unlabelled, most):
    """Whatever the list: distinct rows, apart from each other and from what is labelled."""
    queries, vectors, scores, known = unlabelled

    rows = rows_of(suggest(queries, vectors, scores, known, most))
    words = overlap_with(index_words(queries), queries, len(queries))
    alike = (1 - WORDS) * bend(vectors @ vectors.T) + WORDS * words

    assert len(rows) == len(set(rows)) <= most
    assert not any(normal_form(queries[row]) in known for row in rows)
    assert all(
        alike[later, earlier] < TOO_ALIKE + 1e-6
        for at, later in enumerate(rows)
        for earlier in rows[:at]
    )


@some
@given(unlabelled=lists(), most=st.integers(1, 12))
def test_suggestions_are_the_same_twice_and_fewer_are_the_first_of_more(unlabelled, most):
    """Nothing is drawn by chance, and asking for more changes none of the first."""
    queries, vectors, scores, known = unlabelled

    found = suggest(queries, vectors, scores, known, most)

    assert found == suggest(queries, vectors, scores, known, most)
    assert found == suggest(queries, vectors, scores, known, most + 3)[: len(found)]


@some
@given(unlabelled=lists())
def test_each_suggestion_says_who_would_get_the_query_and_by_how_little(unlabelled):
    """The two best agents by score, and the difference between them."""
    queries, vectors, scores, known = unlabelled

    for one in suggest(queries, vectors, scores, known, 12):
        ranked = np.sort(scores[one.row])[::-1]

        assert scores[one.row, one.best] == ranked[0]
        if one.second is None:
            assert scores.shape[1] == 1
        else:
            assert scores[one.row, one.second] == ranked[1]
            assert one.margin == pytest.approx(float(ranked[0] - ranked[1]))


@some
@given(unlabelled=lists())
def test_scores_are_left_as_they_are(unlabelled):
    """Whoever asks may go on with them."""
    queries, vectors, scores, known = unlabelled
    before = scores.copy(), vectors.copy()

    suggest(queries, vectors, scores, known, 12)

    assert np.array_equal(scores, before[0])
    assert np.array_equal(vectors, before[1])
