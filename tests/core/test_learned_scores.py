"""What examples do to scores: whom they lift, whom they push down, and by how much."""

from itertools import pairwise

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st
from lessons import agents_of, clusters, lessons_of, vectors_of

from handoff.core import learning
from handoff.core.agent_rows import compare
from handoff.core.learning import (
    NO_OWNER,
    Lessons,
    bend,
    learn,
    newness,
    score_queries,
    slope_of,
)


def test_an_examples_owner_gains_at_that_very_query():
    """Its score rises towards 1; queries unlike every example hardly move."""
    random = np.random.default_rng(3)
    agents, lessons = clusters(random, 4, 6)
    before = compare(lessons.vectors, agents)
    rows = np.arange(len(lessons))

    after = score_queries(lessons.vectors, lessons.texts, learn(agents, lessons))

    gained = after[rows, lessons.owners] - before[rows, lessons.owners]
    assert gained.min() > 0.1
    assert after[rows, lessons.owners].min() > before[rows, lessons.owners].min()


def test_an_example_counts_for_the_other_words_of_its_owner_too():
    """Queries near an example that were not labelled gain as well."""
    random = np.random.default_rng(3)
    agents, lessons = clusters(random, 4, 20)
    taught = np.arange(len(lessons)) % 2 == 0
    half = Lessons(
        tuple(text for text, kept in zip(lessons.texts, taught, strict=True) if kept),
        lessons.vectors[taught],
        lessons.owners[taught],
    )
    asked, owners = lessons.vectors[~taught], lessons.owners[~taught]
    said = [text for text, kept in zip(lessons.texts, taught, strict=True) if not kept]

    right = score_queries(asked, said, learn(agents, half)).argmax(axis=1) == owners

    assert right.mean() > (compare(asked, agents).argmax(axis=1) == owners).mean()


def test_nobodys_examples_push_down():
    """Every agent scores lower near a query that nobody should take."""
    random = np.random.default_rng(4)
    agents, lessons = clusters(random, 4, 10, nobodies=20)
    nobodies = lessons.owners == NO_OWNER

    learned = learn(agents, lessons)
    best = learned.held_out.max(axis=1)

    assert best[nobodies].mean() < compare(lessons.vectors, agents)[nobodies].max(axis=1).mean()
    assert best[nobodies].mean() < best[~nobodies].mean() - 0.2
    assert learned.threshold is not None


def test_nobodys_examples_alone_lower_no_score_by_much():
    """Without an agent's own examples beside them they weigh nothing."""
    random = np.random.default_rng(4)
    agents = agents_of(random, [0, 3, 0, 2])
    lessons = lessons_of(random, [NO_OWNER] * 20)
    query = vectors_of(random, 10)

    moved = np.abs(score_queries(query, [""] * 10, learn(agents, lessons)) - compare(query, agents))

    assert moved.max() < 0.25


def test_agents_without_examples_are_not_crushed():
    """Half of the agents have thirty examples each; the others are found as often as before.

    Were the nearest example to decide, half of them would not be.
    """
    random = np.random.default_rng(7)
    agents, lessons = clusters(random, 8, 30, noise=0.2)
    rich = lessons.owners < 4
    taught = Lessons(
        tuple(text for text, kept in zip(lessons.texts, rich, strict=True) if kept),
        lessons.vectors[rich],
        lessons.owners[rich],
    )
    asked, owners = lessons.vectors[~rich], lessons.owners[~rich]
    plain = compare(asked, agents)
    nearest = plain.copy()
    for agent in range(4):
        closest = (asked @ taught.vectors[taught.owners == agent].T).max(axis=1)
        nearest[:, agent] = np.maximum(nearest[:, agent], closest)

    scores = score_queries(asked, ["unheard of"] * len(asked), learn(agents, taught))
    right, right_before, right_by_nearest = (
        (each.argmax(axis=1) == owners).mean() for each in (scores, plain, nearest)
    )

    assert right >= right_before
    assert right_by_nearest < right_before / 2


def test_the_lift_is_for_agents_without_examples():
    """The more examples an agent has, the less its cosine is stretched."""
    random = np.random.default_rng(7)
    agents, lessons = clusters(random, 4, 30, noise=0.4)
    counts = (30, 10, 2, 0)
    kept = np.concatenate(
        [np.flatnonzero(lessons.owners == agent)[:count] for agent, count in enumerate(counts)]
    )
    taught = Lessons(
        tuple(lessons.texts[row] for row in kept), lessons.vectors[kept], lessons.owners[kept]
    )

    lift = learn(agents, taught).lift

    assert all(fewer > more for more, fewer in pairwise(lift.tolist()))
    assert lift[-1] > 1


def test_a_few_examples_move_little():
    """The first example of a registry changes scores by less than the twentieth does together."""
    random = np.random.default_rng(2)
    agents, lessons = clusters(random, 4, 10)
    query, said = vectors_of(random, 30), ["unheard of"] * 30
    moved = []
    for count in (0, 1, 40):
        part = Lessons(lessons.texts[:count], lessons.vectors[:count], lessons.owners[:count])
        scores = score_queries(query, said, learn(agents, part))
        moved.append(float(np.abs(scores - compare(query, agents)).mean()))

    assert moved[0] == 0
    assert moved[1] < 0.05
    assert moved[1] < moved[2]


def test_newness_in_figures():
    """A quarter of the mean of those that have any, over that and one's own."""
    owners = np.array([0] * 6 + [1] * 2 + [NO_OWNER] * 5)

    assert newness(owners, 3).tolist() == pytest.approx([1 / 7, 1 / 3, 1.0])
    assert newness(np.array([NO_OWNER]), 2).tolist() == [1, 1]
    assert newness(np.array([], dtype=np.intp), 2).tolist() == [1, 1]


def test_the_slope_in_figures():
    """Least squares through the origin, over owners that keep an example; at least 1."""
    owners = np.array([0, 0, 1, NO_OWNER])
    excess = np.array([[0.5, 0], [0.25, 0], [0, 0.5], [0.5, 0.5]], dtype=np.float32)
    held_out = np.array([[1.0, 0], [0.75, 0], [0, 9.0], [9, 9]], dtype=np.float32)

    # The only example of agent 1 says nothing once it is held out.
    assert slope_of(held_out, excess, owners) == pytest.approx((0.5 + 0.1875) / (0.25 + 0.0625))
    assert slope_of(excess / 2, excess, owners) == 1
    assert slope_of(held_out, np.zeros_like(excess), owners) == 1


@some
@given(low=st.floats(-1, 1, width=32), high=st.floats(-1, 1, width=32))
def test_bending_keeps_zero_one_and_the_order(low, high):
    """It is an exponential through 0 and 1: close examples count more."""
    bent = bend(np.array([0, 1, low, high], dtype=np.float32))

    assert bent[:2].tolist() == pytest.approx([0, 1], abs=1e-6)
    assert (bent[2] <= bent[3]) or low > high
    assert low <= 0 or bent[2] <= low + 1e-6


@some
@given(seed=st.integers(0, 1_000), count=st.integers(1, 12))
def test_a_bent_kernel_is_still_one(seed, count):
    """No eigenvalue below zero beyond rounding, but for the constant that moves 0 to 0."""
    rows = vectors_of(np.random.default_rng(seed), count)
    bent = bend(rows @ rows.T).astype(np.float64)
    constant = 1 / np.expm1(learning.SHARPNESS)

    assert np.linalg.eigvalsh(bent + constant).min() > -1e-5
