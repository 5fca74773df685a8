"""Figures as plain dictionaries."""

import json
from collections.abc import Iterable
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly import graph_objects

from handoff.core.model import Agent, Evidence, Policy, Registry, ThresholdSource
from handoff.report.charts import BELOW, BEST, PASSES
from handoff.report.route_budget import simulate
from handoff.report.route_figures import (
    similarity_alt,
    similarity_chart,
    timeline_alt,
    timeline_chart,
)
from handoff.router import Route, judge
from handoff.trace import Facts, Span, Trace

# No deadline: how long a rule takes on a busy machine says nothing about the rule.
some = settings(max_examples=50, deadline=None)

NOTHING = "rgba(0,0,0,0)"
HEADING = "<i>Removed by the tag filter</i>"
TYPICAL = (-0.25, 0.75)
AGENTS = (
    Agent("coder", "Coder", "Fixes bugs.", ("bug", "code"), 0.75),
    Agent("biller", "Biller", "Refunds orders.", ("refund",)),
    Agent("trainer", "Trainer", "Trains models.", ("code", "model")),
)
POLICY = Policy(0.25, ThresholdSource.EMBEDDER)
OFF = replace(POLICY, use_tags=False)
SCORES = (0.5, 0.625, 0.125)
HOSTILE = [
    pytest.param('<b>x</b><a href="http://evil.test">', id="markup"),
    pytest.param("$x^2$", id="a formula"),
    pytest.param("N" * 200, id="200 characters"),
    pytest.param("<b>" * 67, id="200 characters of markup"),
    pytest.param("סוכן תמיכה", id="right to left"),
    pytest.param("R&D &lt;team&gt;", id="entities"),
]

cosines = st.floats(-1, 1, width=32)
stages = ["extract_tags", "embed_query", "embed_agents", "score", "filter", "select"]
timelines = st.lists(
    st.tuples(st.floats(0, 500), st.floats(0, 500), st.booleans()), min_size=6, max_size=6
).map(
    lambda drawn: [
        Span(name, start_ms, ms, Facts(count=1, cached=int(hit)))
        for name, (start_ms, ms, hit) in zip(stages, drawn, strict=True)
    ]
)


def routed(
    *similarities: float,
    tags: tuple[str, ...] = (),
    policy: Policy = POLICY,
    agents: tuple[Agent, ...] = AGENTS,
) -> Route:
    """Judge a query that is this similar to the first of the agents."""
    registry = Registry(agents[: len(similarities)])
    evidence = Evidence(
        query="q",
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tags,
        vector=np.ones(1, dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.zeros(len(similarities), dtype=np.float32),
    )
    return judge(evidence, registry, policy, Trace())


def crowd(count: int, carriers: Iterable[int] = ()) -> tuple[Agent, ...]:
    """Return many agents, some of whom carry the tag "common"."""
    tagged = set(carriers)
    return tuple(
        Agent(f"a{at}", f"Agent {at}", "Helps.", ("common",) if at in tagged else ())
        for at in range(count)
    )


def labels(figure) -> list[str]:
    """Return what stands beside the bars, from the top."""
    return figure["layout"]["yaxis"]["ticktext"]


def bars(figure) -> list[tuple[str, float, str, str]]:
    """Return label, length, filling and outline of each bar, from the top."""
    (bar,) = figure["data"]
    marker = bar["marker"]
    fills, outlines = marker["color"], marker["line"]["color"]
    return list(zip(labels(figure), bar["x"], fills, outlines, strict=True))


def frame(figure) -> tuple[int, list[float], list[float]]:
    """Return the height and both axes, which must not jump."""
    layout = figure["layout"]
    return layout["height"], layout["xaxis"]["range"], layout["yaxis"]["range"]


def line(figure) -> float:
    """Return where the threshold stands on the axis."""
    (shape,) = figure["layout"]["shapes"]
    (place,) = {shape["x0"], shape["x1"]}
    return place


def line_label(figure) -> dict[str, object]:
    """Return what is written at the threshold."""
    (label,) = figure["layout"]["annotations"]
    return label


def span(name: str, start_ms: float, ms: float, **facts: int) -> Span:
    """Return a stage with these facts."""
    return Span(name, start_ms, ms, Facts(**facts))


def notes(spans: list[Span]) -> list[str]:
    """Return what is written at the bars of a timeline."""
    return [note["text"] for note in timeline_chart(spans)["layout"]["annotations"]]


def test_bars_are_labelled_with_name_and_similarity_best_first():
    """The best one is bold, and the length of a bar is its similarity."""
    figure = similarity_chart(routed(*SCORES), TYPICAL)

    assert [(label, length) for label, length, _, _ in bars(figure)] == [
        ("<b>Biller  0.62</b>", 0.625),
        ("Coder  0.50", 0.5),
        ("Trainer  0.12", 0.125),
    ]


def test_a_similarity_that_rounds_to_zero_has_no_sign():
    """A little less than nothing is written as nothing."""
    figure = similarity_chart(routed(-0.001, -0.5), TYPICAL)

    assert labels(figure) == ["<b>Coder  0.00</b>", "Biller  -0.50"]


@pytest.mark.parametrize(
    ("agents", "shown"),
    [
        pytest.param(1, 1, id="one"),
        pytest.param(2, 2, id="two"),
        pytest.param(25, 25, id="as many as fit"),
        pytest.param(26, 25, id="one more"),
        pytest.param(60, 25, id="many"),
    ],
)
def test_there_is_one_bar_an_agent_up_to_twenty_five(agents, shown):
    """More are left to the table."""
    route = routed(*np.linspace(0.5, 0, agents), agents=crowd(agents))

    assert [label for label, *_ in bars(similarity_chart(route, TYPICAL))][1:] == [
        f"Agent {at}  {np.linspace(0.5, 0, agents)[at]:.2f}" for at in range(1, shown)
    ]


def test_removed_agents_stand_hollow_under_their_heading():
    """They follow the candidates, best first, outlined but not filled."""
    figure = similarity_chart(routed(*SCORES, tags=("bug",)), TYPICAL)
    (best, *_), heading, *removed = bars(figure)

    assert best == "<b>Coder  0.50</b>"
    assert heading == (HEADING, None, NOTHING, NOTHING)
    assert [bar[:3] for bar in removed] == [
        ("Biller  0.62", 0.625, NOTHING),
        ("Trainer  0.12", 0.125, NOTHING),
    ]
    assert NOTHING not in {outline for *_, outline in removed}


def test_candidates_are_filled():
    """Whether they reach the threshold or not."""
    figure = similarity_chart(routed(*SCORES, tags=("bug", "model")), TYPICAL)

    assert NOTHING not in {fill for _, _, fill, _ in bars(figure)[:2]}


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(routed(*SCORES), id="no tags"),
        pytest.param(routed(*SCORES, tags=("bug",), policy=OFF), id="filter off"),
        pytest.param(routed(*SCORES, tags=("nobody's",)), id="widened"),
    ],
)
def test_without_removed_agents_there_is_no_heading(route):
    """An empty list has no title."""
    assert HEADING not in labels(similarity_chart(route, TYPICAL))


def test_only_as_many_removed_ones_are_shown_as_fit():
    """Candidates come first; the heading takes no agent's place."""
    agents = crowd(30, carriers=range(24))

    shown = labels(similarity_chart(routed(*[0.5] * 30, agents=agents, tags=("common",)), TYPICAL))

    assert len(shown) == 26
    assert shown[24] == HEADING


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(POLICY, id="selected"),
        pytest.param(replace(POLICY, threshold=0.875), id="below"),
        pytest.param(replace(POLICY, margin=0.5), id="ambiguous"),
    ],
)
def test_only_the_best_one_is_bold(policy):
    """It leads whether it takes the query or not."""
    shown = labels(similarity_chart(routed(*SCORES, policy=policy), TYPICAL))

    assert [label.startswith("<b>") for label in shown] == [True, False, False]


def test_bars_that_miss_the_threshold_have_a_colour_of_their_own():
    """The best one stands out, and a score on the line is on its good side."""
    route = routed(*SCORES, policy=replace(POLICY, threshold=0.5))

    fills = [fill for _, _, fill, _ in bars(similarity_chart(route, TYPICAL))]

    assert fills == [BEST, PASSES, BELOW]


def test_where_nobody_reaches_the_threshold_no_bar_stands_out():
    """Not even the best one."""
    route = routed(*SCORES, policy=replace(POLICY, threshold=0.875))

    assert {fill for _, _, fill, _ in bars(similarity_chart(route, TYPICAL))} == {BELOW}


@some
@given(
    scores=st.lists(cosines, min_size=3, max_size=3),
    thresholds=st.lists(st.floats(-2, 2), min_size=2, max_size=2),
    tags=st.sampled_from([(), ("bug",), ("code",), ("refund", "model")]),
)
def test_nothing_jumps_when_the_controls_move(scores, thresholds, tags):
    """Height and axes are the same at every threshold, with the filter on and off."""
    frames = [
        frame(
            similarity_chart(
                routed(
                    *scores,
                    tags=tags,
                    policy=replace(POLICY, threshold=threshold, use_tags=use_tags),
                ),
                TYPICAL,
            )
        )
        for threshold in thresholds
        for use_tags in (True, False)
    ]

    assert frames == [frames[0]] * 4


@pytest.mark.parametrize("typical", [(-0.25, 0.75), (0.0, 1.0), (0.125, 0.75)], ids=repr)
def test_the_axis_of_any_embedder_stays_when_the_filter_is_switched(typical):
    """Also where similarities are usually above zero."""
    on = similarity_chart(routed(*SCORES, tags=("bug",)), typical)
    off = similarity_chart(routed(*SCORES, tags=("bug",), policy=OFF), typical)

    assert frame(on) == frame(off)


@pytest.mark.parametrize(
    ("scores", "carriers"),
    [
        pytest.param([0.875, *[0.25] * 29], range(1, 30), id="the highest is removed"),
        pytest.param([*[0.25] * 5, *[0.125] * 24, -0.5], range(5, 30), id="the lowest is kept"),
    ],
)
def test_the_axis_of_many_agents_stays_when_the_filter_is_switched(scores, carriers):
    """Also where the switch brings a far-off score among the 25 that are shown, or takes it out."""
    agents = crowd(30, carriers)
    on = similarity_chart(routed(*scores, agents=agents, tags=("common",)), TYPICAL)
    off = similarity_chart(routed(*scores, agents=agents, tags=("common",), policy=OFF), TYPICAL)

    assert frame(on) == frame(off)


def test_each_further_agent_takes_the_same_height():
    """One row more, up to the twenty-fifth."""
    heights = [
        frame(similarity_chart(routed(*[0.5] * agents, agents=crowd(agents)), TYPICAL))[0]
        for agents in (1, 2, 3, 25, 26)
    ]
    row = heights[1] - heights[0]

    assert row > 0
    assert [height - heights[0] for height in heights] == [0, row, 2 * row, 24 * row, 24 * row]


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


def test_the_timeline_has_one_bar_a_stage_from_its_start_to_its_end():
    """From the top in the order of the stages, named for people."""
    spans = [
        span("extract_tags", 0.0, 40.0),
        span("embed_query", 5.0, 20.0),
        span("score", 40.0, 60.0),
    ]
    figure = timeline_chart(spans)
    (bar,) = figure["data"]

    assert labels(figure) == ["Tags", "Query", "Score"]
    assert bar["y"] == [0, 1, 2]
    assert bar["base"] == [0.0, 5.0, 40.0]
    assert bar["x"] == [40.0, 20.0, 60.0]


@pytest.mark.parametrize("name", [*stages, "hand_off"])
def test_every_stage_has_a_name_for_people(name):
    """No identifier is shown."""
    (shown,) = labels(timeline_chart([span(name, 0.0, 1.0)]))

    assert shown[0].isupper()
    assert "_" not in shown


@pytest.mark.parametrize(
    ("facts", "hollow", "note"),
    [
        pytest.param({"count": 9, "cached": 9}, True, "2.0 ms, from the cache", id="all cached"),
        pytest.param({"count": 9, "cached": 8}, False, "2.0 ms", id="all but one cached"),
        pytest.param({"count": 9, "cached": 0}, False, "2.0 ms", id="none cached"),
        pytest.param({"count": 9}, False, "2.0 ms", id="no word of a cache"),
        pytest.param({"count": 0, "cached": 0}, False, "2.0 ms", id="nothing to do"),
        pytest.param({}, False, "2.0 ms", id="no facts"),
    ],
)
def test_a_stage_that_a_cache_answered_is_hollow_and_said_so(facts, hollow, note):
    """A stage that did any of the work itself is filled."""
    spans = [span("embed_agents", 0.0, 2.0, **facts), span("score", 2.0, 8.0)]
    (_, _, fill, outline), _ = bars(timeline_chart(spans))

    assert (fill == NOTHING) is hollow
    assert outline != NOTHING
    assert notes(spans)[0] == note


@pytest.mark.parametrize("hit", [0, 1], ids=["asked for", "known to a cache"])
def test_a_call_that_is_played_at_its_budget_is_not_said_to_be_cached(hit):
    """Two hundred milliseconds from a cache would be nobody's cache."""
    spans = [span("embed_query", 0.0, 0.5, count=1, cached=hit)]

    assert notes(list(simulate(spans))) == ["200 ms"]


def test_a_bar_too_short_to_be_seen_is_drawn_a_little_longer():
    """Its note tells the truth, and its place is its own."""
    spans = [span("extract_tags", 0.0, 500.0), span("select", 500.0, 0.01)]
    (bar,) = timeline_chart(spans)["data"]

    assert bar["x"][1] >= 1.0
    assert bar["base"][1] == 500.0
    assert notes(spans)[1] == "<0.1 ms"


@some
@given(spans=timelines)
def test_every_bar_of_a_timeline_is_on_its_axis(spans):
    """The tiny ones at the end as well, and none of them without width."""
    figure = timeline_chart(spans)
    (bar,) = figure["data"]
    low, high = figure["layout"]["xaxis"]["range"]

    assert min(bar["x"]) >= (high - low) * 0.003
    assert low <= min(bar["base"])
    assert max(base + width for base, width in zip(bar["base"], bar["x"], strict=True)) <= high


@some
@given(spans=timelines)
def test_every_note_is_inside_the_plot_with_room_for_its_text(spans):
    """It runs toward the far side, over at least a third of the axis."""
    layout = timeline_chart(spans)["layout"]
    low, high = layout["xaxis"]["range"]
    rooms = [
        (high - note["x"]) if note["xanchor"] == "left" else (note["x"] - low)
        for note in layout["annotations"]
    ]

    assert all(low <= note["x"] <= high for note in layout["annotations"])
    assert min(rooms) >= (high - low) / 3


@some
@given(spans=timelines)
def test_every_note_is_in_its_bars_row(spans):
    """One note a stage, beside or on its own bar."""
    annotations = timeline_chart(spans)["layout"]["annotations"]

    assert [note["y"] for note in annotations] == [0, 1, 2, 3, 4, 5]


@some
@given(spans=timelines)
def test_a_note_stands_beside_its_bar_or_is_white_on_a_filled_one(spans):
    """No text crosses the edge of a bar, and none is white on the page."""
    figure = timeline_chart(spans)
    drawn = zip(spans, figure["layout"]["annotations"], bars(figure), strict=True)
    on_bar = [
        (note.get("font"), fill)
        for stage, note, (_, _, fill, _) in drawn
        if stage.start_ms < note["x"] < stage.start_ms + stage.ms
    ]
    beside = [
        note.get("font")
        for stage, note in zip(spans, figure["layout"]["annotations"], strict=True)
        if not stage.start_ms < note["x"] < stage.start_ms + stage.ms
    ]

    assert all((font is None) == (fill == NOTHING) for font, fill in on_bar)
    assert all(font is None for font in beside)


def test_a_timeline_that_took_no_time_can_be_drawn():
    """A clock may be coarser than a route."""
    figure = timeline_chart([span("score", 0.0, 0.0), span("select", 0.0, 0.0)])

    assert all(width > 0 for width in figure["data"][0]["x"])
    assert figure["layout"]["xaxis"]["range"][1] > 0


def test_each_further_stage_makes_the_timeline_as_much_higher():
    """All rows are of one height."""
    first, second, third = (
        timeline_chart([span("score", 0.0, 1.0)] * rows)["layout"]["height"] for rows in (1, 2, 3)
    )

    assert first < second
    assert second - first == third - second


def test_the_timelines_alternative_text_names_the_longest_stage():
    """The total is from start to end, since stages overlap."""
    spans = [
        span("extract_tags", 0.0, 40.0),
        span("embed_query", 5.0, 20.0),
        span("score", 40.0, 2.5),
    ]

    assert timeline_alt(spans) == (
        "Timeline of the stages, 42 ms in all. The longest is Tags with 40 ms."
    )
