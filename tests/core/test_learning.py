"""Learning from examples: what holds for any of them."""

import numpy as np
import pytest
from given import some
from hypothesis import given
from hypothesis import strategies as st
from lessons import (
    DIMENSIONS,
    SAID,
    agents_of,
    clusters,
    lessons_of,
    of_one_phrase,
    vectors_of,
)

from handoff.core.agent_rows import compare
from handoff.core.learning import (
    NO_OWNER,
    NOBODY_DEPTH,
    RIDGE,
    SHARED_DOUBT,
    SLACK,
    WORDS,
    Lessons,
    bend,
    best_threshold,
    learn,
    likeness,
    newness,
    score_queries,
    strongest_voice,
)
from handoff.core.word_overlap import index_words, overlap_within

texts = st.one_of(
    st.just(""), st.lists(st.sampled_from(SAID), min_size=1, max_size=5).map(" ".join)
)


@st.composite
def problems(draw, least=0, most=12):
    """Draw agents, examples of any kind with any words, and queries with theirs."""
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    phrases = st.sampled_from([0, 0, 2, 3])
    agents = agents_of(random, draw(st.lists(phrases, min_size=1, max_size=5)))
    owners = draw(st.lists(st.integers(NO_OWNER, len(agents) - 1), min_size=least, max_size=most))
    said = [draw(texts) for _ in owners]
    lessons = lessons_of(random, owners, said)
    if owners and draw(st.booleans()):
        # The same query twice, or one that the embedder knows nothing of.
        lessons.vectors[draw(st.integers(0, len(owners) - 1))] = draw(
            st.sampled_from([lessons.vectors[0].copy(), np.zeros(DIMENSIONS, dtype=np.float32)])
        )
    queries = [draw(texts) for _ in range(3)]
    vectors = np.concatenate([vectors_of(random, 2), lessons.vectors[:1], agents.wholes[:1]])[:3]
    return agents, lessons, vectors, queries


@some
@given(problem=problems(most=0))
def test_without_examples_a_score_is_the_plain_similarity(problem):
    """Bit for bit: a registry that learns nothing routes as it did."""
    agents, lessons, vectors, queries = problem

    learned = learn(agents, lessons)
    scores = score_queries(vectors, queries, learned)

    assert scores.tobytes() == compare(vectors, agents).tobytes()
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
    rows = agents_of(random, [2, 0, 3][:agents])
    lessons = lessons_of(random, owners, said)

    learned = learn(rows, lessons)
    scores = score_queries(lessons.vectors, lessons.texts, learned)

    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1


def test_zero_vectors_and_contradictions_teach_something_finite():
    """What the embedder knows nothing of is like everything, and the same query has two owners."""
    random = np.random.default_rng(1)
    agents = agents_of(random, [0, 2, 0])
    same = vectors_of(random, 1)
    rows = np.concatenate([same, same, np.zeros((2, DIMENSIONS), dtype=np.float32)])
    lessons = Lessons(("a b", "a b", "", ""), rows, np.array([0, 1, 2, NO_OWNER]))

    scores = score_queries(rows, lessons.texts, learn(agents, lessons))

    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 1


def test_agents_without_vectors_are_scored_all_the_same():
    """Descriptions that the embedder knows nothing of have a cosine of 0 with everything."""
    random = np.random.default_rng(1)
    agents = of_one_phrase(np.zeros((2, DIMENSIONS), dtype=np.float32))
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
    excess = learned.lift * (compare(lessons.vectors, agents).astype(np.float64) - level)
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
    square[np.diag_indices_from(square)] += RIDGE + SHARED_DOUBT / len(lessons)
    weights = np.linalg.solve(square, (targets - excess)[rest])
    return np.clip(level + excess[row] + kernel[row, rest] @ weights, -1, 1)


@some
@given(
    seed=st.integers(0, 1_000),
    owners=st.lists(st.integers(NO_OWNER, 3), min_size=2, max_size=20),
    phrases=st.lists(st.sampled_from([0, 2, 5]), min_size=4, max_size=4),
)
def test_held_out_scores_are_those_of_learning_without_the_example(seed, owners, phrases):
    """The closed form agrees with really leaving each one out, whatever is pooled below."""
    random = np.random.default_rng(seed)
    agents, lessons = agents_of(random, phrases), lessons_of(random, owners)

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

    one, other = learn(agents, lessons), learn(of_one_phrase(agents.wholes[order]), shuffled)

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

    one, other = learn(agents, lessons), learn(of_one_phrase(agents.wholes @ turn), turned)

    assert other.held_out == pytest.approx(one.held_out, abs=1e-4)


@some
@given(problem=problems(least=1))
def test_what_examples_add_sums_to_the_score(problem):
    """Likeness times weight, over all examples, on the lifted cosine: nothing is hidden."""
    agents, lessons, vectors, queries = problem
    learned = learn(agents, lessons)
    cosines = compare(vectors, agents)
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
