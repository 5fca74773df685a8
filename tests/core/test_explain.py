"""Which words carry a score, and what it takes to turn a query."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from given import evidence_of, evidence_on_registries, margins, registry_of, some
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.agent_rows import AgentRows
from handoff.core.decision import decide_by
from handoff.core.explain import (
    MOST_BYTES,
    EditKind,
    bar_of,
    edits_of,
    held_lexical,
    held_scores,
    share_out,
    texts_to_explain,
    variants_of,
)
from handoff.core.learning import Lessons, learn, score_queries
from handoff.core.lexical import build_lexicon, lexical_scores
from handoff.core.model import Agent, Policy, ThresholdSource
from handoff.core.ranking import rank_by
from handoff.core.scoring import unit
from handoff.core.spans import parts_of, words_of
from handoff.core.tagging import stems


def test_each_variant_lacks_one_word():
    """Signs that belong to a word go with it."""
    assert variants_of("Sales, revenue or C++") == (
        "revenue or C++",
        "Sales, or C++",
        "Sales, revenue C++",
        "Sales, revenue or",
    )


@pytest.mark.parametrize("text", ["", "???", " \u2026 "])
def test_a_text_without_words_has_no_variants(text):
    """There is nothing to leave out."""
    assert variants_of(text) == ()


def test_a_text_of_one_word_leaves_nothing():
    """Signs alone are no text."""
    assert variants_of("Pay!") == ("",)


def test_characters_are_words_where_no_spaces_are_set():
    """A sentence in Chinese is not one word."""
    assert [word.text for word in words_of("\u5929\u6c14 ok")] == ["\u5929", "\u6c14", "ok"]


@some
@given(st.text(max_size=60), st.integers(1, 9))
def test_parts_stand_where_they_say(text, most):
    """In order, apart from one another, and no more than asked for."""
    parts = parts_of(text, most)

    assert len(parts) <= most
    assert all(text[part.start : part.end] == part.text for part in parts)
    assert all(one.end <= other.start for one, other in pairwise(parts))


def test_variants_of_the_longest_texts_fit_one_request():
    """Runs of words are left out of a long text instead of words."""
    longest = "ab " * 1_333

    assert sum(len(variant.encode()) for variant in variants_of(longest)) <= MOST_BYTES


def test_nothing_empty_and_nothing_twice_is_embedded():
    """Providers refuse an empty text."""
    texts = texts_to_explain("go", Agent("a", "Name", "more more"))

    assert texts == ("Name: more",)


def test_a_changed_description_is_embedded_by_whole_and_phrases():
    """Each text once: a word left out changes the whole and the phrase that it stood in."""
    texts = texts_to_explain("go", Agent("a", "Name", "red roses, old iron"))

    assert texts == (
        *("Name: roses, old iron", "Name: red, old iron", "Name: red roses, iron"),
        *("Name: red roses, old", "roses", "old iron", "red", "red roses", "iron", "old"),
    )


def test_a_share_is_what_the_score_loses():
    """Negative where the word speaks against the agent."""
    shares = share_out("good bad", 0.5, [0.25, 0.75])

    assert [(share.word, share.share) for share in shares] == [("good", 0.25), ("bad", -0.25)]


def test_held_scores_are_those_of_the_route_for_the_text_in_use():
    """With phrases and with examples."""
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=(12, 5)).astype(np.float32))
    lessons = Lessons(("red rose", "old iron", "blue sky"), rows[4:7], np.array([0, 1, 2]))
    agents = AgentRows(rows[:4], rows[8:], np.array([2, 2, 3, 3]))
    learned = learn(agents, lessons)
    registry_evidence = evidence_of_query(rows[7])

    used = AgentRows(rows[2:3], rows[8:10], np.array([0, 0]))
    found = held_scores(used, registry_evidence, learned, 2)

    assert found[0] == pytest.approx(
        score_queries(rows[7:8], [registry_evidence.query], learned)[0, 2], abs=1e-6
    )


def evidence_of_query(vector):
    """Return evidence whose vector is this one."""
    return replace(evidence_of(registry_of([()] * 4), [0] * 4), vector=vector)


def test_held_lexical_scores_are_those_of_the_lexicon_for_the_text_in_use():
    """Only the changed text is counted again."""
    texts = ["red roses grow", "old iron rusts slowly", "roses and iron"]
    lexicon = build_lexicon(texts)
    mean_length = sum(len(stems(text)) for text in texts) / 3

    found = held_lexical("iron roses", texts, lexicon, mean_length)

    assert found == pytest.approx(lexical_scores(["iron roses"], lexicon)[0].tolist(), abs=1e-6)


@some
@given(evidence_on_registries(), st.floats(-1, 1, width=32), margins, st.booleans())
def test_the_bar_says_what_the_decision_says(drawn, threshold, margin, use_tags):
    """An agent gets the query exactly where its score clears the bar."""
    registry, evidence = drawn
    policy = Policy(threshold, ThresholdSource.ARGUMENT, margin=margin, use_tags=use_tags)
    decision = decide_by(rank_by(evidence, registry, policy), policy)

    cleared = [
        bar_of(evidence, registry, policy, at).cleared_by(float(evidence.similarities[at]))
        for at in range(len(registry))
    ]

    assert cleared == [agent == decision.agent for agent in registry.agents]


def test_single_edits_drop_or_repeat_each_word():
    """A word is repeated once, however often it stands there; no edit leaves nothing."""
    assert [(edit.kind, text) for edit, text in edits_of("go go")] == [
        (EditKind.DROP, "go"),
        (EditKind.DROP, "go"),
        (EditKind.REPEAT, "go go go"),
    ]
    assert [edit.kind for edit, _ in edits_of("go")] == [EditKind.REPEAT]
