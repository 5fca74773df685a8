"""Explore: route one query and see why it went where it went."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.errors import HandoffError
from handoff.core.model import Evidence, ThresholdSource
from handoff.core.texts import parse_query
from handoff.report.figures import SHOWN, similarity_alt, similarity_chart
from handoff.report.tables import ranking_rows
from handoff.report.words import milliseconds
from handoff.router import judge
from handoff.trace import Span, Trace, wall_ms
from handoff.ui import state
from handoff.ui.parts import answer, complain, plain, stage_strip, tag_row, verdict

try:
    settings = state.settings()
    router = state.router(settings)
    policy = state.policy(settings, router)
except HandoffError as error:
    complain(error)
    st.stop()

left, right = st.columns([5, 9], gap="large")

with left:
    try:
        examples = state.cases(settings, router).examples
    except HandoffError as error:
        complain(error)
        examples = {}


def take_example() -> None:
    """Put the chosen example's query into the box."""
    chosen = st.session_state["example"]
    if chosen is not None:
        st.session_state["q"] = examples[chosen]
        st.session_state["example"] = None


with left:
    with st.form("ask", border=False):
        st.text_area(
            "Query",
            value=next(iter(examples.values()), ""),
            key="q",
            height=90,
            bind="query-params",
            placeholder="What should be done?",
        )
        st.form_submit_button("Route", type="primary", icon=":material/alt_route:", width="stretch")
    if examples:
        st.pills(
            "Try an example",
            list(examples),
            format_func=plain,
            key="example",
            on_change=take_example,
            wrap=True,
        )

try:
    query = parse_query(st.session_state["q"])
    with right, st.spinner("Routing …", show_time=True):
        evidence, spans = state.gather(router, query)
except HandoffError as error:
    with left:
        complain(error)
    st.stop()


@st.fragment
def explore(
    evidence: Evidence,
    spans: tuple[Span, ...],
    left: DeltaGenerator,
    right: DeltaGenerator,
) -> None:
    """Judge what was gathered; moving the slider runs this part alone and calls no provider."""
    with left:
        threshold = st.slider(
            "Threshold",
            min_value=min(0.0, policy.threshold),
            max_value=1.0,
            value=policy.threshold,
            step=0.01,
            key="t",
            bind="query-params",
            help="The least similarity at which the best agent gets the query.",
        )
    judged_by = policy
    if threshold != policy.threshold:
        judged_by = replace(policy, threshold=threshold, source=ThresholdSource.ARGUMENT)
    route = judge(evidence, router.registry, judged_by, Trace(earlier=spans))

    with left:
        verdict(route)
        if route.decision.agent is not None and st.button(
            "Hand off", icon=":material/send:", width="stretch"
        ):
            try:
                route = state.hand_off(router, route)
                answer(route)
            except HandoffError as error:
                complain(error)

    with right:
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.subheader("How the query was routed", anchor=False, width="content")
            st.caption(f"{milliseconds(wall_ms(route.spans))} in all; stages overlap")
        stage_strip(route.spans)
        tag_row(route)
        st.plotly_chart(
            similarity_chart(route),
            key="similarities",
            config={"displayModeBar": False},
            alt=similarity_alt(route),
        )
        if len(route.ranking) > SHOWN:
            st.caption(f"and {len(route.ranking) - SHOWN:,} more agents in the table")
        with st.expander("Same scores as a table", type="compact", icon=":material/table_rows:"):
            st.dataframe(ranking_rows(route), hide_index=True, alt="All agents, best first")


explore(evidence, spans, left.container(), right.container())
