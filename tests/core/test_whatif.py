"""What would change a decision."""

from dataclasses import replace

import numpy as np
import pytest
from given import cosines, evidence_of, evidence_on_registries, margins, registry_of, some
from hypothesis import assume, given
from hypothesis import strategies as st

from handoff.core.decision import decide_by
from handoff.core.model import Agent, Decision, Evidence, Outcome, Policy, Registry, ThresholdSource
from handoff.core.ranking import rank
from handoff.core.whatif import WhatIf, ask_what_if

Question = tuple[Evidence, Registry, Policy]

outcomes = pytest.mark.parametrize("outcome", list(Outcome))
whose = pytest.mark.parametrize(
    "own",
    [pytest.param(False, id="common threshold"), pytest.param(True, id="own threshold")],
)


@st.composite
def questions(draw) -> Question:
    """Draw evidence and any policy; some agents have a threshold of their own."""
    registry, evidence = draw(evidence_on_registries())
    own = st.one_of(st.none(), cosines)
    policy = Policy(
        draw(cosines),
        ThresholdSource.CONFIG,
        draw(margins),
        use_tags=draw(st.booleans()),
        per_agent=draw(st.booleans()),
    )
    agents = (replace(agent, threshold=draw(own)) for agent in registry.agents)
    return evidence, Registry(tuple(agents)), policy


@st.composite
def questions_that_end(draw, outcome: Outcome, *, own: bool) -> Question:
    """Draw evidence and a policy under which it comes to this outcome."""
    registry, evidence = draw(evidence_on_registries(least=2))
    use_tags = draw(st.booleans())
    ranking = rank(evidence, registry, use_tags=use_tags)
    best, lead = ranking[0].score, abs(ranking.margin or 0.0)
    margin = draw(st.floats(0, lead, width=32))
    if outcome is Outcome.BELOW_THRESHOLD:
        assume(best < 1)
        threshold = draw(st.floats(best, 1, width=32, exclude_min=True))
    else:
        threshold = draw(st.floats(-1, best, width=32))
    if outcome is Outcome.AMBIGUOUS:
        assume(ranking.margin is not None)
        margin = draw(st.floats(lead, 3, width=32, exclude_min=True))
    policy = Policy(threshold, ThresholdSource.CONFIG, margin, use_tags=use_tags, per_agent=own)
    return at_threshold((evidence, registry, policy), threshold)


def at_threshold(question: Question, threshold: float) -> Question:
    """Put another threshold where the judging one is: at every agent, or in the policy."""
    evidence, registry, policy = question
    if policy.per_agent:
        agents = (replace(agent, threshold=threshold) for agent in registry.agents)
        return evidence, Registry(tuple(agents)), replace(policy, threshold=-policy.threshold)
    return evidence, registry, replace(policy, threshold=threshold)


def filter_set(question: Question, *, use_tags: bool) -> Question:
    """Switch the tag filter on or off."""
    evidence, registry, policy = question
    return evidence, registry, replace(policy, use_tags=use_tags)


def decision_on(question: Question) -> Decision:
    """Rank and decide."""
    evidence, registry, policy = question
    return decide_by(rank(evidence, registry, use_tags=policy.use_tags), policy)


def ending(question: Question) -> tuple[Outcome, str | None]:
    """Return what a question comes to, and the id of whoever takes it."""
    decision = decision_on(question)
    return decision.outcome, None if decision.agent is None else decision.agent.id


def by_hand(question: Question) -> tuple[Outcome, Agent]:
    """Judge one agent after the other, and return the outcome with the best one."""
    evidence, registry, policy = question
    everybody = list(zip(evidence.similarities, registry.agents, strict=True))
    tagged = [each for each in everybody if set(each[1].tags) & set(evidence.tags)]
    candidates = tagged if policy.use_tags and tagged else everybody
    score, best = max(candidates, key=lambda each: each[0])
    others = [other for other, agent in candidates if agent.id != best.id]
    common = not policy.per_agent or best.threshold is None
    if score < np.float32(policy.threshold if common else best.threshold):
        return Outcome.BELOW_THRESHOLD, best
    if others and score - max(others) < np.float32(policy.margin):
        return Outcome.AMBIGUOUS, best
    return Outcome.SELECTED, best


def taken(ended: tuple[Outcome, Agent]) -> tuple[bool, Agent]:
    """Keep who is best and whether that one takes the query, and nothing else."""
    outcome, best = ended
    return outcome is Outcome.SELECTED, best


def summary(decision: Decision) -> tuple[Outcome, Agent]:
    """Return the part of a decision that is also found by hand."""
    return decision.outcome, decision.best.agent


def above(threshold: float) -> float:
    """Return the next float32."""
    return float(np.nextafter(np.float32(threshold), np.float32(9)))


def first_and_last(what_if: WhatIf, outcome: Outcome) -> tuple[float, float]:
    """Return both ends of the range, each a threshold that belongs to it."""
    exclusive = outcome is Outcome.BELOW_THRESHOLD
    first = above(what_if.threshold_from) if exclusive else what_if.threshold_from
    return first, what_if.threshold_to


@outcomes
@whose
@some
@given(data=st.data())
def test_every_threshold_in_the_range_keeps_the_outcome_and_the_agent(outcome, own, data):
    """Both ends, every similarity between them and any other threshold there change nothing."""
    question = data.draw(questions_that_end(outcome, own=own))
    first, last = first_and_last(ask_what_if(*question), outcome)
    drawn = data.draw(st.floats(first, last, width=32))
    inside = [score for score in question[0].similarities.tolist() if first <= score <= last]

    endings = {ending(at_threshold(question, tried)) for tried in (first, last, drawn, *inside)}

    assert endings == {ending(question)}


@some
@given(question=questions())
def test_the_threshold_in_force_lies_in_the_range(question):
    """What judged the query is one of the thresholds that keep its outcome."""
    decision = decision_on(question)

    first, last = first_and_last(ask_what_if(*question), decision.outcome)

    assert first <= decision.threshold <= last


@pytest.mark.parametrize("outcome", [Outcome.SELECTED, Outcome.AMBIGUOUS])
@whose
@some
@given(data=st.data())
def test_the_first_threshold_above_the_range_hands_off_to_nobody(outcome, own, data):
    """One float32 higher, the best score is too low."""
    question = data.draw(questions_that_end(outcome, own=own))
    beyond = above(ask_what_if(*question).threshold_to)

    assert ending(at_threshold(question, beyond)) == (Outcome.BELOW_THRESHOLD, None)


@whose
@some
@given(data=st.data())
def test_where_nobody_reached_it_the_lower_end_is_the_first_threshold_reached(own, data):
    """The end itself is outside: the best score reaches it, and the outcome is another one."""
    question = data.draw(questions_that_end(Outcome.BELOW_THRESHOLD, own=own))
    reached = ask_what_if(*question).threshold_from

    assert ending(at_threshold(question, reached))[0] is not Outcome.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("threshold", "margin", "ends"),
    [
        pytest.param(0.25, 0.0, (-1.0, 0.5), id="selected"),
        pytest.param(0.25, 0.5, (-1.0, 0.5), id="ambiguous"),
        pytest.param(0.75, 0.0, (0.5, 1.0), id="below"),
    ],
)
def test_the_range_goes_from_the_best_score_to_an_end_of_the_scale(threshold, margin, ends):
    """A best of 0.5 splits the thresholds from -1 to 1 into those it reaches and the others."""
    registry = registry_of([(), ()])
    policy = Policy(threshold, ThresholdSource.CONFIG, margin)

    what_if = ask_what_if(evidence_of(registry, [0.25, 0.5]), registry, policy)

    assert (what_if.threshold_from, what_if.threshold_to) == ends


@some
@given(question=questions(), common=cosines)
def test_a_common_threshold_that_judges_nobody_changes_no_answer(question, common):
    """Where every agent has its own, all answers are the same whatever the policy's is."""
    evidence, registry, policy = question
    agents = (replace(agent, threshold=agent.threshold or 0.0) for agent in registry.agents)
    registry, policy = Registry(tuple(agents)), replace(policy, per_agent=True)

    one = ask_what_if(evidence, registry, policy)
    other = ask_what_if(evidence, registry, replace(policy, threshold=common))

    assert one == other


@some
@given(question=questions())
def test_the_other_filter_is_the_decision_with_the_switch_the_other_way(question):
    """On becomes off and off becomes on; all else about the policy stays."""
    flipped = filter_set(question, use_tags=not question[2].use_tags)

    other = ask_what_if(*question).other_filter

    assert summary(other) == by_hand(flipped)


@some
@given(question=questions())
def test_the_missing_tags_are_those_that_decide(question):
    """A tag is told exactly where another is best without it, or the best no longer takes it."""
    evidence, registry, policy = filter_set(question, use_tags=True)
    before = by_hand((evidence, registry, policy))
    expected = []
    for at, tag in enumerate(evidence.tags):
        fewer = replace(evidence, tags=evidence.tags[:at] + evidence.tags[at + 1 :])
        after = by_hand((fewer, registry, policy))
        if taken(after) != taken(before):
            expected.append((tag, after))

    missing = ask_what_if(evidence, registry, policy).missing_tags

    assert [(each.tag, summary(each.decision)) for each in missing] == expected


@some
@given(question=questions())
def test_no_tag_is_missing_where_the_filter_is_off(question):
    """Tags that are not used decide nothing."""
    off = filter_set(question, use_tags=False)

    assert ask_what_if(*off).missing_tags == ()


@pytest.mark.parametrize(
    ("tags", "missing"),
    [
        pytest.param((), [], id="no tags"),
        pytest.param(("nobody's",), [], id="a tag that nobody carries"),
        pytest.param(("model",), [("model", "a1")], id="the tag that removed a better one"),
        pytest.param(("model", "ci/cd"), [], id="two tags of the same agent"),
        pytest.param(("billing", "model"), [("billing", "a0")], id="one tag an agent"),
    ],
)
def test_a_missing_tag_comes_with_who_would_be_best_without_it(tags, missing):
    """Agent a1 is nearer than a0, and each carries other tags."""
    registry = registry_of([("model", "ci/cd"), ("billing",)])
    policy = Policy(0.0, ThresholdSource.CONFIG)

    told = ask_what_if(evidence_of(registry, [0.25, 0.5], tags), registry, policy).missing_tags

    assert [(each.tag, each.decision.best.agent.id) for each in told] == missing


def test_a_tag_that_keeps_the_runner_up_is_missing_where_it_makes_the_decision_ambiguous():
    """The best stays the same, and takes the query only without its rival."""
    registry = registry_of([("model",), ("billing",), ()])
    policy = Policy(0.0, ThresholdSource.CONFIG, margin=0.5)
    evidence = evidence_of(registry, [0.5, 0.25, -0.5], ("model", "billing"))

    (rival,) = (
        each
        for each in ask_what_if(evidence, registry, policy).missing_tags
        if each.tag == "billing"
    )

    assert rival.decision.outcome is Outcome.SELECTED
    assert rival.decision.best.agent.id == "a0"
