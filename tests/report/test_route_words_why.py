"""Routes in words: the filter, who answered, and what would change the outcome."""

import re
from dataclasses import replace
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from route_word_samples import (
    AGENTS,
    HIGH,
    OFF,
    OWN,
    POLICY,
    SCORES,
    STRICT,
    answered,
    cosines,
    crowd,
    policies,
    routed,
    router_of,
    some,
    tag_lists,
    ways,
)

from handoff.core.model import Outcome, ThresholdSource
from handoff.report.route_words import (
    answered_by,
    comparison,
    filter_note,
    reason,
    waiting,
)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(routed(*SCORES, tags=("code",)), "2 of 3 agents kept.", id="some"),
        pytest.param(routed(*SCORES, tags=("code", "refund")), "3 of 3 agents kept.", id="all"),
        pytest.param(
            routed(*SCORES),
            "No tag clearly fits the query, so all 3 agents were kept.",
            id="no tags",
        ),
        pytest.param(
            routed(*SCORES, tags=("code",), policy=OFF),
            "The tag filter is off: all 3 agents were kept.",
            id="off",
        ),
        pytest.param(
            routed(*SCORES, tags=("nobody's",)),
            "No agent carries these tags, so all 3 agents were kept.",
            id="widened",
        ),
        pytest.param(
            routed(*SCORES, degraded=("extract_tags",)),
            "Tags could not be extracted, so all 3 agents were kept.",
            id="degraded",
        ),
        pytest.param(
            routed(*[0.5] * 1_200, agents=crowd(1_200)),
            "No tag clearly fits the query, so all 1,200 agents were kept.",
            id="thousands",
        ),
        pytest.param(
            routed(*[0.5] * 1_200, tags=("rare",), agents=crowd(1_200)),
            "2 of 1,200 agents kept.",
            id="two of thousands",
        ),
    ],
)
def test_the_filter_note_says_how_many_agents_were_kept_and_why(route, words):
    """Whether the filter worked, was off, had no tags, or found nobody who carries them."""
    assert filter_note(route) == words


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        pytest.param(("code",), "2 of 3 agents kept.", id="tags"),
        pytest.param((), "No tag clearly fits the query, so all 3 agents were kept.", id="no tags"),
    ],
)
def test_tags_are_not_said_to_be_missing_where_another_stage_was_skipped(tags, words):
    """When the embedded model took over, it extracted tags as well."""
    assert filter_note(routed(*SCORES, tags=tags, degraded=("embed_query",))) == words


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(
            routed(0.5), "No tag clearly fits the query, so the only agent was kept.", id="no tags"
        ),
        pytest.param(
            routed(0.5, policy=OFF), "The tag filter is off: the only agent was kept.", id="off"
        ),
        pytest.param(
            routed(0.5, tags=("refund",)),
            "No agent carries these tags, so the only agent was kept.",
            id="widened",
        ),
        pytest.param(
            routed(0.5, degraded=("extract_tags",)),
            "Tags could not be extracted, so the only agent was kept.",
            id="degraded",
        ),
        pytest.param(routed(0.5, tags=("bug",)), "1 of 1 agent kept.", id="kept"),
    ],
)
def test_a_single_agent_is_not_called_agents(route, words):
    """The note speaks of one agent in the singular."""
    assert filter_note(route) == words


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(
            routed(*SCORES, policy=HIGH),
            "Vectors by the scripted embedder (for tests), tags by words. Threshold 0.62, from "
            "handoff.toml. 3 agents.",
            id="from handoff.toml",
        ),
        pytest.param(
            routed(*SCORES, policy=replace(POLICY, source=ThresholdSource.ARGUMENT)),
            "Vectors by the scripted embedder (for tests), tags by words. Threshold 0.25, as asked "
            "for. 3 agents.",
            id="as asked for",
        ),
        pytest.param(
            routed(0.5, policy=OWN),
            "Vectors by the scripted embedder (for tests), tags by words. Threshold 0.75, the "
            "agent's own. 1 agent.",
            id="own threshold, one agent",
        ),
        pytest.param(
            routed(*[0.5] * 1_200, agents=crowd(1_200)),
            "Vectors by the scripted embedder (for tests), tags by words. Threshold 0.25, the "
            "embedder's default. 1,200 agents.",
            id="many agents",
        ),
    ],
)
def test_it_is_told_who_answered(route, words):
    """Both models, the threshold with who set it, and how many agents there are."""
    assert answered(route) == words


def test_the_providers_are_told_by_their_labels():
    """A provider says itself what it is called."""
    told = answered(routed(*SCORES), "Vectorum", "a wizard")

    assert told.startswith("Vectors by Vectorum, tags by a wizard. Threshold 0.25")


def test_a_fallback_is_told_as_who_answered():
    """Where the first embedder was down, its label would be a lie."""
    route = routed(*SCORES)
    fallback = router_of(route.ranking.registry)
    first = replace(fallback, embedder=Mock(identity="down"), fallback=fallback)

    assert answered_by(route, first) == answered_by(route, fallback)


def test_the_models_are_told_where_tags_are_degraded():
    """That the tags are missing is the filter note's to say."""
    route = routed(*SCORES, degraded=("extract_tags",))

    assert answered(route).startswith(
        "Vectors by the scripted embedder (for tests), tags by words."
    )


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param(
            POLICY, "The outcome stays the same for every threshold up to 0.500.", id="selected"
        ),
        pytest.param(
            STRICT, "The outcome stays the same for every threshold up to 0.500.", id="ambiguous"
        ),
        pytest.param(
            HIGH, "The outcome stays the same for every threshold above 0.500.", id="below"
        ),
        pytest.param(
            OWN,
            "Coder is judged by a threshold of its own, 0.75; moving the common one changes "
            "nothing here.",
            id="own threshold",
        ),
    ],
)
def test_the_first_way_is_the_threshold(policy, words):
    """How far it can move while the outcome stays."""
    assert ways(routed(0.5, 0.25, policy=policy))[0] == words


@pytest.mark.parametrize("score", [0.2296, 0.2304, 0.5, -0.2496], ids=repr)
def test_the_named_threshold_still_keeps_a_hand_off(score):
    """Whoever types the figure of the sentence gets the outcome that it promises."""
    route = routed(score, policy=replace(POLICY, threshold=-0.5))
    (named,) = re.findall(r"up to (-?\d\.\d+)\.", ways(route)[0])

    again = routed(score, policy=replace(POLICY, threshold=float(named)))

    assert again.decision.outcome is Outcome.SELECTED


@pytest.mark.parametrize("score", [0.2296, 0.2304, 0.5, -0.2496], ids=repr)
def test_every_threshold_above_the_named_one_still_hands_off_to_nobody(score):
    """A threshold a hair above the figure of the sentence is out of reach."""
    route = routed(score, policy=replace(POLICY, threshold=0.875))
    (named,) = re.findall(r"above (-?\d\.\d+)\.", ways(route)[0])

    again = routed(score, policy=replace(POLICY, threshold=float(named) + 1e-6))

    assert again.decision.outcome is Outcome.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(
            routed(*SCORES), "With the tag filter off the outcome would be the same.", id="no tags"
        ),
        pytest.param(
            routed(*SCORES, tags=("code",)),
            "With the tag filter off Biller would take it, with similarity 0.75.",
            id="another takes it",
        ),
        pytest.param(
            routed(*SCORES, tags=("code",), policy=OFF),
            "With the tag filter on Coder would take it, with similarity 0.50.",
            id="off",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("bug",), policy=STRICT),
            "With the tag filter off nobody would take it, with Coder the best.",
            id="nobody takes it",
        ),
        pytest.param(
            routed(0.125, 0.75, tags=("bug",), policy=replace(HIGH, threshold=0.875)),
            "With the tag filter off nobody would take it, with Biller the best.",
            id="nobody either way, and another is best",
        ),
    ],
)
def test_the_second_way_is_the_filter(route, words):
    """Who would take the query with the switch the other way."""
    assert ways(route)[1] == words


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(routed(*SCORES), "Tags play no part in the outcome.", id="no tags"),
        pytest.param(
            routed(*SCORES, tags=("code",), policy=OFF),
            "Tags play no part in the outcome.",
            id="off",
        ),
        pytest.param(
            routed(*SCORES, degraded=("extract_tags",)),
            "Tags play no part in the outcome.",
            id="degraded",
        ),
        pytest.param(
            routed(*SCORES, tags=("nobody's",)),
            "Without the tag nobody's the outcome would be the same.",
            id="widened",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("bug",)),
            "Without the tag bug the outcome would be the same.",
            id="one tag, no change",
        ),
        pytest.param(
            routed(*SCORES, tags=("code", "bug")),
            "No single tag decides: without any one of them the outcome would be the same.",
            id="two tags, no change",
        ),
        pytest.param(
            routed(*SCORES, tags=("bug",)),
            "Without the tag bug Biller would take it, with similarity 0.75.",
            id="one tag decides",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("bug", "refund"), policy=STRICT),
            "Without the tag bug Biller would take it, with similarity 0.25; without the tag "
            "refund Coder would take it, with similarity 0.50.",
            id="two tags decide",
        ),
        pytest.param(
            routed(0.5, 0.25, tags=("bug",), policy=STRICT),
            "Without the tag bug nobody would take it, with Coder the best.",
            id="nobody without it",
        ),
    ],
)
def test_the_third_way_is_the_tags(route, words):
    """Which tags decide, and who would take the query without each."""
    assert ways(route)[2] == words


@pytest.mark.parametrize(
    ("route", "words"),
    [
        pytest.param(routed(0.5, 0.25), "The runner-up, Biller, is 0.25 behind.", id="two"),
        pytest.param(
            routed(*SCORES, tags=("code",)),
            "The runner-up, trainer, is 0.25 behind.",
            id="the second candidate",
        ),
        pytest.param(routed(0.5, 0.5), "The runner-up, Biller, is 0.00 behind.", id="tie"),
        pytest.param(routed(0.5, 0.498), "The runner-up, Biller, is 0.002 behind.", id="close"),
        pytest.param(
            routed(0.5), "There is no runner-up: nobody else is a candidate.", id="single agent"
        ),
        pytest.param(
            routed(*SCORES, tags=("bug",)),
            "There is no runner-up: nobody else is a candidate.",
            id="single candidate",
        ),
    ],
)
def test_the_fourth_way_is_the_runner_up(route, words):
    """By how much the best one leads."""
    assert ways(route)[3] == words


@some
@given(
    similarities=st.lists(cosines, min_size=1, max_size=3),
    tags=tag_lists,
    policy=policies,
    degraded=st.booleans(),
)
def test_every_sentence_begins_and_ends_as_one(similarities, tags, policy, degraded):
    """A capital, a figure or an agent's own name at its start, and one full stop at its end."""
    route = routed(
        *similarities,
        tags=() if degraded else tags,
        policy=policy,
        degraded=("extract_tags",) if degraded else (),
    )
    told = [reason(route), comparison(route), filter_note(route), *ways(route)]
    told += [f"{sentence}." for sentence in answered(route).removesuffix(".").split(". ")]
    names = tuple(agent.name for agent in AGENTS)

    assert [each for each in told if not re.fullmatch(r"([^.]|\.\d|\.toml)+\.", each)] == []
    assert [
        each for each in told if not (each[0] == each[0].upper() or each.startswith(names))
    ] == []


@some
@given(similarities=st.lists(cosines, min_size=1, max_size=3), tags=tag_lists, policy=policies)
def test_there_are_always_four_ways(similarities, tags, policy):
    """Threshold, filter, tags and runner-up each get their sentence."""
    assert len(ways(routed(*similarities, tags=tags, policy=policy))) == 4


def test_who_may_load_a_model_is_waited_for_by_name():
    """A person who waits a minute knows for whom; otherwise the page says what it does."""
    assert waiting((), "Routing \u2026") == "Routing \u2026"
    assert waiting(("the server of A", "the server of B"), "Routing \u2026") == (
        "Waiting for the server of A and the server of B, which may be loading a model \u2026"
    )
