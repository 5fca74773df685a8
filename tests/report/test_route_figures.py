"""The chart of similarities: a bar for each agent, bold, hollow or missing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from route_figure_samples import (
    HEADING,
    NOTHING,
    OFF,
    POLICY,
    SCORES,
    TYPICAL,
    bars,
    cosines,
    crowd,
    frame,
    labels,
    routed,
    some,
)

from handoff.report.charts import BELOW, BEST, PASSES
from handoff.report.route_figures import (
    similarity_chart,
)


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


def test_no_bar_of_a_query_in_unknown_letters_passes():
    """Whatever it scores; switched off, the colours are those of any query."""
    anyway = replace(POLICY, known_scripts_only=False)
    unknown, judged = (
        {fill for _, _, fill, _ in bars(similarity_chart(route, TYPICAL))}
        for route in (
            routed(0.875, 0.75, query="Καλημέρα"),
            routed(0.875, 0.75, query="Καλημέρα", policy=anyway),
        )
    )

    assert unknown == {BELOW}
    assert judged == {BEST, PASSES}


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
