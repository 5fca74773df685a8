"""Which agents overlap, and what to look at first."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import evidence_set

from handoff.agents import overlap as overlap_module
from handoff.agents.advice import AdviceKind, look_at_first
from handoff.agents.overlap import candidate_scores, find_contests, find_overlap
from handoff.core.errors import RegistryError
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.core.scoring import unit
from handoff.core.texts import agent_text
from handoff.evaluation.analysis import analyse
from handoff.evaluation.judged import label
from handoff.providers.wordllama import WordllamaEmbedder

SYNONYMS = (
    Agent("car", "Car Workshop", "Repairs broken automobiles and replaces worn tyres"),
    Agent("garage", "Vehicle Garage", "Fixes damaged motors, changing old wheels"),
)
OTHERS = (
    Agent("poet", "Poetry Circle", "Writes sonnets about the moon"),
    Agent("tax", "Tax Desk", "Files yearly income declarations"),
    Agent("cook", "Kitchen", "Suggests recipes for dinner"),
    Agent("chess", "Chess Coach", "Teaches openings and endgames"),
    Agent("garden", "Garden Help", "Plants roses and waters lawns"),
    Agent("law", "Notary", "Certifies signatures on deeds"),
)


def random_rows(count, seed=0, width=8):
    """Return unit rows."""
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return unit(rows.astype(np.float32))


def advise(*agents):
    """Return the findings on agents whose vectors are far apart."""
    registry = Registry(agents)
    return look_at_first(registry, find_overlap(np.eye(len(agents), dtype=np.float32)), None)


def kinds(advice):
    """Return the kinds of findings, in order."""
    return [each.kind for each in advice]


def test_synonyms_without_a_word_in_common_are_found():
    """The embedded model sees what counting words cannot."""
    registry = Registry((*SYNONYMS, *OTHERS))
    texts = [agent_text(agent) for agent in registry.agents]

    found = find_overlap(asyncio.run(WordllamaEmbedder().embed(texts)))

    words = [set(agent_text(agent).lower().replace(":", "").split()) for agent in SYNONYMS]
    assert words[0].isdisjoint(words[1])
    assert (found.first[0], found.second[0]) == (0, 1)
    assert look_at_first(registry, found, None)[0].agents == (0, 1)


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 30), seed=st.integers(0, 9), most=st.integers(1, 40))
def test_the_closest_pairs_are_those_of_a_full_sort(count, seed, most):
    """No pair is missed, none comes twice, and the most similar comes first."""
    rows = random_rows(count, seed, 3)
    first, second = np.triu_indices(count, 1)

    found = find_overlap(rows, most=most)

    matrix = found.matrix
    order = np.argsort(-matrix[first, second], kind="stable")[:most]
    assert found.first.tolist() == first[order].tolist()
    assert found.second.tolist() == second[order].tolist()


def test_a_registry_too_large_for_a_matrix_has_the_same_pairs(monkeypatch):
    """Blocks of rows find what the whole matrix holds."""
    rows = random_rows(60)
    whole = find_overlap(rows)
    monkeypatch.setattr(overlap_module, "MOST_IN_MATRIX", 10)
    monkeypatch.setattr(overlap_module, "_BLOCK", 7)

    found = find_overlap(rows)

    assert found.matrix is None
    assert found.first.tolist() == whole.first.tolist()
    assert found.similarities == pytest.approx(whole.similarities, abs=1e-6)


def test_too_many_agents_are_refused(monkeypatch):
    """A sentence comes before the minutes."""
    monkeypatch.setattr(overlap_module, "MOST_AGENTS", 3)

    with pytest.raises(RegistryError, match="4 agents are too many"):
        find_overlap(random_rows(4))


def test_a_single_agent_overlaps_with_nobody():
    """There is no pair, and no figure of one."""
    found = find_overlap(random_rows(1), np.ones((3, 1), dtype=np.float32))

    assert len(found) == 0
    assert found.contests == ()
    assert np.isnan(found.typical)


def test_the_same_text_twice_is_a_near_duplicate():
    """It comes before everything else."""
    agents = (Agent("a", "Rose", "Roses and more."), Agent("b", "Rose", "Roses and more."))
    rows = np.array([[1, 0], [1, 0]], dtype=np.float32)

    advice = look_at_first(Registry(agents), find_overlap(rows), None)

    assert kinds(advice) == [AdviceKind.NEAR_DUPLICATE, AdviceKind.ALIKE_NAMES]
    assert advice[0].figure == 1


def test_a_contest_is_two_best_within_the_margin():
    """The closest query comes first; a query whose runner-up was removed is nobody's contest."""
    scores = np.array(
        [[0.5, 0.48, 0.1], [0.3, 0.31, 0.0], [0.9, 0.1, 0.2], [0.4, -np.inf, -np.inf]],
        dtype=np.float32,
    )

    (contest,) = find_contests(scores, 0.05)

    assert (contest.first, contest.second) == (0, 1)
    assert contest.rows.tolist() == [1, 0]
    assert contest.first_leads.tolist() == [False, True]


def test_contests_come_with_most_queries_first():
    """The pair of agents that two queries lie between precedes the pair of one."""
    scores = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]], dtype=np.float32)

    found = find_overlap(random_rows(3), scores)

    assert [(each.first, each.second) for each in found.contests] == [(1, 2), (0, 1)]


def test_a_description_of_one_word_is_found():
    """One word says too little."""
    advice = advise(Agent("a", "Rose Desk", "Roses"), Agent("b", "Iron Desk", "Iron and steel."))

    assert [(each.kind, each.agents) for each in advice] == [(AdviceKind.ONE_WORD, (0,))]


def test_a_tag_that_all_carry_and_agents_without_one_are_found():
    """Neither helps the filter."""
    advice = advise(
        *(Agent(f"a{at}", "xyzuv"[at] * 6, "Two words", ("t",)) for at in range(4)),
        Agent("b", "vvvvvv", "Two words"),
    )

    assert [(each.kind, each.tag, each.agents) for each in advice] == [
        (AdviceKind.COMMON_TAG, "t", (0, 1, 2, 3)),
        (AdviceKind.UNTAGGED, "", (4,)),
    ]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        pytest.param("Billing Desk", "billing-desk", True, id="case and signs"),
        pytest.param("Billing Desk", "Biling Desk", True, id="a letter less"),
        pytest.param("Paypal Desk", "P\u0430ypal Desk", True, id="a Cyrillic letter"),
        pytest.param("Agent 1", "Agent 2", False, id="numbers tell apart"),
        pytest.param("Cat", "Car", False, id="too short"),
        pytest.param("Billing", "Weather", False, id="different"),
    ],
)
def test_names_that_look_alike(one, other, alike):
    """Case, signs, a letter, or an alphabet may be all that differs."""
    advice = advise(Agent("a", one, "Two words"), Agent("b", other, "Two words"))

    assert (AdviceKind.ALIKE_NAMES in kinds(advice)) is alike


def test_agents_that_nothing_reaches_are_told_apart():
    """Worse is the one that queries are meant for."""
    registry = Registry(
        (Agent("a", "Aaaaaa", "x y"), Agent("b", "Bbbbbb", "x y"), Agent("c", "Cccccc", "x y"))
    )
    labelled = label(evidence_set(registry, [[0.9, 0.1, 0], [0.8, 0.2, 0]]), registry, ["a", "b"])
    policy = Policy(0.0, ThresholdSource.CONFIG)
    analysis = analyse(labelled, policy)

    advice = look_at_first(registry, find_overlap(np.eye(3, dtype=np.float32)), analysis)

    assert [(each.kind, each.agents, each.figure) for each in advice] == [
        (AdviceKind.STARVED, (1,), 1),
        (AdviceKind.UNREACHED, (2,), 1),
    ]
    assert candidate_scores(labelled, policy).tolist() == labelled.evidence.similarities.tolist()
