"""What examples are worth, proved on queries that they did not see."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import some

from handoff.core.agent_rows import AgentRows
from handoff.core.learning import NO_OWNER, Lessons
from handoff.core.learning import learn as core_learn
from handoff.evaluation import proof as learn
from handoff.evaluation.binomial import mcnemar
from handoff.evaluation.folds import split
from handoff.evaluation.proof import (
    FOLDS,
    SIZES,
    CurvePoint,
    draw_curve,
    next_labels_buy,
    part,
    prove,
)

DIMENSIONS = 16


def unit(rows):
    """Scale rows to length one."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def of_one_phrase(rows):
    """Return agents by the rows of their texts."""
    return AgentRows(rows, rows[:0], np.array([], dtype=np.intp))


def labelled(seed=0, agents=4, each=20, nobodies=20, noise=1.0):
    """Return agents whose descriptions say little, and queries around centres that say much."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(agents + 1, DIMENSIONS))
    owners = np.array(
        [agent for agent in range(agents) for _ in range(each)] + [NO_OWNER] * nobodies
    )
    rows = unit(centres[owners] + noise * random.normal(size=(len(owners), DIMENSIONS)))
    described = unit(centres[:agents] + 1.5 * random.normal(size=(agents, DIMENSIONS)))
    # No word is of use, so that vectors alone decide.
    texts = tuple(f"query{row}" for row in range(len(owners)))
    return of_one_phrase(described), Lessons(texts, rows, owners)


@pytest.fixture
def learnings(monkeypatch):
    """Note which examples each learning saw, and what came of it."""
    seen = []

    def noting(agents, lessons):
        learned = core_learn(agents, lessons)
        seen.append((lessons, learned))
        return learned

    monkeypatch.setattr(learn, "learn", noting)
    return seen


def test_examples_that_teach_are_proved_to():
    """Where they say more than the descriptions, accuracy rises beyond chance."""
    agents, lessons = labelled()

    proof = prove(agents, lessons)

    assert proof.after.accuracy > proof.before.accuracy + 0.1
    assert proof.accuracy_before.low < proof.before.accuracy < proof.accuracy_before.high
    assert proof.accuracy_after.low < proof.after.accuracy < proof.accuracy_after.high
    assert proof.p_value < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_labels_by_chance_do_not_look_like_learning(seed):
    """An evaluation that let a query help itself would rise here to near 100 %."""
    agents, lessons = labelled(seed)
    random = np.random.default_rng(seed)
    by_chance = Lessons(lessons.texts, lessons.vectors, random.integers(0, 4, len(lessons)))

    proof = prove(agents, by_chance)

    assert proof.after.accuracy < 0.4
    assert proof.p_value > 0.01


@some
@given(
    owners=st.lists(st.integers(NO_OWNER, 2), min_size=2, max_size=30), seed=st.integers(0, 1_000)
)
def test_better_and_worse_add_up_to_the_difference(owners, seed):
    """Every query is judged once, before and after; the p-value is that of the flips."""
    random = np.random.default_rng(seed)
    lessons = Lessons(
        tuple(f"query{row}" for row in range(len(owners))),
        unit(random.normal(size=(len(owners), DIMENSIONS))),
        np.array(owners),
    )

    proof = prove(of_one_phrase(unit(random.normal(size=(3, DIMENSIONS)))), lessons)
    good_before, good_after = (
        counts.right + counts.refused for counts in (proof.before, proof.after)
    )
    better, worse = len(proof.flips.better), len(proof.flips.worse)

    assert proof.before.cases == proof.after.cases == len(owners)
    assert good_after - good_before == better - worse
    assert proof.p_value == mcnemar(better, worse)


def test_every_query_is_judged_by_what_it_did_not_teach(learnings):
    """Five times four fifths are learned from; each query is left out once."""
    agents, lessons = labelled(each=13, nobodies=7)

    prove(agents, lessons)
    left_out = [set(lessons.texts) - set(seen.texts) for seen, _ in learnings]

    assert len(left_out) == FOLDS
    assert sorted(text for each in left_out for text in each) == sorted(lessons.texts)


def test_an_owners_examples_are_spread_over_the_folds(learnings):
    """No fold lacks an agent that has enough of them, or holds more than its share."""
    agents, lessons = labelled(each=13, nobodies=7)
    known = dict(zip(lessons.texts, lessons.owners.tolist(), strict=True))

    prove(agents, lessons)

    for seen, _ in learnings:
        left_out = [known[text] for text in set(lessons.texts) - set(seen.texts)]
        assert all(2 <= left_out.count(agent) <= 3 for agent in range(4))
        assert 1 <= left_out.count(NO_OWNER) <= 2


def test_labels_of_a_fold_do_not_influence_its_own_scores_or_threshold(learnings, monkeypatch):
    """Poisoned: with a fold's labels exchanged, what judges that fold is the same, bit for bit."""
    agents, lessons = labelled()
    folds = np.arange(len(lessons)) % FOLDS
    monkeypatch.setattr(learn, "_folds", lambda *_: folds)
    chosen = []
    choose = learn.choose
    monkeypatch.setattr(learn, "choose", lambda *asked: chosen.append(choose(*asked)) or chosen[-1])
    poisoned = lessons.owners.copy()
    poisoned[folds == 0] = np.roll(poisoned[folds == 0], 3)

    prove(agents, lessons)
    prove(agents, Lessons(lessons.texts, lessons.vectors, poisoned))
    (_, clean), (_, spoiled) = learnings[0], learnings[FOLDS]
    others = [
        (one.weights, other.weights)
        for (_, one), (_, other) in zip(learnings[1:FOLDS], learnings[FOLDS + 1 :], strict=True)
    ]

    assert clean.weights.tobytes() == spoiled.weights.tobytes()
    assert clean.threshold == spoiled.threshold
    assert chosen[0] == chosen[FOLDS]
    assert all(one.tobytes() != other.tobytes() for one, other in others)


def test_the_texts_of_a_fold_are_not_learned_from_either(learnings):
    """Words that stand in left-out queries alone weigh nothing."""
    agents, lessons = labelled(each=8, nobodies=8)

    prove(agents, lessons)

    for seen, learned in learnings:
        assert learned.lessons.texts == seen.texts
        assert not any(
            term.strip() not in " ".join(seen.texts).split()
            for term in learned.words.terms
            if " " not in term
        )


def test_a_proof_is_the_same_twice():
    """Folds and bootstrap are seeded."""
    agents, lessons = labelled(each=8, nobodies=8)

    one, other = prove(agents, lessons), prove(agents, lessons)

    assert (one.before, one.after, one.accuracy_after) == (
        other.before,
        other.after,
        other.accuracy_after,
    )
    assert one.flips.better.tolist() == other.flips.better.tolist()


@pytest.mark.parametrize("owners", [[0, 1], [0, 0, 0], [NO_OWNER] * 4, [NO_OWNER, 0]], ids=str)
def test_a_handful_is_proved_all_the_same(owners):
    """With fewer examples than folds, each is judged once and nothing fails."""
    random = np.random.default_rng(0)
    lessons = Lessons(
        tuple(f"query{row}" for row in range(len(owners))),
        unit(random.normal(size=(len(owners), DIMENSIONS))),
        np.array(owners),
    )

    proof = prove(of_one_phrase(unit(random.normal(size=(2, DIMENSIONS)))), lessons)

    assert proof.before.cases == proof.after.cases == len(owners)


def test_a_curve_ascends_and_stops_where_nothing_is_added():
    """With twenty examples per agent, half of them to learn from, ten is the last size."""
    agents, lessons = labelled()

    points = draw_curve(agents, lessons)

    assert [point.each for point in points] == [1, 2, 5, 10]
    assert all(one.examples < other.examples for one, other in pairwise(points))
    assert points[-1].accuracy > points[0].accuracy
    assert all(0 <= point.accuracy <= 1 for point in points)


def test_a_curve_learns_from_one_half_and_judges_the_other(learnings):
    """No example of a point is judged at that point; nobody's come in their natural share."""
    agents, lessons = labelled()

    draw_curve(agents, lessons, [1, 10])
    halves = [
        {lessons.texts[row] for row in np.flatnonzero(split(lessons.owners, seed))}
        for seed in range(3)
    ]
    seen = [set(each.texts) for each, _ in learnings]

    assert all(each <= halves[turn % 3] for turn, each in enumerate(seen))
    assert [int((each.owners == NO_OWNER).sum()) for each, _ in learnings] == [1] * 3 + [10] * 3
    assert [len(each) for each in seen] == [5] * 3 + [50] * 3


@pytest.mark.parametrize("owners", [[NO_OWNER] * 6, [0] * 6, [0, 1, NO_OWNER, 0]], ids=str)
def test_odd_sets_have_a_curve(owners):
    """One kind of examples, or very few: one point at least, and nothing fails."""
    random = np.random.default_rng(0)
    lessons = Lessons(
        tuple(f"query{row}" for row in range(len(owners))),
        unit(random.normal(size=(len(owners), DIMENSIONS))),
        np.array(owners),
    )

    points = draw_curve(of_one_phrase(unit(random.normal(size=(2, DIMENSIONS)))), lessons)

    assert 1 <= len(points) <= len(SIZES)


@pytest.mark.parametrize(
    ("points", "labels", "buys"),
    [
        pytest.param([], 50, None, id="no curve"),
        pytest.param([CurvePoint(1, 10, 0.5)], 50, None, id="one point"),
        pytest.param(
            [CurvePoint(1, 10, 0.5), CurvePoint(2, 20, 0.6)], 20, 0.1, id="another doubling"
        ),
        pytest.param([CurvePoint(1, 10, 0.5), CurvePoint(2, 20, 0.6)], 0, 0.0, id="no labels"),
        pytest.param([CurvePoint(1, 10, 0.6), CurvePoint(2, 20, 0.5)], 50, 0.0, id="falling"),
        pytest.param(
            [CurvePoint(1, 5, 0.1), CurvePoint(2, 10, 0.5), CurvePoint(5, 40, 0.7)],
            40,
            0.1,
            id="the end of the curve",
        ),
    ],
)
def test_what_the_next_labels_buy_in_figures(points, labels, buys):
    """The curve's last slope, by the logarithm of the number of examples."""
    assert next_labels_buy(points, labels) == (None if buys is None else pytest.approx(buys))


def test_a_part_of_the_examples_keeps_rows_together():
    """Texts, vectors and owners in the order that is asked for."""
    _, lessons = labelled(each=2, nobodies=0)

    some_of_them = part(lessons, np.array([5, 0]))

    assert some_of_them.texts == ("query5", "query0")
    assert some_of_them.owners.tolist() == [2, 0]
    assert np.array_equal(some_of_them.vectors, lessons.vectors[[5, 0]])
