"""Which agents overlap: what to look at first, the closest pairs, their queries, and a map."""

import streamlit as st

from handoff.agents.advice import look_at_first
from handoff.agents.overlap import Overlap
from handoff.agents.plane import project
from handoff.core.model import FloatArray, Registry
from handoff.evaluation.analysis import Analysis
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.overlap_figures import (
    map_alt,
    map_chart,
    map_rows,
    overlap_alt,
    overlap_chart,
)
from handoff.report.overlap_words import (
    advice_in_words,
    between_rows,
    closest_rows,
    contest_in_words,
    contest_rows,
    overlap_summary,
)
from handoff.ui.parts import chart_ink
from handoff.ui.set_parts import chart, table

SHOWN_ADVICE = 10
SHOWN_CONTESTS = 50
SHOWN_QUERIES = 100
TABLE_PX = 250


def first_looks(found: Overlap, registry: Registry, analysis: Analysis | None) -> None:
    """Draw what to look at first, worst first."""
    advice = look_at_first(registry, found, analysis)
    if not advice:
        st.caption("Nothing stands out.")
    st.markdown(
        "\n".join(f"- {plain(advice_in_words(each, registry))}" for each in advice[:SHOWN_ADVICE])
    )
    if len(advice) > SHOWN_ADVICE:
        st.caption(f"and {counted(len(advice) - SHOWN_ADVICE, 'more finding')}")


def overlaps(found: Overlap, registry: Registry, queries: tuple[str, ...]) -> None:
    """Draw how close agents are; a pair that contests queries leads to these.

    Args:
        found: On the agents of `registry` and on `queries`.
        registry: The agents.
        queries: Of the labelled set; empty without one.
    """
    st.markdown(plain(overlap_summary(found, registry)))
    if not len(found):
        return
    chart(
        overlap_chart(found, registry, chart_ink()), overlap_alt(found, registry), "overlap_chart"
    )
    table(closest_rows(found, registry), "The closest pairs of agents", "overlap_pairs")
    if not found.contests:
        st.caption("No two agents contest a labelled query.")
        return
    st.markdown("**Pairs that contest the same queries**")
    contests = found.contests[:SHOWN_CONTESTS]
    event = st.dataframe(
        contest_rows(found, registry, SHOWN_CONTESTS),
        hide_index=True,
        height=min(38 + 35 * len(contests), TABLE_PX),
        alt="Pairs of agents that contest queries; select one to see them",
        key="overlap_contests",
        on_select="rerun",
        selection_mode="single-row",
    )
    chosen = [at for at in event.selection.rows if at < len(contests)]
    if not chosen:
        st.caption("Select a pair to see the queries between the two.")
        return
    contest = contests[chosen[0]]
    st.markdown(plain(contest_in_words(contest, found, registry)))
    st.dataframe(
        between_rows(contest, queries, registry)[:SHOWN_QUERIES],
        hide_index=True,
        height=min(38 + 35 * len(contest.rows), TABLE_PX),
        alt="Queries whose best two agents these are, the closest first",
        key="overlap_queries",
    )


def agents_map(
    agents: FloatArray, vectors: FloatArray | None, registry: Registry, queries: tuple[str, ...]
) -> None:
    """Draw agents and queries on a plane.

    Args:
        agents: Unit rows, shape (agents, dimensions).
        vectors: The queries', shape (queries, dimensions); None without queries.
        registry: The agents.
        queries: Their texts.
    """
    plane = project(agents) if vectors is None else project(agents, vectors)
    chart(map_chart(plane, registry, queries, chart_ink()), map_alt(plane), "map_chart")
    st.caption(plain(f"{map_alt(plane)} Points that look close here may still be far apart."))
    with st.expander(
        "Same map as a table", key="map_table", type="compact", icon=":material/table_rows:"
    ):
        table(map_rows(plane, registry), "Agents with their places on the map", "map_rows")
