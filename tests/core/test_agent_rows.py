"""The agents as vectors, and how queries are compared with them."""

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lessons import of_one_phrase

from handoff.core.agent_rows import PHRASES, AgentRows, compare, texts_of
from handoff.core.model import Agent
from handoff.core.scoring import unit
from handoff.core.texts import agent_text

DIMENSIONS = 5


def rows(least: int = 1, most: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Draw vectors of a size that embedders give, some of them zeros."""
    elements = st.floats(-100, 100, width=32).map(lambda value: value if abs(value) > 1e-3 else 0.0)
    return st.integers(least, most).flatmap(
        lambda count: arrays(np.float32, (count, DIMENSIONS), elements=elements)
    )


@st.composite
def agents(draw: st.DrawFn) -> AgentRows:
    """Draw the unit rows of agents, some of them with phrases."""
    wholes = draw(rows())
    phrases = draw(st.lists(st.sampled_from([0, 2, 3]), min_size=len(wholes), max_size=len(wholes)))
    owner = np.repeat(np.arange(len(wholes)), phrases)
    parts = draw(rows(len(owner), len(owner)))
    return AgentRows(unit(wholes), unit(parts), owner)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Work out a cosine in float64; 0 where a vector is zeros."""
    lengths = np.linalg.norm(one.astype(float)) * np.linalg.norm(other.astype(float))
    return float(one.astype(float) @ other.astype(float) / lengths) if lengths else 0.0


@some
@given(queries=rows(), described=agents())
def test_a_score_is_seven_parts_whole_and_three_parts_nearest_phrase(queries, described):
    """A loop over agents and phrases says the same; one without phrases counts by its whole."""
    expected = []
    for query in queries:
        scores = []
        for position, whole in enumerate(described.wholes):
            score = cosine(query, whole)
            own = described.phrases[described.owner == position]
            if len(own):
                score = 0.7 * score + 0.3 * max(cosine(query, phrase) for phrase in own)
            scores.append(score)
        expected.append(scores)

    assert compare(unit(queries), described) == pytest.approx(np.array(expected), abs=1e-6)


@some
@given(queries=rows(), matrix=rows())
def test_where_every_description_is_one_phrase_scores_are_cosines_to_the_last_bit(queries, matrix):
    """Pooling costs such a registry nothing and moves no score of it."""
    vectors, wholes = unit(queries), unit(matrix)
    one = len(vectors) == 1
    plain = (wholes @ vectors[0])[None, :] if one else vectors @ wholes.T

    found = compare(vectors, of_one_phrase(wholes))

    assert found.tobytes() == np.clip(plain, -1, 1).tobytes()
    assert found.dtype == np.float32


@some
@given(queries=rows(), described=agents())
def test_phrases_of_one_agent_move_no_other_agents_score(queries, described):
    """An agent without phrases scores to the last bit as if nobody had any."""
    found = compare(unit(queries), described)

    plain = compare(unit(queries), of_one_phrase(described.wholes))

    alone = np.setdiff1d(np.arange(len(described)), described.owner)
    assert found[:, alone].tobytes() == plain[:, alone].tobytes()


@some
@given(queries=rows(), described=agents())
def test_a_query_alone_and_in_a_batch_agree(queries, described):
    """The faster product for a single query is the same to a millionth."""
    vectors = unit(queries)

    batch = compare(vectors, described)

    alone = np.concatenate([compare(vector[None, :], described) for vector in vectors])
    assert batch == pytest.approx(alone, abs=1e-6)


@some
@given(vectors=rows(least=2))
def test_similarities_stay_between_minus_one_and_one(vectors):
    """Rounding never carries one over the edge, towards itself or its opposite."""
    scaled = unit(vectors)
    wholes = np.concatenate([scaled, -scaled])
    owner = np.repeat(np.arange(len(wholes)), 2)

    found = compare(scaled, AgentRows(wholes, np.repeat(wholes, 2, axis=0), owner))

    assert found.min() >= -1
    assert found.max() <= 1


def test_the_nearest_phrase_lifts_an_agent():
    """The second agent's last phrase points the query's way, so that one speaks for it."""
    wholes = np.array([[0, 1], [0, 1]], dtype=np.float32)
    phrases = np.array([[-1, 0], [0, 1], [1, 0]], dtype=np.float32)

    found = compare(
        np.array([[1, 0]], dtype=np.float32), AgentRows(wholes, phrases, np.array([1, 1, 1]))
    )

    assert found.tolist() == [[0, float(PHRASES)]]


@pytest.mark.parametrize("queries", [0, 1, 3], ids=["no query", "one query", "three queries"])
@pytest.mark.parametrize("owner", [[], [0, 0, 2, 2]], ids=["one phrase each", "several"])
def test_there_is_one_row_a_query_and_one_column_an_agent(queries, owner):
    """The shape follows the queries and the agents, whatever their number."""
    vectors = np.zeros((queries, 2), dtype=np.float32)
    described = AgentRows(
        np.zeros((4, 2), dtype=np.float32),
        np.zeros((len(owner), 2), dtype=np.float32),
        np.array(owner, dtype=np.intp),
    )

    assert compare(vectors, described).shape == (queries, 4)


def test_the_registrys_rows_are_left_alone():
    """Clipping works on the product, never on the matrix that all queries share."""
    wholes = np.array([[2, 0], [0, 3]], dtype=np.float32)
    phrases = np.array([[4, 0], [0, 5]], dtype=np.float32)

    compare(np.array([[1, 0]], dtype=np.float32), AgentRows(wholes, phrases, np.array([1, 1])))

    assert wholes.tolist() == [[2, 0], [0, 3]]
    assert phrases.tolist() == [[4, 0], [0, 5]]


def test_texts_are_one_an_agent_and_then_the_phrases():
    """So that rows can be taken apart without being copied."""
    two = Agent("two", "Two", "Bread, cakes.")
    one = Agent("one", "One", "Plants.")
    three = Agent("three", "Three", "Rain, wind; sun")

    texts = texts_of([two, one, three])

    wholes = [agent_text(agent) for agent in (two, one, three)]
    assert texts.texts == [*wholes, "Bread", "cakes", "Rain", "wind", "sun"]
    assert texts.owner.tolist() == [0, 0, 2, 2, 2]


def test_rows_are_taken_apart_as_the_texts_were_put_together():
    """In place, or looked up by text."""
    texts = texts_of([Agent("two", "Two", "Bread, cakes."), Agent("one", "One", "Plants.")])
    vectors = np.arange(8, dtype=np.float32).reshape(4, 2)

    taken = texts.rows(vectors)
    found = texts.rows_from(dict(zip(texts.texts, vectors, strict=True)))

    assert len(taken) == 2
    assert np.shares_memory(taken.wholes, vectors)
    assert np.shares_memory(taken.phrases, vectors)
    for each in (taken, found):
        assert each.wholes.tolist() == [[0, 1], [2, 3]]
        assert each.phrases.tolist() == [[4, 5], [6, 7]]
        assert each.owner.tolist() == [0, 0]
