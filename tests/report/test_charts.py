"""What all charts share."""

import pytest

from handoff.report.charts import (
    Mark,
    bars,
    framed,
    label,
    legend_below,
    mark_lines,
    mark_names,
    number_axis,
    rows_axis,
)


@pytest.mark.parametrize("ink", [None, "#112233"], ids=repr)
def test_whatever_is_written_has_one_ink(ink):
    """Axes and legend too, which Streamlit's theme would colour otherwise."""
    layout = framed(
        [bars([1.0], ["#000000"])],
        ink,
        height=100,
        xaxis=number_axis(title="cases"),
        yaxis=rows_axis(["a"]) | {"tickfont": {"size": 11}},
        legend=legend_below(),
    )["layout"]

    assert layout["font"] == layout["legend"]["font"] == {"color": ink}
    assert layout["xaxis"]["title"] == {"text": "cases", "font": {"color": ink}}
    assert layout["yaxis"]["tickfont"] == {"size": 11, "color": ink}


def test_a_legend_is_shown_where_there_is_one():
    """And no other."""
    bare = framed([], None, height=100, xaxis={}, yaxis={})

    assert not bare["layout"]["showlegend"]


def test_a_text_is_cut_before_it_is_made_harmless():
    """Markup of somebody else's is shown, never obeyed."""
    assert label("<b>bold</b>", 4) == "&lt;b&gt;\u2026"


@pytest.mark.parametrize(("place", "anchor"), [(0.0, "left"), (0.5, "center"), (1.0, "right")])
def test_a_marks_name_is_turned_inward_near_an_edge(place, anchor):
    """Each stands on a row of its own."""
    low, high = mark_names([Mark(place, "in use", "dash"), Mark(0.5, "saved", "dot")], (0.0, 1.0))

    assert low["xanchor"] == anchor
    assert low["text"] == f"<b>in use {place:.2f}</b>"
    assert high["yshift"] > low["yshift"]


def test_a_mark_beyond_the_axis_has_its_name_at_the_edge():
    """Its line is where it is."""
    mark = Mark(2.0, "saved", "dot")

    assert mark_names([mark], (0.0, 1.0))[0]["x"] == 1.0
    assert mark_lines([mark], None)[0]["x0"] == 2.0
