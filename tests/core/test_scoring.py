"""Similarity as arithmetic."""

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handoff.core.scoring import similarities, unit

DIMENSIONS = 5


def rows(least: int = 1, most: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Draw vectors of a size that embedders give, some of them zeros."""
    elements = st.floats(-100, 100, width=32).map(lambda value: value if abs(value) > 1e-3 else 0.0)
    return st.integers(least, most).flatmap(
        lambda count: arrays(np.float32, (count, DIMENSIONS), elements=elements)
    )


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Work out a cosine in float64; 0 where a vector is zeros."""
    lengths = np.linalg.norm(one.astype(float)) * np.linalg.norm(other.astype(float))
    return float(one.astype(float) @ other.astype(float) / lengths) if lengths else 0.0


@some
@given(vectors=rows())
def test_unit_rows_have_length_one_or_are_zeros(vectors):
    """Every row with anything in it ends at length one, in float32."""
    scaled = unit(vectors)

    expected = [float(row.any()) for row in vectors]

    assert np.linalg.norm(scaled, axis=1) == pytest.approx(expected, abs=1e-6)
    assert scaled.dtype == np.float32


def test_a_zero_row_stays_zero():
    """A text that says nothing is similar to nothing, and no division by zero comes of it."""
    scaled = unit(np.array([[0, 0], [3, 4]], dtype=np.float32))

    assert scaled.tolist() == [[0, 0], pytest.approx([0.6, 0.8])]
    assert similarities(scaled, scaled, np.arange(2)).tolist() == [[0, 0], [0, pytest.approx(1)]]


@some
@given(vectors=rows(), factor=st.floats(0.01, 1000))
def test_scaling_all_vectors_changes_no_similarity(vectors, factor):
    """Only directions count."""
    owner = np.arange(len(vectors))
    plain, scaled = unit(vectors), unit((vectors * factor).astype(np.float32))

    assert similarities(scaled, scaled, owner) == pytest.approx(
        similarities(plain, plain, owner), abs=1e-6
    )


@some
@given(queries=rows(), matrix=rows())
def test_with_one_row_an_agent_similarities_are_cosines(queries, matrix):
    """Where every agent owns one row, the result is the plain table of cosines."""
    expected = [[cosine(query, row) for row in matrix] for query in queries]

    found = similarities(unit(queries), unit(matrix), np.arange(len(matrix)))

    assert found == pytest.approx(np.array(expected), abs=1e-6)


@some
@given(queries=rows(), matrix=rows(least=2), data=st.data())
def test_an_agent_with_several_rows_counts_its_best(queries, matrix, data):
    """Rows are pooled by the highest cosine, agent by agent."""
    steps = data.draw(
        st.lists(st.booleans(), min_size=len(matrix) - 1, max_size=len(matrix) - 1), label="steps"
    )
    owner = np.array([0, *np.cumsum(steps)], dtype=np.intp)
    expected = [
        [
            max(cosine(query, row) for row, at in zip(matrix, owner, strict=True) if at == agent)
            for agent in range(owner[-1] + 1)
        ]
        for query in queries
    ]

    found = similarities(unit(queries), unit(matrix), owner)

    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_pooling_takes_the_nearest_of_an_agents_rows():
    """The second agent's last row points the query's way, so that one speaks for it."""
    matrix = np.array([[0, 1], [-1, 0], [0, 1], [1, 0]], dtype=np.float32)

    found = similarities(np.array([[1, 0]], dtype=np.float32), matrix, np.array([0, 1, 1, 1]))

    assert found.tolist() == [[0, 1]]


@some
@given(queries=rows(), matrix=rows())
def test_a_query_alone_and_in_a_batch_agree(queries, matrix):
    """The faster product for a single query is the same to a millionth."""
    vectors, rows_, owner = unit(queries), unit(matrix), np.arange(len(matrix))

    batch = similarities(vectors, rows_, owner)

    alone = np.concatenate([similarities(vector[None, :], rows_, owner) for vector in vectors])

    assert batch == pytest.approx(alone, abs=1e-6)


@some
@given(vectors=rows())
def test_similarities_stay_between_minus_one_and_one(vectors):
    """Rounding never carries a cosine over the edge, towards itself or its opposite."""
    scaled = unit(vectors)

    found = similarities(scaled, np.concatenate([scaled, -scaled]), np.arange(2 * len(scaled)))

    assert found.min() >= -1
    assert found.max() <= 1


@pytest.mark.parametrize("queries", [0, 1, 3], ids=["no query", "one query", "three queries"])
def test_there_is_one_row_a_query_and_one_column_an_agent(queries):
    """The shape follows the queries and the owners, whatever their number."""
    vectors = np.zeros((queries, 2), dtype=np.float32)
    matrix = np.zeros((4, 2), dtype=np.float32)

    assert similarities(vectors, matrix, np.array([0, 0, 1, 1])).shape == (queries, 2)
    assert similarities(vectors, matrix, np.arange(4)).shape == (queries, 4)


def test_the_registrys_rows_are_left_alone():
    """Clipping works on the product, never on the matrix that all queries share."""
    matrix = np.array([[2, 0], [0, 3]], dtype=np.float32)

    similarities(np.array([[1, 0]], dtype=np.float32), matrix, np.arange(2))

    assert matrix.tolist() == [[2, 0], [0, 3]]
