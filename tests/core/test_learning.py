"""Labelled queries correct a cosine: what they may do to it, and what they must not."""

from itertools import pairwise

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core import learning
from handoff.core.learning import (
    DOUBT,
    NO_OWNER,
    NOBODY_DEPTH,
    RIDGE,
    SLACK,
    WORDS,
    Lessons,
    bend,
    best_threshold,
    learn,
    likeness,
    newness,
    score_queries,
    slope_of,
    strongest_voice,
)
from handoff.core.word_overlap import index_words, overlap_within

DIMENSIONS = 16
SAID = ("card", "charged", "twice", "rain", "tomorrow", "roses", "soil", "my", "why")

texts = st.one_of(
    st.just(""), st.lists(st.sampled_from(SAID), min_size=1, max_size=5).map(" ".join)
)


def unit(rows):
    """Scale rows to length one; rows of nothing stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(lengths, lengths, 1)).astype(np.float32)


def vectors_of(random, count):
    """Return unit rows that point rather the same way, as embeddings do."""
    return unit(random.normal(size=(count, DIMENSIONS)) + 0.3)


def lessons_of(random, owners, said=None):
    """Return examples with these owners, each of words of its own unless told otherwise."""
    if said is None:
        said = [f"{SAID[row % len(SAID)]} number{row}" for row in range(len(owners))]
    return Lessons(tuple(said), vectors_of(random, len(owners)), np.array(owners, dtype=np.intp))


def clusters(random, agents, each, nobodies=0, noise=0.5):
    """Return agents and examples that lie around centres, which the descriptions miss.

    Nobody's examples have a centre of their own; an example's words name its owner.
    """
    centres = vectors_of(random, agents + 1)
    described = unit(centres[:agents] + random.normal(size=(agents, DIMENSIONS)) * 0.35)
    owners = [agent for agent in range(agents) for _ in range(each)] + [NO_OWNER] * nobodies
    rows = unit(centres[owners] + random.normal(size=(len(owners), DIMENSIONS)) * noise)
    said = [f"word{owner} other{row}" for row, owner in enumerate(owners)]
    return described, Lessons(tuple(said), rows, np.array(owners, dtype=np.intp))


@st.composite
def problems(draw, least=0, most=12):
    """Draw agents, examples of any kind with any words, and queries with theirs."""
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    agents = vectors_of(random, draw(st.integers(1, 5)))
    owners = draw(st.lists(st.integers(NO_OWNER, len(agents) - 1), min_size=least, max_size=most))
    said = [draw(texts) for _ in owners]
    lessons = lessons_of(random, owners, said)
    if owners and draw(st.booleans()):
        # The same query twice, or one that the embedder knows nothing of.
        lessons.vectors[draw(st.integers(0, len(owners) - 1))] = draw(
            st.sampled_from([lessons.vectors[0].copy(), np.zeros(DIMENSIONS, dtype=np.float32)])
        )
    queries = [draw(texts) for _ in range(3)]
    vectors = np.concatenate([vectors_of(random, 2), lessons.vectors[:1], agents[:1]])[:3]
    return agents, lessons, vectors, queries


@some
@given(problem=problems(most=0))
def test_without_examples_a_score_is_the_plain_cosine(problem):
    """Bit for bit: a registry that learns nothing routes as it did."""
    agents, lessons, vectors, queries = problem

    learned = learn(agents, lessons)
    scores = score_queries(vectors, queries, learned)

    assert scores.tobytes() == (vectors @ agents.T).tobytes()
    assert learned.threshold is None
    assert learned.held_out.shape == (0, len(agents))
    assert strongest_voice(vectors[0], queries[0], learned, 0) is None


@some
@given(problem=problems(least=1))
def test_scores_stay_similarities_for_any_examples(problem):
    """From -1 to 1, float32 and never NaN: repeated, contradicting, empty or without a vector."""
    agents, lessons, vectors, queries = problem

    learned = learn(agents, lessons)
    scores = score_queries(vectors, queries, learned)

    for figures in (scores, learned.held_out):
        assert figures.dtype == np.float32
        assert np.isfinite(figures).all()
        assert np.abs(figures).max() <= 1
    assert scores.shape == (3, len(agents))
    assert learned.held_out.shape == (len(lessons), len(agents))
    assert (learned.lift >= 1).all()
    assert learned.threshold is None or np.isfinite(learned.threshold)


@pytest.mark.parametrize(
    ("agents", "owners", "said"),
    [
        pytest.param(3, [1], ["one"], id="one example"),
        pytest.param(3, [NO_OWNER], ["one"], id="one of nobody's"),
        pytest.param(3, [1] * 20, None, id="all of one agent"),
        pytest.param(3, [NO_OWNER] * 20, None, id="only nobody's"),
        pytest.param(1, [0, 0, NO_OWNER, 0, NO_OWNER], None, id="one agent"),
        pytest.param(3, [0, 1, 2, NO_OWNER], [""] * 4, id="empty texts"),
        pytest.param(3, [0, 1, 2, NO_OWNER], ["?!", "...", "-", "!"], id="texts without words"),
        pytest.param(3, [0, 1, 2, NO_OWNER], ["the same"] * 4, id="contradicting texts"),
    ],
)
def test_odd_sets_of_examples_teach_something_finite(agents, owners, said):
    """Whatever somebody labels first, routing goes on."""
    random = np.random.default_rng(1)
    rows = vectors_of(random, agents)
    lessons = lessons_of(random, owners, said)

    learned = learn(rows, lessons)
    scores = score_queries(lessons.vectors, lessons.texts, learned)

    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1


def test_zero_vectors_and_contradictions_teach_something_finite():
    """What the embedder knows nothing of is like everything, and the same query has two owners."""
    random = np.random.default_rng(1)
    agents = vectors_of(random, 3)
    same = vectors_of(random, 1)
    rows = np.concatenate([same, same, np.zeros((2, DIMENSIONS), dtype=np.float32)])
    lessons = Lessons(("a b", "a b", "", ""), rows, np.array([0, 1, 2, NO_OWNER]))

    scores = score_queries(rows, lessons.texts, learn(agents, lessons))

    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1


def test_agents_without_vectors_are_scored_all_the_same():
    """Descriptions that the embedder knows nothing of have a cosine of 0 with everything."""
    random = np.random.default_rng(1)
    agents = np.zeros((2, DIMENSIONS), dtype=np.float32)
    lessons = lessons_of(random, [0, 0, 1, NO_OWNER])

    learned = learn(agents, lessons)
    scores = score_queries(lessons.vectors, lessons.texts, learned)

    assert np.isfinite(scores).all()
    assert scores[0, 0] > scores[0, 1]


def really_without(agents, lessons, learned, row):
    """Score an example by solving again without it, at the same level, lift, idf and doubt.

    The whole set's word shares, its targets and its ridge stay: only the example goes.
    """
    owners = lessons.owners
    level = np.float64(learned.level)
    excess = learned.lift * ((lessons.vectors @ agents.T).astype(np.float64) - level)
    new = newness(owners, len(agents)).astype(np.float64)
    targets = excess * (SLACK + (1 - SLACK) * new)
    owned = owners != NO_OWNER
    depth = NOBODY_DEPTH * min(1, owned.sum() / max(1, (~owned).sum()))
    targets[~owned] = -depth
    targets[owned, owners[owned]] = 1 - level
    overlap = overlap_within(index_words(lessons.texts), len(lessons))
    kernel = (1 - WORDS) * bend(lessons.vectors @ lessons.vectors.T) + WORDS * overlap
    rest = np.arange(len(lessons)) != row
    square = kernel[np.ix_(rest, rest)].astype(np.float64)
    square[np.diag_indices_from(square)] += RIDGE + DOUBT / len(lessons)
    weights = np.linalg.solve(square, (targets - excess)[rest])
    return np.clip(level + excess[row] + kernel[row, rest] @ weights, -1, 1)


@some
@given(
    seed=st.integers(0, 1_000),
    owners=st.lists(st.integers(NO_OWNER, 3), min_size=2, max_size=20),
)
def test_held_out_scores_are_those_of_learning_without_the_example(seed, owners):
    """The closed form agrees with really leaving each one out."""
    random = np.random.default_rng(seed)
    agents, lessons = vectors_of(random, 4), lessons_of(random, owners)

    learned = learn(agents, lessons)

    for row in range(len(owners)):
        alone = really_without(agents, lessons, learned, row)
        assert learned.held_out[row] == pytest.approx(alone, abs=1e-5), row


def test_held_out_scores_do_not_know_their_own_label():
    """Another owner for an example changes what the others score, hardly what it scores itself.

    Only through the counts of owners and the slope, which are told in the docstring.
    """
    random = np.random.default_rng(5)
    agents, lessons = clusters(random, 4, 12)
    other = lessons.owners.copy()
    other[0] = 1
    before = learn(agents, lessons)
    after = learn(agents, Lessons(lessons.texts, lessons.vectors, other))

    moved = np.abs(after.held_out - before.held_out).max(axis=1)

    assert moved[0] < 0.05
    assert moved[1:].max() > moved[0]


@some
@given(seed=st.integers(0, 1_000), data=st.data())
def test_the_order_of_examples_does_not_matter(seed, data):
    """Permuting examples permutes what they score held out, and changes no query's score."""
    random = np.random.default_rng(seed)
    agents, lessons = clusters(random, 3, 4, nobodies=3)
    order = np.array(data.draw(st.permutations(range(len(lessons)))))
    shuffled = Lessons(
        tuple(lessons.texts[row] for row in order), lessons.vectors[order], lessons.owners[order]
    )
    query = vectors_of(random, 2)

    one, other = learn(agents, lessons), learn(agents, shuffled)

    assert other.held_out == pytest.approx(one.held_out[order], abs=1e-4)
    assert score_queries(query, ["word0 rain"] * 2, other) == pytest.approx(
        score_queries(query, ["word0 rain"] * 2, one), abs=1e-4
    )


@some
@given(seed=st.integers(0, 1_000), data=st.data())
def test_the_order_of_agents_does_not_matter(seed, data):
    """Permuting agents permutes the columns of every score."""
    random = np.random.default_rng(seed)
    agents, lessons = clusters(random, 4, 3, nobodies=3)
    order = np.array(data.draw(st.permutations(range(4))))
    places = np.argsort(order)
    owners = np.where(lessons.owners == NO_OWNER, NO_OWNER, places[lessons.owners])
    shuffled = Lessons(lessons.texts, lessons.vectors, owners)
    query = vectors_of(random, 2)

    one, other = learn(agents, lessons), learn(agents[order], shuffled)

    assert other.lift == pytest.approx(one.lift[order], abs=1e-4)
    assert other.held_out == pytest.approx(one.held_out[:, order], abs=1e-4)
    assert score_queries(query, ["word0 rain"] * 2, other) == pytest.approx(
        score_queries(query, ["word0 rain"] * 2, one)[:, order], abs=1e-4
    )


@some
@given(seed=st.integers(0, 1_000))
def test_turning_the_space_changes_nothing(seed):
    """Scores depend on cosines alone: a rotation of all vectors is no other registry."""
    random = np.random.default_rng(seed)
    agents, lessons = clusters(random, 3, 4, nobodies=3)
    turn = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))[0].astype(np.float32)
    turned = Lessons(lessons.texts, lessons.vectors @ turn, lessons.owners)

    one, other = learn(agents, lessons), learn(agents @ turn, turned)

    assert other.held_out == pytest.approx(one.held_out, abs=1e-4)


def test_an_examples_owner_gains_at_that_very_query():
    """Its score rises towards 1; queries unlike every example hardly move."""
    random = np.random.default_rng(3)
    agents, lessons = clusters(random, 4, 6)
    before = lessons.vectors @ agents.T
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

    assert right.mean() > ((asked @ agents.T).argmax(axis=1) == owners).mean()


def test_nobodys_examples_push_down():
    """Every agent scores lower near a query that nobody should take."""
    random = np.random.default_rng(4)
    agents, lessons = clusters(random, 4, 10, nobodies=20)
    nobodies = lessons.owners == NO_OWNER

    learned = learn(agents, lessons)
    best = learned.held_out.max(axis=1)

    assert best[nobodies].mean() < (lessons.vectors @ agents.T)[nobodies].max(axis=1).mean()
    assert best[nobodies].mean() < best[~nobodies].mean() - 0.2
    assert learned.threshold is not None


def test_nobodys_examples_alone_lower_no_score_by_much():
    """Without an agent's own examples beside them they weigh nothing."""
    random = np.random.default_rng(4)
    agents = vectors_of(random, 4)
    lessons = lessons_of(random, [NO_OWNER] * 20)
    query = vectors_of(random, 10)

    moved = np.abs(score_queries(query, [""] * 10, learn(agents, lessons)) - query @ agents.T)

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
    plain = asked @ agents.T
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
        moved.append(float(np.abs(scores - query @ agents.T).mean()))

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


@some
@given(problem=problems(least=1))
def test_what_examples_add_sums_to_the_score(problem):
    """Likeness times weight, over all examples, on the lifted cosine: nothing is hidden."""
    agents, lessons, vectors, queries = problem
    learned = learn(agents, lessons)
    cosines = vectors @ agents.T
    lifted = learned.level + learned.lift * (cosines - learned.level)
    added = likeness(vectors, queries, learned)[:, :, None] * learned.weights[None]

    scores = score_queries(vectors, queries, learned)

    assert scores == pytest.approx(np.clip(lifted + added.sum(axis=1), -1, 1), abs=1e-4)


@some
@given(problem=problems(least=1))
def test_the_strongest_voice_is_the_largest_of_what_is_added(problem):
    """And nobody's voice where no example speaks for the agent."""
    agents, lessons, vectors, queries = problem
    learned = learn(agents, lessons)
    added = likeness(vectors, queries, learned)[:, :, None] * learned.weights[None]

    for row, position in np.ndindex(len(vectors), len(agents)):
        voice = strongest_voice(vectors[row], queries[row], learned, position)
        best = added[row, :, position].max()
        if voice is None:
            assert best <= 1e-6
        else:
            assert voice.added == pytest.approx(best, abs=1e-5)
            assert added[row, voice.example, position] == pytest.approx(best, abs=1e-5)


def test_the_example_that_speaks_for_its_owner_is_the_query_itself():
    """Asked what was taught, the answer names that very example."""
    random = np.random.default_rng(9)
    agents, lessons = clusters(random, 3, 5)
    learned = learn(agents, lessons)

    for row, owner in enumerate(lessons.owners.tolist()):
        voice = strongest_voice(lessons.vectors[row], lessons.texts[row], learned, owner)

        assert voice is not None
        assert lessons.owners[voice.example] == owner
        assert voice.added > 0


levels = st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.75])


@some
@given(cases=st.lists(st.tuples(levels, levels, st.integers(NO_OWNER, 1)), min_size=1, max_size=12))
def test_the_best_threshold_has_as_many_right_answers_as_any(cases):
    """And more than selecting always; where there is none, few would be gained by any."""
    scores = np.array([case[:2] for case in cases], dtype=np.float32)
    owners = np.array([case[2] for case in cases], dtype=np.intp)
    best, chosen = scores.max(axis=1), scores.argmax(axis=1)

    def right(threshold):
        return int(np.count_nonzero(np.where(best >= threshold, chosen, NO_OWNER) == owners))

    always, most = right(-1.0), max(right(edge) for edge in (*best.tolist(), 1.1))
    one_kind = len({owner == NO_OWNER for owner in owners.tolist()}) == 1

    found = best_threshold(scores, owners)

    if found is None:
        assert one_kind or most - always <= len(cases) ** 0.5
    else:
        assert right(found) == most > always
        assert -1 <= found <= 1.0000002


@pytest.mark.parametrize("owners", [[0, 1, 0], [NO_OWNER] * 3], ids=["none of nobody's", "all"])
def test_one_kind_of_examples_asks_for_no_threshold(owners):
    """Where nothing was to be refused, or everything, no threshold can be told."""
    scores = np.array([[0.5, 0.1], [0.2, 0.4], [0.9, 0.0]], dtype=np.float32)

    assert best_threshold(scores, np.array(owners)) is None


def test_the_threshold_in_figures():
    """Halfway between the last that should be handed off and the first that should not."""
    scores = np.array([[0.9, 0], [0.8, 0], [0.75, 0]] + [[0.25, 0]] * 5, dtype=np.float32)
    owners = np.array([0, 0, 0] + [NO_OWNER] * 5)

    assert best_threshold(scores, owners) == 0.5
