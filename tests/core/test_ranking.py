"""Candidates first, best first."""

import numpy as np
import pytest
from given import (
    TAGS,
    UNKNOWN_TAG,
    cosines,
    evidence_of,
    evidence_on_registries,
    registries,
    registry_of,
    some,
)
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.model import Policy, Ranking, ThresholdSource
from handoff.core.ranking import rank, rank_by
from handoff.core.scoring import total_scores


def ids(ranking: Ranking) -> list[str]:
    """Return the agents' ids, best first."""
    return [score.agent.id for score in ranking]


@some
@given(known=evidence_on_registries(), use_tags=st.booleans())
def test_a_ranking_is_a_permutation_of_all_agents(known, use_tags):
    """Nobody is lost and nobody stands twice, with and without the filter."""
    registry, evidence = known

    ranking = rank(evidence, registry, use_tags=use_tags)

    assert sorted(ids(ranking)) == sorted(agent.id for agent in registry.agents)
    assert len(ranking) == len(registry)


@some
@given(known=evidence_on_registries(), use_tags=st.booleans())
def test_each_part_descends_and_ties_keep_registry_order(known, use_tags):
    """Candidates, then the removed: each by falling score, equal scores as in the file."""
    registry, evidence = known
    scored = list(zip(evidence.similarities.tolist(), registry.agents, strict=True))

    ranking = rank(evidence, registry, use_tags=use_tags)

    shown = list(ranking)
    for part in (shown[: ranking.candidates], shown[ranking.candidates :]):
        members = [score.agent for score in part]
        # Python's sort is stable, and reverse=True keeps it so.
        expected = sorted(
            (row for row in scored if row[1] in members), key=lambda row: row[0], reverse=True
        )

        assert [(score.score, score.agent) for score in part] == expected


@some
@given(known=evidence_on_registries())
def test_candidates_are_exactly_those_that_carry_an_extracted_tag(known):
    """With the filter on, an agent is kept if it shares a tag, or if nobody does."""
    registry, evidence = known
    sharing = {agent.id for agent in registry.agents if set(agent.tags) & set(evidence.tags)}

    ranking = rank(evidence, registry)

    expected = sharing or {agent.id for agent in registry.agents}

    assert {score.agent.id for score in ranking if score.kept} == expected


@some
@given(known=evidence_on_registries())
def test_the_first_are_the_kept_ones(known):
    """No removed agent stands before a candidate, and there is always a candidate."""
    ranking = rank(known[1], known[0])

    kept = [score.kept for score in ranking]

    assert kept == sorted(kept, reverse=True)
    assert kept.count(True) == ranking.candidates >= 1


@some
@given(known=evidence_on_registries())
def test_every_agent_keeps_its_own_figures(known):
    """Ordering moves similarity and lexical score together with their agent."""
    registry, evidence = known

    ranking = rank(evidence, registry)

    for score in ranking:
        position = registry.positions[score.agent.id]

        assert score.score == float(evidence.similarities[position])
        assert score.lexical == float(evidence.lexical[position])


@some
@given(known=evidence_on_registries())
def test_matched_tags_are_the_extracted_ones_that_the_agent_carries(known):
    """They keep the order in which they were extracted."""
    registry, evidence = known

    for score in rank(evidence, registry):
        expected = [tag for tag in evidence.tags if tag in set(score.agent.tags)]

        assert list(score.matched_tags) == expected


@some
@given(known=evidence_on_registries())
def test_the_filter_off_keeps_all(known):
    """Tags or not, all agents are candidates, and that is not called widened."""
    registry, evidence = known

    ranking = rank(evidence, registry, use_tags=False)

    assert ranking.candidates == len(registry)
    assert not ranking.widened


@some
@given(registry=registries(), data=st.data())
def test_no_tags_keep_all_and_widen_nothing(registry, data):
    """A query without tags has nothing to filter by, so nothing was widened either."""
    similarities = data.draw(
        st.lists(cosines, min_size=len(registry), max_size=len(registry)), label="similarities"
    )

    ranking = rank(evidence_of(registry, similarities), registry)

    assert ranking.candidates == len(registry)
    assert not ranking.widened


def test_tags_that_nobody_carries_widen():
    """If the filter would remove everybody, it removes nobody and says so."""
    registry = registry_of([("billing",), ("model",), ()])

    ranking = rank(evidence_of(registry, [0.1, 0.3, 0.2], (UNKNOWN_TAG, "c++")), registry)

    assert ranking.widened
    assert ranking.candidates == 3
    assert ids(ranking) == ["a1", "a2", "a0"]


def test_a_tag_that_everybody_carries_keeps_all_and_widens_nothing():
    """All agents are candidates because they carry the tag, not for want of one."""
    registry = registry_of([("model",), ("model", "c++")])

    ranking = rank(evidence_of(registry, [0.1, 0.3], ("model",)), registry)

    assert ranking.candidates == 2
    assert not ranking.widened


def test_a_better_agent_without_the_tag_stands_behind_the_candidates():
    """The removed follow, best first, however high they score."""
    registry = registry_of([("model",), (), ("model",), ("billing",)])

    ranking = rank(evidence_of(registry, [0.1, 0.8, 0.2, 0.9], ("model",)), registry)

    assert ids(ranking) == ["a2", "a0", "a3", "a1"]
    assert ranking.candidates == 2


@some
@given(known=evidence_on_registries(least=2))
def test_the_margin_is_the_lead_over_the_second_candidate(known):
    """It is the float32 difference of the two best candidates; None where there is one only."""
    ranking = rank(known[1], known[0])

    best = sorted((np.float32(score.score) for score in ranking if score.kept), reverse=True)

    assert ranking.margin == (float(best[0] - best[1]) if len(best) > 1 else None)


@some
@given(known=evidence_on_registries(), use_tags=st.booleans(), data=st.data())
def test_a_large_index_ranks_only_what_it_returned(known, use_tags, data):
    """With positions the ranking is that of a registry of just these agents."""
    registry, evidence = known
    returned = sorted(
        data.draw(
            st.sets(st.integers(0, len(registry) - 1), min_size=1, max_size=len(registry)),
            label="positions",
        )
    )
    similarities = evidence.similarities[returned].tolist()
    small = registry_of([registry.agents[position].tags for position in returned])
    whole = {f"a{at}": registry.agents[position].id for at, position in enumerate(returned)}

    ranking = rank(
        evidence_of(registry, similarities, evidence.tags, returned), registry, use_tags=use_tags
    )

    alone = rank(evidence_of(small, similarities, evidence.tags), small, use_tags=use_tags)

    assert ids(ranking) == [whole[identifier] for identifier in ids(alone)]
    assert ranking.scores.tolist() == alone.scores.tolist()
    assert ranking.candidates == alone.candidates
    assert ranking.widened == alone.widened


def test_positions_in_any_order_name_the_right_agents():
    """Similarities belong to the agents at their positions, not to the first of the registry."""
    registry = registry_of([(), ("model",), (), ("model",)])

    ranking = rank(evidence_of(registry, [0.2, 0.9, 0.4], ("model",), [3, 2, 1]), registry)

    assert ids(ranking) == ["a1", "a3", "a2"]
    assert ranking.scores.tolist() == pytest.approx([0.4, 0.2, 0.9])
    assert ranking.candidates == 2


@some
@given(known=evidence_on_registries())
def test_ranking_leaves_the_evidence_alone(known):
    """Evidence is ranked many times, with the filter on and off; nothing in it may move."""
    registry, evidence = known
    before = evidence.similarities.tolist()

    rank(evidence, registry)

    assert evidence.similarities.tolist() == before


@pytest.mark.parametrize("tag", TAGS)
def test_a_single_agent_is_always_a_candidate(tag):
    """With or without the extracted tag it is all there is."""
    registry = registry_of([("model",)])

    ranking = rank(evidence_of(registry, [0.5], (tag,)), registry)

    assert ranking.candidates == 1
    assert ranking.widened == (tag != "model")


@some
@given(
    known=evidence_on_registries(),
    use_tags=st.booleans(),
    weight=st.one_of(st.just(0.1), st.floats(0, 1, width=32)),
)
def test_lexical_help_adds_up_in_float32(known, use_tags, weight):
    """Each score is the similarity plus so much of the lexical one, in the precision of scores."""
    registry, evidence = known

    ranking = rank(evidence, registry, use_tags=use_tags, lexical_weight=weight)

    assert ranking.scores.dtype == np.float32
    for score in ranking:
        at = registry.positions[score.agent.id]
        expected = evidence.similarities[at] + np.float32(weight) * evidence.lexical[at]

        assert score.score == float(expected)
        assert score.lexical == float(evidence.lexical[at])


@some
@given(known=evidence_on_registries(), weight=st.floats(0.125, 1, width=32))
def test_lexical_help_orders_by_the_sum(known, weight):
    """Candidates descend by their helped score, equal ones in registry order."""
    registry, evidence = known

    ranking = rank(evidence, registry, lexical_weight=weight)
    shown = [(-score.score, registry.positions[score.agent.id]) for score in ranking if score.kept]

    assert shown == sorted(shown)


@some
@given(known=evidence_on_registries())
def test_without_lexical_help_scores_are_the_similarities(known):
    """A weight of 0 changes no score by a bit, and makes no new array of them."""
    registry, evidence = known

    ranking = rank(evidence, registry, lexical_weight=0.0)

    assert total_scores(evidence.similarities, evidence.lexical, 0.0) is evidence.similarities
    assert sorted(ranking.scores.tolist()) == sorted(evidence.similarities.tolist())


def test_lexical_help_does_not_change_who_is_a_candidate():
    """The tag filter comes first, however well the words of a removed agent match."""
    registry = registry_of([("model",), (), ("model",)])

    ranking = rank(evidence_of(registry, [0.5, 0.5, 0.0], ("model",)), registry, lexical_weight=1.0)

    assert ids(ranking) == ["a2", "a0", "a1"]
    assert ranking.candidates == 2
    assert ranking.margin == 1.5


@pytest.mark.parametrize(
    ("use_tags", "weight", "best"),
    [(True, 0.0, "a0"), (True, 1.0, "a0"), (False, 0.0, "a1"), (False, 1.0, "a2")],
)
def test_ranking_by_a_policy_takes_its_filter_and_its_weight(use_tags, weight, best):
    """Each of the two switches is the policy's."""
    registry = registry_of([("model",), (), ()])
    policy = Policy(0.0, ThresholdSource.CONFIG, use_tags=use_tags, lexical_weight=weight)

    ranking = rank_by(evidence_of(registry, [0.25, 0.75, 0.5], ("model",)), registry, policy)

    assert ranking[0].agent.id == best
