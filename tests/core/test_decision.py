"""The threshold and the margin."""

from dataclasses import replace

import numpy as np
import pytest
from given import cosines, evidence_of, evidence_on_registries, margins, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.decision import decide, decide_by, reaches
from handoff.core.model import Outcome, Policy, Ranking, Registry, ThresholdSource
from handoff.core.ranking import rank

own_thresholds = st.one_of(
    st.none(), st.dictionaries(st.sampled_from([f"a{at}" for at in range(7)]), cosines)
)


def ranked(*similarities: float) -> Ranking:
    """Rank agents a0, a1, and so on, without any tags."""
    registry = registry_of([()] * len(similarities))
    return rank(evidence_of(registry, similarities), registry)


@some
@given(known=evidence_on_registries(), threshold=cosines, margin=margins, own=own_thresholds)
def test_a_selected_agent_is_first_and_reaches_the_threshold(known, threshold, margin, own):
    """Whoever is selected leads the ranking with a score no lower than the threshold applied."""
    ranking = rank(known[1], known[0])

    decision = decide(ranking, threshold, margin, own)

    assert decision.agent in {None, ranking[0].agent}
    assert decision.agent is None or ranking.scores[0] >= np.float32(decision.threshold)


@some
@given(known=evidence_on_registries(), threshold=cosines, margin=margins, own=own_thresholds)
def test_without_a_selection_there_is_no_agent(known, threshold, margin, own):
    """An agent comes with the outcome `selected`, and with no other."""
    decision = decide(rank(known[1], known[0]), threshold, margin, own)

    assert (decision.agent is not None) == (decision.outcome is Outcome.SELECTED)


@some
@given(known=evidence_on_registries(), thresholds=st.lists(cosines, min_size=2, max_size=2))
def test_raising_the_threshold_never_adds_a_handoff(known, thresholds):
    """What is handed off at a high threshold is handed to the same agent at a lower one."""
    ranking = rank(known[1], known[0])
    low, high = sorted(thresholds)

    strict, lax = decide(ranking, high), decide(ranking, low)

    assert strict.agent in {None, lax.agent}


@some
@given(known=evidence_on_registries(), threshold=cosines, margin=margins, own=own_thresholds)
def test_a_runner_up_never_takes_over(known, threshold, margin, own):
    """The best candidate is the one that is judged, whatever the others would reach."""
    ranking = rank(known[1], known[0])

    decision = decide(ranking, threshold, margin, own)

    assert decision.best == ranking[0]


def test_a_runner_up_with_a_low_threshold_of_its_own_does_not_step_in():
    """Where the best misses its own threshold, a second that would reach its own is passed over."""
    decision = decide(ranked(0.6, 0.5), 0.0, per_agent={"a0": 0.9, "a1": 0.1})

    assert decision.outcome is Outcome.BELOW_THRESHOLD
    assert decision.best.agent.id == "a0"
    assert decision.agent is None


@pytest.mark.parametrize(
    ("score", "outcome"),
    [
        pytest.param(-1e-6, Outcome.BELOW_THRESHOLD, id="just under zero"),
        pytest.param(0.0, Outcome.SELECTED, id="zero itself"),
        pytest.param(-0.0, Outcome.SELECTED, id="negative zero"),
        pytest.param(1e-6, Outcome.SELECTED, id="just over zero"),
    ],
)
def test_zero_is_a_threshold(score, outcome):
    """At 0.0 a negative score is refused; it is not taken for no threshold at all."""
    decision = decide(ranked(score), 0.0)

    assert decision.outcome is outcome
    assert decision.threshold == 0.0


@some
@given(score=cosines)
def test_the_threshold_is_inclusive_at_the_exact_score(score):
    """A score reaches a threshold equal to it, and misses the next float32 above."""
    exact = np.float32(score)

    assert reaches(float(exact), float(exact))
    assert not reaches(float(exact), float(np.nextafter(exact, np.float32(2))))


@some
@given(score=cosines)
def test_a_score_typed_back_as_a_threshold_is_reached(score):
    """The shortest decimal that names a float32 score selects it, and no lower score."""
    exact = np.float32(score)
    typed = float(str(exact))
    lower = float(np.nextafter(exact, np.float32(-2)))

    assert decide(ranked(float(exact)), typed).outcome is Outcome.SELECTED
    assert decide(ranked(lower), typed).outcome is Outcome.BELOW_THRESHOLD


@some
@given(
    known=evidence_on_registries(least=2),
    place=st.integers(0, 7),
    threshold=cosines,
    margin=margins,
)
def test_an_agent_that_nobody_prefers_changes_no_decision(known, place, threshold, margin):
    """A newcomer below all others and without a tag of the query leaves the decision as it was."""
    registry, evidence = known
    place = min(place, len(registry))
    newcomer = replace(registry.agents[0], id="newcomer", tags=("a tag of its own",))
    grown = Registry((*registry.agents[:place], newcomer, *registry.agents[place:]))
    similarities = np.insert(evidence.similarities, place, -2)

    before = decide(rank(evidence, registry), threshold, margin)
    after = decide(
        rank(evidence_of(grown, similarities.tolist(), evidence.tags), grown), threshold, margin
    )

    assert after.outcome is before.outcome
    assert after.agent == before.agent
    assert after.best.agent == before.best.agent
    assert after.margin == before.margin


@some
@given(known=evidence_on_registries(), threshold=cosines)
def test_margin_zero_is_never_ambiguous(known, threshold):
    """Even a dead heat is decided when no margin is asked for."""
    decision = decide(rank(known[1], known[0]), threshold, margin=0.0)

    assert decision.outcome is not Outcome.AMBIGUOUS


@some
@given(scores=st.lists(cosines, min_size=2, max_size=5))
def test_a_margin_larger_than_the_lead_is_ambiguous(scores):
    """With a margin one float32 above the lead nobody is selected, with the lead itself one is."""
    first, second = sorted((np.float32(score) for score in scores), reverse=True)[:2]
    lead = first - second
    wider = np.nextafter(lead, np.float32(3))

    assert decide(ranked(*scores), -1.0, float(lead)).outcome is Outcome.SELECTED
    assert decide(ranked(*scores), -1.0, float(wider)).outcome is Outcome.AMBIGUOUS


def test_a_single_candidate_is_never_ambiguous():
    """There is no runner-up to be confused with, so the margin is None and asks for nothing."""
    decision = decide(ranked(0.4), 0.3, margin=2.0)

    assert decision.outcome is Outcome.SELECTED
    assert decision.margin is None


def test_an_agent_that_the_filter_removed_makes_nobody_ambiguous():
    """The lead is counted over candidates, not over agents without an extracted tag."""
    registry = registry_of([("model",), (), ("model",)])
    ranking = rank(evidence_of(registry, [0.5, 0.5, 0.25], ("model",)), registry)

    decision = decide(ranking, 0.3, margin=0.2)

    assert decision.outcome is Outcome.SELECTED
    assert decision.margin == 0.25


def test_below_the_threshold_comes_before_ambiguous():
    """A best that misses the threshold is called so, however close the runner-up is."""
    decision = decide(ranked(0.2, 0.2), 0.3, margin=0.1)

    assert decision.outcome is Outcome.BELOW_THRESHOLD


def test_none_leaves_own_thresholds_out():
    """Without a mapping an agent's own threshold plays no part."""
    registry = Registry((replace(registry_of([()]).agents[0], threshold=0.9),))

    decision = decide(rank(evidence_of(registry, [0.5]), registry), 0.4, per_agent=None)

    assert decision.outcome is Outcome.SELECTED
    assert decision.threshold == 0.4
    assert not decision.own_threshold


@pytest.mark.parametrize(
    ("own", "threshold", "outcome"),
    [
        pytest.param(0.9, 0.4, Outcome.BELOW_THRESHOLD, id="stricter"),
        pytest.param(0.1, 0.9, Outcome.SELECTED, id="laxer"),
        pytest.param(0.0, 0.9, Outcome.SELECTED, id="zero"),
    ],
)
def test_the_best_agents_own_threshold_comes_first(own, threshold, outcome):
    """A threshold in the mapping replaces the common one, 0.0 included."""
    decision = decide(ranked(0.5, 0.3), threshold, per_agent={"a0": own})

    assert decision.outcome is outcome
    assert decision.threshold == own
    assert decision.own_threshold


def test_an_agent_without_an_own_threshold_is_judged_by_the_common_one():
    """A mapping that names others only changes nothing for the best."""
    decision = decide(ranked(0.5, 0.3), 0.4, per_agent={"a1": 0.9})

    assert decision.outcome is Outcome.SELECTED
    assert decision.threshold == 0.4
    assert not decision.own_threshold


@pytest.mark.parametrize(
    ("policy", "outcome", "threshold"),
    [
        pytest.param(
            Policy(0.5, ThresholdSource.CONFIG), Outcome.SELECTED, 0.5, id="the threshold"
        ),
        pytest.param(
            Policy(0.75, ThresholdSource.CONFIG), Outcome.BELOW_THRESHOLD, 0.75, id="a higher one"
        ),
        pytest.param(
            Policy(0.5, ThresholdSource.CONFIG, margin=0.5), Outcome.AMBIGUOUS, 0.5, id="a margin"
        ),
        pytest.param(
            Policy(0.5, ThresholdSource.CONFIG, per_agent=True),
            Outcome.BELOW_THRESHOLD,
            0.875,
            id="own thresholds",
        ),
    ],
)
def test_a_policy_says_how_a_ranking_is_judged(policy, outcome, threshold):
    """Threshold, margin, and the registry's own thresholds only where they are switched on."""
    first, second = registry_of([(), ()]).agents
    registry = Registry((replace(first, threshold=0.875), second))

    decision = decide_by(rank(evidence_of(registry, [0.625, 0.25]), registry), policy)

    assert decision.outcome is outcome
    assert decision.threshold == threshold
