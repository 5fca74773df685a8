"""A query in letters that nobody knows: nobody gets it, unless the policy says otherwise."""

from dataclasses import replace

import pytest
from given import evidence_of, evidence_on_registries, margins, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.decision import decide, decide_by
from handoff.core.explain import bar_of
from handoff.core.model import Agent, Outcome, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank, rank_by
from handoff.core.whatif import ask_what_if

LATIN = frozenset({"Latin"})
GREEK = "Πώς αλλάζω τον κωδικό μου;"
REGISTRY = registry_of([("model",), ()])
FOREIGN = replace(evidence_of(REGISTRY, [0.25, 0.875], ("model",)), query=GREEK, scripts=LATIN)
POLICY = Policy(0.125, ThresholdSource.CONFIG)
ANY = replace(POLICY, known_scripts_only=False)


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.25, 1.0])
def test_nobody_gets_a_query_in_an_unknown_script(threshold):
    """Whatever the threshold; the best stays the best, and the decision says which script."""
    decision = decide(rank(FOREIGN, REGISTRY), threshold)

    assert decision.outcome is Outcome.BELOW_THRESHOLD
    assert (decision.agent, decision.best.agent.id) == (None, "a0")
    assert (decision.threshold, decision.unknown_script) == (threshold, "Greek")


def test_an_agents_own_threshold_does_not_help():
    """The lowest there is changes nothing."""
    decision = decide(rank(FOREIGN, REGISTRY), 0.0, per_agent={"a0": -1.0})

    assert (decision.agent, decision.own_threshold) == (None, True)


def test_the_switch_judges_by_score():
    """Switched off, the decision is that of any other query."""
    ranking = rank_by(FOREIGN, REGISTRY, ANY)

    assert decide_by(ranking, POLICY).agent is None
    assert decide_by(ranking, ANY) == decide(
        rank(replace(FOREIGN, scripts=None), REGISTRY), POLICY.threshold
    )
    assert decide_by(ranking, ANY).agent == REGISTRY.agents[0]


def test_an_embedder_that_knows_all_scripts_is_judged_by_score():
    """Nothing changes for it, and the decision names no script."""
    decision = decide(rank(replace(FOREIGN, scripts=None), REGISTRY), 0.125)

    assert (decision.agent, decision.unknown_script) == (REGISTRY.agents[0], None)


def test_a_registry_in_the_same_letters_keeps_its_queries():
    """What its texts are written in is known."""
    greek = Registry((Agent("a0", "Βοήθεια", "Κωδικοί και λογαριασμοί."), REGISTRY.agents[1]))

    assert decide(rank(FOREIGN, greek), 0.125).agent is not None


def test_no_threshold_filter_or_tag_would_change_it():
    """Every what-if says so, and still names who would be the best."""
    what_if = ask_what_if(FOREIGN, REGISTRY, POLICY)

    assert (what_if.threshold_from, what_if.threshold_to) == (-1.0, 1.0)
    assert (what_if.other_filter.agent, what_if.other_filter.best.agent.id) == (None, "a1")
    assert [missing.decision.agent for missing in what_if.missing_tags] == [None]


@some
@given(
    drawn=evidence_on_registries(),
    margin=margins,
    known_scripts_only=st.booleans(),
    query=st.sampled_from(["q", GREEK]),
)
def test_no_edit_of_a_description_is_said_to_turn_it(drawn, margin, known_scripts_only, query):
    """An agent gets a query exactly where its score clears the bar, whatever its letters."""
    registry, evidence = drawn
    evidence = replace(evidence, query=query, scripts=LATIN)
    policy = replace(POLICY, margin=margin, known_scripts_only=known_scripts_only)
    decision = decide_by(rank_by(evidence, registry, policy), policy)

    cleared = [
        bar_of(evidence, registry, policy, at).cleared_by(float(evidence.similarities[at]))
        for at in range(len(registry))
    ]

    assert cleared == [agent == decision.agent for agent in registry.agents]
