"""The timeline of a route."""

import pytest
from hypothesis import given
from route_figure_samples import NOTHING, bars, labels, notes, some, span, stages, timelines

from handoff.report.route_budget import simulate
from handoff.report.route_figures import (
    timeline_alt,
    timeline_chart,
)


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
