"""Tags from words and similarities."""

import numpy as np
import pytest
from given import cosines, evidence_of, registries, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.model import Registry
from handoff.core.ranking import rank
from handoff.core.tagging import choose_tags, pair_tags, stems

# Words of tags, parts of them, and words of no tag.
queries = st.lists(
    st.sampled_from(["billing", "models", "CI/CD", "release", "notes", "C++", "weather", "-", ""])
).map(" ".join)


def choose(
    registry: Registry,
    agents: list[float],
    names: list[float] | None = None,
    query: str = "anything",
    content: float = 20.0,
) -> tuple[str, ...]:
    """Choose tags from these cosines; by default no tag's name is similar to the query."""
    pairs = pair_tags(registry)
    return choose_tags(
        pairs,
        query,
        np.array(agents, dtype=np.float32),
        np.array([0.0] * len(pairs.vocabulary) if names is None else names, dtype=np.float32),
        content,
    )


@st.composite
def questions(draw):
    """Draw all that tags are chosen from."""
    registry = draw(registries())
    agents = draw(st.lists(cosines, min_size=len(registry), max_size=len(registry)))
    count = len(registry.vocabulary)
    names = draw(st.lists(cosines, min_size=count, max_size=count))
    return registry, agents, names, draw(queries), draw(st.floats(0, 60))


@some
@given(question=questions())
def test_at_most_two_tags_of_the_vocabulary_are_chosen_once_each(question):
    """Whatever the similarities are, the answer is a short list without repetition."""
    tags = choose(*question)

    assert len(tags) <= 2
    assert len(set(tags)) == len(tags)
    assert set(tags) <= set(question[0].vocabulary)


@pytest.mark.parametrize(
    ("meant", "count"),
    [pytest.param(1, 1, id="one"), pytest.param(2, 2, id="two"), pytest.param(3, 0, id="three")],
)
def test_where_more_than_two_tags_would_be_needed_there_are_none(meant, count):
    """So many agents are meant alike and share no tag: any two of three would be a guess."""
    registry = registry_of([(f"tag {at}",) for at in range(8)])

    assert len(choose(registry, [0.6] * meant + [0.0] * (8 - meant))) == count


def test_a_tag_that_is_not_likely_itself_takes_the_others_with_it():
    """Whoever comes near the best may be meant, so a filter without the weak tag would guess."""
    registry = registry_of([("billing",), ("model",)])
    names = [0.0, 0.0]

    assert choose(registry, [0.3, 0.1], names) == ("billing", "model")
    assert choose(registry, [0.3, 0.05], names) == ()


@some
@given(question=questions())
def test_the_most_similar_agent_survives_the_filter(question):
    """Whatever tags are chosen, the agent that led without them still leads."""
    registry, agents, *_ = question
    leading = rank(evidence_of(registry, agents), registry)[0].agent

    tags = choose(*question)

    assert rank(evidence_of(registry, agents, tags), registry)[0].agent == leading


@some
@given(question=questions())
def test_the_first_tag_is_one_of_the_most_similar_agents(question):
    """The best guess comes first, and it speaks for the likeliest agent."""
    registry, agents, *_ = question
    likeliest = registry.agents[agents.index(max(agents))]

    tags = choose(*question)

    assert tags == () or tags[0] in likeliest.tags


def test_there_are_no_tags_where_the_most_similar_agent_carries_none():
    """Any tag would remove it, even one that the query names."""
    registry = registry_of([(), ("billing",), ("model",)])

    assert choose(registry, [0.8, 0.7, 0.1], query="billing") == ()


def test_a_query_that_says_nothing_calls_for_no_tag():
    """At content 0 even perfect similarity and a named tag prove nothing."""
    registry = registry_of([("billing",), ("model",)])

    assert choose(registry, [1.0, 0.0], [1.0, 0.0], query="billing", content=0.0) == ()


@some
@given(question=questions())
def test_content_zero_never_yields_a_tag(question):
    """No registry and no similarities make up for an empty query."""
    assert choose(*question[:4], content=0.0) == ()


def test_a_query_that_fits_nobody_calls_for_no_tag():
    """Without similarity there is no evidence, however much the query says."""
    registry = registry_of([("billing",), ("model",)])

    assert choose(registry, [0.01, -0.2], [0.0, 0.0], content=60.0) == ()


def test_a_clear_query_gets_the_tag_of_the_agent_it_fits():
    """One agent far ahead is covered by its own tag alone."""
    registry = registry_of([("billing",), ("model",), ("ci/cd",)])

    assert choose(registry, [0.1, 0.9, 0.1]) == ("model",)


@pytest.mark.parametrize(
    ("tag", "query"),
    [
        pytest.param("ci/cd", "our ci/cd is red", id="a slash"),
        pytest.param("ci/cd", "Fix the CI/CD.", id="capitals and a full stop"),
        pytest.param("release notes", "write release notes for 2.0", id="two words"),
        pytest.param("release notes", "a Release Note, please", id="two words, singular"),
        pytest.param("model", "compare both models", id="plural"),
        pytest.param("database", "two databases disagree", id="plural in -es"),
        pytest.param("testing", "add tests", id="another ending"),
        pytest.param("c++", "port it to C++", id="a trailing sign"),
        pytest.param("café", "Cafés nearby", id="an accent"),
        pytest.param("モデル", "(モデル)", id="another script"),
    ],
)
def test_a_tag_that_the_query_names_is_found(tag, query):
    """With ten agents equally far from the query, its own words tell them apart."""
    registry = registry_of([(f"aa{at}",) for at in range(9)] + [(tag,)])

    assert tag in choose(registry, [0.3] * 10, query=query)
    assert tag not in choose(registry, [0.3] * 10, query="something else")


@pytest.mark.parametrize(
    ("tag", "query"),
    [
        pytest.param("release notes", "notes on the release", id="another sequence"),
        pytest.param("release notes", "the release", id="half of it"),
        pytest.param("api", "a rapid reply", id="inside a word"),
        pytest.param("c", "port it to C++", id="another sign"),
    ],
)
def test_a_tag_is_not_named_by_part_of_its_words(tag, query):
    """All of a tag's words have to stand in the query, whole and in sequence."""
    registry = registry_of([(f"aa{at}",) for at in range(9)] + [(tag,)])

    assert tag not in choose(registry, [0.3] * 10, query=query)


def test_a_named_tag_of_the_most_similar_agent_comes_first():
    """Of the agent's own tags the one in the query leads, whatever its place in the file."""
    registry = registry_of([("billing", "model", "release notes"), ("ci/cd",)])

    tags = choose(registry, [0.6, 0.1], query="who writes the release notes")

    assert tags[0] == "release notes"


def test_a_named_tag_that_is_nearer_anyway_stays_nearer():
    """Being named raises a low similarity and lowers none."""
    registry = registry_of([("billing", "model")])

    tags = choose(registry, [0.6], [0.1, 0.9], query="billing of the model")

    assert tags == ("model",)


@some
@given(question=questions())
def test_the_same_question_gets_the_same_tags(question):
    """There is no chance in it, also when the registry is laid out anew."""
    assert choose(*question) == choose(*question)


@some
@given(question=questions())
def test_choosing_leaves_the_similarities_alone(question):
    """Raising a named tag's similarity happens on a copy."""
    registry, agents, names, query, content = question
    given_names = np.array(names, dtype=np.float32)

    choose_tags(
        pair_tags(registry), query, np.array(agents, dtype=np.float32), given_names, content
    )

    assert given_names.tolist() == names


def test_a_tag_without_words_is_chosen_by_similarity_only():
    """No query names it, and it is a tag like any other."""
    registry = registry_of([("?!",), ("model",)])

    assert choose(registry, [0.9, 0.1], query="what ?!") == ("?!",)


def test_a_registry_without_any_tag_yields_none():
    """An empty vocabulary is no error."""
    assert choose(registry_of([(), ()]), [0.9, 0.1], query="billing") == ()


@pytest.mark.parametrize(
    ("cosine", "tags"),
    [pytest.param(0.9, ("model",), id="near"), pytest.param(0.0, (), id="far")],
)
def test_a_single_agent_gets_its_tag_or_none(cosine, tags):
    """With nobody to compare with, only the evidence itself counts."""
    assert choose(registry_of([("model",)]), [cosine]) == tags


def test_a_tag_that_all_agents_share_is_chosen_once():
    """It covers everybody, so there is nothing to add."""
    registry = registry_of([("model",)] * 6)

    assert choose(registry, [0.5, 0.4, 0.6, 0.5, 0.4, 0.3]) == ("model",)


def test_tags_cover_agents_rather_than_repeat_one():
    """Two agents meant alike get a tag each, not two tags of the same."""
    registry = registry_of([("billing", "refund"), ("model", "training"), ("weather",)])

    tags = choose(registry, [0.7, 0.7, 0.0])

    assert len(tags) == 2
    assert {tags[0] in {"billing", "refund"}, tags[1] in {"model", "training"}} == {True}


def test_with_a_tag_for_each_agent_the_likely_ones_are_chosen_best_first():
    """Tags come in the order of their agents' similarity."""
    registry = registry_of([("t0",), ("t1",), ("t2",), ("t3",)])

    assert choose(registry, [0.0, 0.8, 0.85, 0.0]) == ("t2", "t1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("model", "Models", id="plural"),
        pytest.param("database", "databases", id="plural in -es"),
        pytest.param("pipeline", "pipelines", id="ending in e"),
        pytest.param("test", "testing", id="-ing"),
        pytest.param("deploy", "deployed", id="-ed"),
        pytest.param("process", "processes", id="-ss"),
        pytest.param("training", "train", id="a tag that ends in -ing"),
    ],
)
def test_forms_of_a_word_share_a_stem(one, other):
    """Common endings fall off on both sides alike."""
    assert stems(one) == stems(other)


def test_short_words_keep_their_endings():
    """A stem has at least three letters, so that different short words stay different."""
    assert stems("bus red css sing") == ("bus", "red", "css", "sing")


@pytest.mark.parametrize("text", ["", "  ", "?!", "_"], ids=repr)
def test_a_text_without_words_has_no_stems(text):
    """Punctuation alone names no tag."""
    assert stems(text) == ()
