"""An edit of the agents, measured before it is saved: as if everything were gathered anew."""

from dataclasses import replace

import numpy as np
import pytest
from judging import evidence_set

from handoff.agents.edit import edit_agents, find_shifts, lay_ground, new_texts
from handoff.background import BackgroundLoop
from handoff.bootstrap import build_router
from handoff.core.agent_rows import texts_of
from handoff.core.learning import Lessons, learn, score_queries
from handoff.core.model import Agent, Example, Policy, Registry, ThresholdSource
from handoff.core.tags_again import TagsByVocabulary
from handoff.core.texts import agent_texts
from handoff.core.word_overlap import normal_form
from handoff.evaluation.analysis import analyse
from handoff.evaluation.compare import compare
from handoff.evaluation.judged import ABSENT, label
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.index.exact import ExactIndex
from handoff.providers.similarity_tagger import LocalTagExtractor
from handoff.providers.wordllama import WordllamaEmbedder
from handoff.report.edit_words import edit_summary, shift_rows
from handoff.trace import Trace

FAST = {"HANDOFF_EMBEDDER": "local-fast"}
POLICY = Policy(0.23, ThresholdSource.EMBEDDER)


def first_edited(registry):
    """Give the first agent another description."""
    first, *others = registry.agents
    return (replace(first, description="weather, rain and sunshine tomorrow"), *others)


def tagged_anew(registry):
    """Give the first agent a tag that nobody has, and take the last one's away."""
    first, *others, last = registry.agents
    return (replace(first, tags=("thunder", *first.tags)), *others, replace(last, tags=()))


def renamed(registry):
    """Give the first agent another id, and nothing else."""
    first, *others = registry.agents
    return (replace(first, id="somebody-else"), *others)


def one_gone(registry):
    """Remove the second agent."""
    return (registry.agents[0], *registry.agents[2:])


def one_more(registry):
    """Put a new agent before all others."""
    new = Agent("meteo", "Meteorologist", "Forecasts of the weather.", ("weather", "data"))
    return (new, *registry.agents)


def turned(registry):
    """Bring the agents into another order."""
    return tuple(reversed(registry.agents))


@pytest.fixture(scope="module")
def loop():
    """Return a loop for all that is gathered."""
    with BackgroundLoop() as running:
        yield running


@pytest.fixture
def gather(root, loop, tmp_path):
    """Return a function that gathers the project's cases on a registry."""
    settings = load_settings(FAST | {"HANDOFF_CACHE_DIR": str(tmp_path)}, root / "agents.csv")
    registry = load_registry(settings.registry)
    cases = load_cases(root / "cases.csv", registry).cases

    def gathered(agents=registry.agents, examples=()):
        own = Registry(agents, examples)
        router = build_router(settings, own, None)
        asking = router.held_out or router
        evidence = loop.run(asking.gather_many([case.query for case in cases], Trace()))
        labelled = label(evidence, own, [case.expected for case in cases])
        return labelled, [case.expected for case in cases], router

    return gathered


def embedded(loop, texts):
    """Return each text's unit row."""
    return (
        dict(zip(texts, loop.run(WordllamaEmbedder().embed(texts)), strict=True)) if texts else {}
    )


def grounded(loop, labelled, expected, learned=None):
    """Lay out a set as the page does."""
    embedder, registry = WordllamaEmbedder(), labelled.registry
    tagger = LocalTagExtractor(registry, embedder, ExactIndex(registry, embedder))
    tagging = loop.run(tagger.choose_again(labelled.evidence))
    return lay_ground(labelled, expected, tagging, learned)


@pytest.mark.parametrize("edit", [first_edited, tagged_anew, renamed, one_gone, one_more, turned])
def test_an_edit_gives_what_gathering_anew_gives(gather, loop, edit):
    """Similarities, tags, lexical scores and labels are those of the edited registry."""
    before, expected, _ = gather()
    registry = Registry(edit(before.registry))
    ground = grounded(loop, before, expected)

    found = edit_agents(ground, registry, embedded(loop, new_texts(ground, registry)))

    anew, _, _ = gather(registry.agents)
    np.testing.assert_allclose(
        found.evidence.similarities, anew.evidence.similarities, rtol=0, atol=1e-6
    )
    assert found.evidence.tags == anew.evidence.tags
    assert np.array_equal(found.evidence.lexical, anew.evidence.lexical)
    assert np.array_equal(found.removed, anew.removed)
    assert np.array_equal(found.expected, anew.expected)
    assert found.evidence.fingerprint == registry.fingerprint


def test_one_description_is_one_text(gather, loop):
    """Only what is new is embedded: a description with its phrases, or the name of a tag."""
    before, expected, _ = gather()
    ground = grounded(loop, before, expected)

    def texts(edit):
        return new_texts(ground, Registry(edit(before.registry)))

    assert texts(first_edited) == [*agent_texts(first_edited(before.registry)[0])]
    assert texts(tagged_anew) == ["thunder"]
    assert texts(renamed) == texts(one_gone) == texts(turned) == []


def test_tags_by_the_vocabulary_stay(gather, loop):
    """Who chose from the vocabulary alone would choose the same again."""
    before, expected, _ = gather()
    ground = lay_ground(
        before,
        expected,
        TagsByVocabulary(before.evidence.tags, before.registry.vocabulary),
        None,
    )
    registry = Registry(first_edited(before.registry))

    found = edit_agents(ground, registry, embedded(loop, new_texts(ground, registry)))

    assert found.evidence.tags == before.evidence.tags


@pytest.mark.parametrize("edit", [first_edited, one_gone, turned])
def test_examples_are_learned_again(gather, loop, edit):
    """Scores are those of learning with the edited agents.

    A case that is an example is scored as if it were none.
    """
    _, labels, _ = gather()
    plain, _, _ = gather()
    queries = plain.evidence.queries
    known = {}
    for query, expected in list(zip(queries, labels, strict=True))[::4]:
        known.setdefault(normal_form(query), Example(query, expected))
    examples = tuple(known.values())
    before, expected, router = gather(examples=examples)
    learned = router.index.learned
    agents = edit(before.registry)
    ids = {agent.id for agent in agents}
    kept = tuple(one for one in examples if one.agent is None or one.agent in ids)
    registry = Registry(agents, kept)
    ground = grounded(loop, before, expected, learned)

    found = edit_agents(ground, registry, embedded(loop, new_texts(ground, registry)))

    described = texts_of(agents)
    rows = described.rows(loop.run(WordllamaEmbedder().embed(described.texts)))
    texts = [example.query for example in kept]
    owners = [-1 if one.agent is None else registry.positions[one.agent] for one in kept]
    vectors = loop.run(WordllamaEmbedder().embed(texts))
    again = learn(rows, Lessons(tuple(texts), vectors, np.array(owners)))
    scores = score_queries(before.evidence.vectors, queries, again)
    place = {normal_form(text): at for at, text in enumerate(texts)}
    for case, query in enumerate(queries):
        if normal_form(query) in place:
            scores[case] = again.held_out[place[normal_form(query)]]
    np.testing.assert_allclose(found.evidence.similarities, scores, rtol=0, atol=1e-4)


def test_without_its_last_example_routing_is_by_cosine(gather, loop):
    """Where the only agent with examples is removed, scores are plain cosines again."""
    plain, _, _ = gather()
    examples = tuple(
        Example(query, plain.registry.agents[1].id) for query in ("bread rolls", "sweet cakes")
    )
    before, expected, router = gather(examples=examples)
    registry = Registry(one_gone(before.registry))
    ground = grounded(loop, before, expected, router.index.learned)

    found = edit_agents(ground, registry, {})

    anew, _, _ = gather(registry.agents)
    np.testing.assert_allclose(
        found.evidence.similarities, anew.evidence.similarities, rtol=0, atol=1e-6
    )


def test_what_an_edit_changes_is_counted_by_agent(gather, loop):
    """Shifts and flips add up to the figures before and after, agents that come or go included."""
    before, expected, _ = gather()
    ground = grounded(loop, before, expected)
    for edit in (first_edited, one_gone, one_more, turned):
        registry = Registry(edit(before.registry))
        after = edit_agents(ground, registry, embedded(loop, new_texts(ground, registry)))

        found = compare(analyse(before, POLICY), analyse(after, POLICY))
        shifts = find_shifts(found)

        gained = sum(shift.right[1] - shift.right[0] for shift in shifts)
        assert gained == found.after.counts.right - found.before.counts.right
        taken = sum(shift.got[1] - shift.got[0] for shift in shifts)
        assert taken == int((found.after.got >= 0).sum() - (found.before.got >= 0).sum())
        assert len(shift_rows(shifts)) == len(shifts)


def test_agents_that_change_by_as_many_queries_keep_the_registrys_order():
    """An edit is told in the same order each time."""
    registry = Registry(tuple(Agent(each, each.upper(), f"Does {each}.") for each in "hgfedcba"))
    ids = [agent.id for agent in registry.agents]
    before = label(evidence_set(registry, np.eye(8)), registry, ids)
    after = label(evidence_set(registry, np.roll(np.eye(8), 1, axis=1)), registry, ids)

    shifts = find_shifts(compare(analyse(before, POLICY), analyse(after, POLICY)))

    assert [shift.agent.id for shift in shifts] == ids


def test_another_order_changes_nothing(gather, loop):
    """Cases of the same agents in another order do not flip."""
    before, expected, _ = gather()
    after = edit_agents(grounded(loop, before, expected), Registry(turned(before.registry)), {})

    found = compare(analyse(before, POLICY), analyse(after, POLICY))

    assert not len(found.flips)
    assert not find_shifts(found)
    assert edit_summary(found, ()).startswith(
        "No query of the set ends differently; accuracy stays"
    )


def test_cases_of_a_removed_agent_count_as_wrong(gather, loop):
    """They stay in the set, and nobody can take them rightly."""
    before, expected, _ = gather()
    after = edit_agents(grounded(loop, before, expected), Registry(one_gone(before.registry)), {})
    gone = before.registry.agents[1].id

    assert (after.expected == ABSENT).sum() == expected.count(gone)


def test_the_summary_names_the_edited_and_their_neighbours(gather, loop):
    """A sentence says who gains and who loses, by name."""
    before, expected, _ = gather()
    ground = grounded(loop, before, expected)
    registry = Registry(first_edited(before.registry))
    after = edit_agents(ground, registry, embedded(loop, new_texts(ground, registry)))

    found = compare(analyse(before, POLICY), analyse(after, POLICY))
    said = edit_summary(found, find_shifts(found))

    assert "better, " in said
    assert "accuracy goes from" in said
    assert f"Edited: {before.registry.agents[0].name}" in said
    assert "Neighbours: " in said


@pytest.mark.slow
def test_the_public_set_is_edited_exactly(data, loop, tmp_path):
    """On 150 agents and 3,100 cases, an edited description gives what gathering anew gives."""
    folder = data / "clinc150"
    settings = load_settings(FAST | {"HANDOFF_CACHE_DIR": str(tmp_path)}, folder / "agents.csv")
    registry = load_registry(settings.registry)
    cases = load_cases(folder / "cases.csv", registry).cases
    queries, expected = [case.query for case in cases], [case.expected for case in cases]

    def gathered(own):
        router = build_router(settings, own, None)
        return label(loop.run(router.gather_many(queries, Trace())), own, expected)

    edited = Registry(first_edited(registry))
    ground = grounded(loop, gathered(registry), expected)

    found = edit_agents(ground, edited, embedded(loop, new_texts(ground, edited)))

    anew = gathered(edited)
    differing = sum(
        one != other for one, other in zip(found.evidence.tags, anew.evidence.tags, strict=True)
    )
    assert differing == 0
    np.testing.assert_allclose(
        found.evidence.similarities, anew.evidence.similarities, rtol=0, atol=1e-6
    )
    assert np.array_equal(found.evidence.lexical, anew.evidence.lexical)
