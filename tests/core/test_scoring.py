"""Similarity as arithmetic."""

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handoff.core.scoring import unit

DIMENSIONS = 5


def rows(least: int = 1, most: int = 6) -> st.SearchStrategy[np.ndarray]:
    """Draw vectors of a size that embedders give, some of them zeros."""
    elements = st.floats(-100, 100, width=32).map(lambda value: value if abs(value) > 1e-3 else 0.0)
    return st.integers(least, most).flatmap(
        lambda count: arrays(np.float32, (count, DIMENSIONS), elements=elements)
    )


@some
@given(vectors=rows())
def test_unit_rows_have_length_one_or_are_zeros(vectors):
    """Every row with anything in it ends at length one, in float32."""
    scaled = unit(vectors)

    expected = [float(row.any()) for row in vectors]

    assert np.linalg.norm(scaled, axis=1) == pytest.approx(expected, abs=1e-6)
    assert scaled.dtype == np.float32


def test_a_zero_row_stays_zero():
    """A text that says nothing has no direction, and no division by zero comes of it."""
    scaled = unit(np.array([[0, 0], [3, 4]], dtype=np.float32))

    assert scaled.tolist() == [[0, 0], pytest.approx([0.6, 0.8])]
