"""Agents and queries on a plane."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.agents.plane import project


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 12), width=st.integers(1, 6), seed=st.integers(0, 5))
def test_a_map_has_a_point_for_each_and_shares_up_to_one(count, width, seed):
    """Whatever the shape of the vectors."""
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)

    found = project(rows, rows[:1])

    assert [points.shape for points in found.points] == [(count, 2), (1, 2)]
    assert 0 <= found.variance[1] <= found.variance[0] <= 1
    assert sum(found.variance) <= 1 + 1e-9
    assert np.allclose(found.points[0][0], found.points[1][0], atol=1e-5)


def test_points_of_a_plane_keep_their_distances():
    """Nothing is lost where there are only two dimensions."""
    rows = np.array([[0, 0, 1], [3, 0, 1], [0, 4, 1]], dtype=np.float32)

    points = project(rows).points[0]

    assert np.isclose(np.linalg.norm(points[1] - points[2]), 5)
    assert np.isclose(sum(project(rows).variance), 1)


def test_agents_that_are_all_the_same_show_no_variance():
    """They lie on one point."""
    found = project(np.ones((4, 3), dtype=np.float32))

    assert found.variance == (0, 0)
    assert np.allclose(found.points[0], 0)


def test_the_sign_is_fixed():
    """Twice the same agents, twice the same map; in another order too."""
    rows = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)

    assert np.allclose(project(rows).points[0], project(rows[::-1]).points[0][::-1], atol=1e-4)
