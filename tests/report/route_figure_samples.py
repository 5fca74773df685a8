"""Routes to draw, and what their figures hold."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from handoff.core.model import Agent, Evidence, Policy, Registry, ThresholdSource
from handoff.report.route_figures import (
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
    query: str = "q",
) -> Route:
    """Judge a query that is this similar to the first of the agents."""
    registry = Registry(agents[: len(similarities)])
    evidence = Evidence(
        query=query,
        embedder="e",
        tagger="t",
        fingerprint=registry.fingerprint,
        tags=tags,
        vector=np.ones(1, dtype=np.float32),
        similarities=np.array(similarities, dtype=np.float32),
        lexical=np.zeros(len(similarities), dtype=np.float32),
        scripts=frozenset({"Latin"}),
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
