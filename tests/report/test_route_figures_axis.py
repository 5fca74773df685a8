"""The axis of the chart of similarities, its threshold, and the names on it."""

import json
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly import graph_objects
from route_figure_samples import (
    HEADING,
    HOSTILE,
    POLICY,
    SCORES,
    TYPICAL,
    bars,
    cosines,
    frame,
    labels,
    line,
    line_label,
    routed,
    some,
    span,
)

from handoff.core.model import Agent
from handoff.report.route_figures import (
    similarity_alt,
    similarity_chart,
    timeline_chart,
)


def test_the_axis_is_the_typical_range():
    """From end to end, a little wider so that nothing touches the rim."""
    low, high = frame(similarity_chart(routed(*SCORES), TYPICAL))[1]

    assert -0.3 < low < -0.25
    assert 0.75 < high < 0.8


def test_an_axis_that_begins_at_zero_begins_there():
    """Bars stand on the rim, with no gap that looks like a value."""
    assert frame(similarity_chart(routed(*SCORES), (0.0, 0.75)))[1][0] == 0.0


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        pytest.param((0.9375, 0.5), -0.25, 0.9375, id="above"),
        pytest.param((0.5, -0.625), -0.625, 0.75, id="below"),
        pytest.param((1.0, -1.0), -1.0, 1.0, id="both"),
    ],
)
def test_a_score_outside_the_typical_range_widens_the_axis(scores, low, high):
    """No bar is cut off, and the other end stays."""
    shown = frame(similarity_chart(routed(*scores), TYPICAL))[1]

    assert shown[0] <= low < shown[0] + 0.06
    assert shown[1] - 0.06 < high <= shown[1]


def test_a_removed_agents_score_widens_the_axis():
    """A hollow bar is a bar."""
    figure = similarity_chart(routed(0.5, 0.9375, tags=("bug",)), TYPICAL)

    assert frame(figure)[1][1] >= 0.9375


@pytest.mark.parametrize(
    ("threshold", "place", "text"),
    [
        pytest.param(0.25, 0.25, "<b>threshold 0.25</b>", id="on the axis"),
        pytest.param(0.75, 0.75, "<b>threshold 0.75</b>", id="at its end"),
        pytest.param(0.0, 0.0, "<b>threshold 0.00</b>", id="zero"),
        pytest.param(0.9375, 0.75, "<b>threshold 0.94 \u2192</b>", id="beyond it"),
        pytest.param(-0.5, -0.25, "<b>\u2190 threshold -0.50</b>", id="before it"),
    ],
)
def test_the_threshold_is_a_line_on_the_axis(threshold, place, text):
    """Where it lies beyond, the line stands at the end and an arrow points on."""
    figure = similarity_chart(routed(*SCORES, policy=replace(POLICY, threshold=threshold)), TYPICAL)

    assert line(figure) == line_label(figure)["x"] == place
    assert line_label(figure)["text"] == text


def test_the_line_is_at_the_threshold_that_judged():
    """With own thresholds switched on it is the best agent's own."""
    figure = similarity_chart(routed(0.5, 0.25, policy=replace(POLICY, per_agent=True)), TYPICAL)

    assert line(figure) == 0.75


@some
@given(
    scores=st.lists(cosines, min_size=1, max_size=3), threshold=st.floats(-3, 3, allow_nan=False)
)
def test_the_line_is_always_in_sight(scores, threshold):
    """Whatever was asked for."""
    figure = similarity_chart(routed(*scores, policy=replace(POLICY, threshold=threshold)), TYPICAL)
    low, high = frame(figure)[1]

    assert low <= line(figure) <= high


@pytest.mark.parametrize(
    ("threshold", "anchor"),
    [
        pytest.param(-0.25, "left", id="left end"),
        pytest.param(0.25, "center", id="middle"),
        pytest.param(0.75, "right", id="right end"),
    ],
)
def test_the_lines_label_is_turned_inward(threshold, anchor):
    """At either end the text runs into the plot, not out of it."""
    figure = similarity_chart(routed(*SCORES, policy=replace(POLICY, threshold=threshold)), TYPICAL)

    assert line_label(figure)["xanchor"] == anchor


def test_two_agents_of_the_same_name_are_two_bars():
    """Each has a row of its own, and its id beside the name."""
    twins = (Agent("one", "Twin", "First."), Agent("two", "Twin", "Second."))
    figure = similarity_chart(routed(0.25, 0.5, agents=twins), TYPICAL)

    assert figure["data"][0]["y"] == [0, 1]
    assert labels(figure) == ["<b>Twin (two)  0.50</b>", "Twin (one)  0.25"]


def test_two_agents_of_the_same_long_name_are_told_apart():
    """Cutting a name leaves the id that tells it from its namesake."""
    name = "Customer relationship specialist for Europe"
    twins = (Agent("one", name, "First."), Agent("two", name, "Second."))
    shown = labels(similarity_chart(routed(0.5, 0.5, agents=twins), TYPICAL))

    assert shown[0].removeprefix("<b>").removesuffix("</b>") != shown[1]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("tags", [("kept",), ("other",)], ids=["candidate", "removed"])
def test_a_name_is_text_and_never_markup(name, tags):
    """What is read between the figure's own tags is the name, or its beginning."""
    agents = (Agent("a", name, "Helps.", ("kept",)), Agent("b", "Other", "Helps.", ("other",)))
    shown = labels(similarity_chart(routed(0.5, 0.25, agents=agents, tags=tags), TYPICAL))
    (own,) = (each for each in shown if each != HEADING and "Other" not in each)
    text = own.removeprefix("<b>").removesuffix("</b>")
    read = unescape(text).removesuffix("  0.50")

    assert "<" not in text
    assert ">" not in text
    assert read == name or (read.endswith("\u2026") and name.startswith(read[:-1]))


def test_a_long_name_is_cut():
    """Bars keep their room, and the similarity is still there."""
    agents = (Agent("a", "N" * 200, "Helps."),)
    (shown,) = labels(similarity_chart(routed(0.5, agents=agents), TYPICAL))

    assert len(shown) < 50
    assert shown.endswith("N\u2026  0.50</b>")


def test_a_name_of_ordinary_length_is_not_cut():
    """Twenty-eight characters fit."""
    agents = (Agent("a", "N" * 28, "Helps."),)

    assert labels(similarity_chart(routed(0.5, agents=agents), TYPICAL)) == [
        f"<b>{'N' * 28}  0.50</b>"
    ]


def test_a_name_is_cut_before_it_is_made_harmless():
    """No half entity is left at the end."""
    agents = (Agent("a", "&" * 40, "Helps."),)

    assert labels(similarity_chart(routed(0.5, agents=agents), TYPICAL)) == [
        f"<b>{'&amp;' * 27}\u2026  0.50</b>"
    ]


def test_a_single_agent_is_a_single_bold_bar():
    """There is no runner-up and no heading."""
    figure = similarity_chart(routed(0.5, tags=("bug",)), TYPICAL)

    assert [label for label, *_ in bars(figure)] == ["<b>Coder  0.50</b>"]


@pytest.mark.parametrize(
    "figure",
    [
        pytest.param(similarity_chart(routed(*SCORES), TYPICAL), id="similarities"),
        pytest.param(
            similarity_chart(routed(*SCORES, tags=("bug",)), TYPICAL, "#000000"), id="ink"
        ),
        pytest.param(similarity_chart(routed(0.5), TYPICAL), id="a single agent"),
        pytest.param(timeline_chart([span("score", 0.0, 1.0, count=3, cached=3)]), id="timeline"),
    ],
)
def test_a_figure_is_plain_json(figure):
    """Nothing of NumPy's is left, no tuple, and no number that JSON lacks."""
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure


@pytest.mark.parametrize(
    "figure",
    [
        pytest.param(similarity_chart(routed(*SCORES, tags=("bug",)), TYPICAL), id="similarities"),
        pytest.param(timeline_chart([span("score", 0.0, 1.0)], "#000000"), id="timeline"),
    ],
)
def test_plotly_knows_every_part_of_a_figure(figure):
    """A misspelt key or an impossible value would be refused."""
    accepted = graph_objects.Figure(figure).to_plotly_json()

    assert accepted["layout"]["height"] == figure["layout"]["height"]


@pytest.mark.parametrize("ink", [None, "#112233"], ids=repr)
def test_labels_are_written_in_the_ink_that_was_asked_for(ink):
    """None leaves the colour to the theme."""
    charts = (
        similarity_chart(routed(*SCORES), TYPICAL, ink),
        timeline_chart([span("score", 0.0, 1.0)], ink),
    )

    assert [
        (chart["layout"]["yaxis"]["tickfont"]["color"], chart["layout"]["font"]["color"])
        for chart in charts
    ] == [(ink, ink), (ink, ink)]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        pytest.param(
            POLICY,
            "Bar chart of similarities. Hand off to Coder. Its similarity 0.50 reaches the "
            "threshold 0.25 (the embedder's default).",
            id="selected",
        ),
        pytest.param(
            replace(POLICY, threshold=0.875),
            "Bar chart of similarities. Hand off to nobody. The best, Coder, has similarity 0.50, "
            "below the threshold 0.88 (the embedder's default).",
            id="below",
        ),
        pytest.param(
            replace(POLICY, margin=0.5),
            "Bar chart of similarities. Hand off to nobody: too close to call. Coder leads Biller "
            "by 0.25, less than the required margin 0.50.",
            id="ambiguous",
        ),
    ],
)
def test_the_charts_alternative_text_states_the_outcome(policy, message):
    """Who does not see the bars hears what they come to."""
    assert similarity_alt(routed(0.5, 0.25, policy=policy)) == message
