"""Overlap and explanations as words, rows and charts."""

import json

import numpy as np
import pytest

from handoff.agents.advice import Advice, AdviceKind
from handoff.agents.overlap import find_overlap
from handoff.agents.plane import project
from handoff.core.explain import Edit, EditKind, Flip, WordShare
from handoff.core.model import Agent, Registry
from handoff.report.explain_figures import shares_alt, shares_chart
from handoff.report.explain_words import carried_by, flip_in_words, share_rows
from handoff.report.overlap_figures import map_alt, map_chart, map_rows, overlap_alt, overlap_chart
from handoff.report.overlap_words import (
    advice_in_words,
    between_rows,
    closest_rows,
    contest_rows,
    overlap_summary,
)

REGISTRY = Registry(
    (Agent("a", "=Rose", "x y"), Agent("b", "<b>Iron</b>", "x y"), Agent("c", "Sky", "x y"))
)
ROWS = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
SCORES = np.array([[0.5, 0.49, 0]], dtype=np.float32)
SHARES = (WordShare("good", 0, 4, 0.25), WordShare("<i>", 5, 8, -0.1), WordShare("so", 9, 11, 0.0))


@pytest.mark.parametrize("kind", AdviceKind)
def test_every_finding_is_one_sentence(kind):
    """With who it is about, or the tag."""
    said = advice_in_words(Advice(kind, (0, 1), 2, "sky"), REGISTRY)

    assert said.endswith(".")
    assert "=Rose" in said or "sky" in said


def test_many_agents_are_named_in_part():
    """A sentence names three of them."""
    agents = tuple(Agent(f"a{at}", f"Name {at}", "x") for at in range(9))

    said = advice_in_words(Advice(AdviceKind.ONE_WORD, tuple(range(9)), 9), Registry(agents))

    assert said.startswith("Name 0, Name 1, Name 2 and 6 more have a description")


def test_rows_hold_no_formula():
    """A spreadsheet takes names and queries for text."""
    overlap = find_overlap(ROWS, SCORES)

    assert closest_rows(overlap, REGISTRY)[0]["agent"] == "'=Rose"
    assert contest_rows(overlap, REGISTRY, 5)[0]["contested"] == 1
    assert between_rows(overlap.contests[0], ["=1+1"], REGISTRY)[0]["query"] == "'=1+1"
    assert map_rows(project(ROWS), REGISTRY)[0]["agent"] == "'=Rose"
    assert share_rows([WordShare("=x", 0, 2, 0.1)]) == [{"word": "'=x", "carries": 0.1}]


def test_the_summary_names_the_closest_two():
    """With what is typical beside it."""
    assert overlap_summary(find_overlap(ROWS), REGISTRY) == (
        "3 agents; the closest two are =Rose and <b>Iron</b>, similarity 1.00 where two agents "
        "typically have 0.00."
    )


@pytest.mark.parametrize(("count", "kind"), [(3, "heatmap"), (41, "bar")])
def test_few_agents_are_a_heat_map_and_many_are_bars(count, kind):
    """Both are plain values, and no markup in a name lives."""
    registry = Registry(tuple(Agent(f"a{at}", f"<b>{at}</b>", "x") for at in range(count)))
    overlap = find_overlap(np.eye(count, dtype=np.float32))

    chart = overlap_chart(overlap, registry, "#000000")

    assert chart["data"][0]["type"] == kind
    assert "<b>" not in json.dumps(chart)
    assert overlap_alt(overlap, registry).startswith("Heat map" if count == 3 else "Bars")


def test_the_map_shows_agents_and_queries():
    """By symbol, not only by colour."""
    plane = project(ROWS, ROWS[:1])

    chart = map_chart(plane, REGISTRY, ["<i>where</i>"], None)

    assert [trace["marker"]["symbol"] for trace in chart["data"]] == ["circle", "diamond"]
    assert "<i>" not in json.dumps(chart)
    assert "100.0 %" in map_alt(plane)


def test_words_that_carry_and_that_speak_against():
    """One sentence for both."""
    assert carried_by(SHARES, "query") == (
        "Of the query, 'good' (+0.25) carries it; '<i>' (-0.10) speaks against it."
    )
    assert carried_by((), "query") == "The query holds no word that could be left out."
    assert carried_by(SHARES[2:], "query") == "No single word of the query carries the score."


def test_shares_are_bars_with_their_figures():
    """Sign and side tell what colour tells."""
    chart = shares_chart(SHARES, None)

    assert chart["data"][0]["text"] == ["+0.25", "-0.10", "+0.00"]
    assert "<i>" not in json.dumps(chart)
    assert "carries it" in shares_alt(SHARES, "query")


def test_a_flip_is_told_with_its_edits():
    """Or that there is none."""
    flip = Flip(
        position=0,
        wins=True,
        edits=(Edit(EditKind.REPEAT, "rose"),),
        description="x y rose",
        before=0.2,
        after=0.4,
    )

    assert flip_in_words(flip, "Rose") == (
        "Rose would get the query saying once more 'rose' in its description: 0.40 instead of 0.20."
    )
    assert flip_in_words(None, "Rose").startswith("No few words")
