"""Explore: route one query and see why it went where it went."""

import json

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.errors import HandoffError
from handoff.core.model import Evidence, Policy
from handoff.core.texts import parse_query, shorten
from handoff.core.whatif import ask_what_if
from handoff.report.markdown import plain
from handoff.report.numbers import milliseconds
from handoff.report.route_budget import TOTAL_BUDGET_MS, simulate
from handoff.report.route_figures import (
    SHOWN,
    similarity_alt,
    similarity_chart,
    timeline_alt,
    timeline_chart,
)
from handoff.report.route_json import route_to_json
from handoff.report.route_tables import ranking_rows, side_by_side
from handoff.report.route_words import (
    answered_by,
    comparison,
    spending,
    troubles,
    voice,
    waiting,
    what_would_change,
)
from handoff.router import Route, judge
from handoff.trace import Span, Trace, wall_ms
from handoff.ui.calls import hand_off, resting, visit_usd
from handoff.ui.controls import policy_controls
from handoff.ui.explore.history import gather, visited
from handoff.ui.explore.link import link_note, tell_link
from handoff.ui.lending import own_files
from handoff.ui.opened import cases_in_use, open_page
from handoff.ui.parts import (
    answer,
    chart_ink,
    complain,
    stage_strip,
    tag_row,
    three_numbers,
    verdict,
)
from handoff.ui.prices import registry_agreed
from handoff.ui.unsaved import in_use
from handoff.ui.why import why

CHART = {"displayModeBar": False}

left, right = st.columns([5, 9], gap="large")
asking, controls, outcome, files = (left.container() for _ in range(4))
stages, scores, timeline, history = (right.container() for _ in range(4))

# --- which agents -----------------------------------------------------------------------------

with files:
    own_files("They are kept for this session and used on every page.")

with asking:
    saved, policy = open_page()
    opened = in_use(saved)
    tell_link(saved, opened, policy)
    try:
        chips = cases_in_use(saved).chips
    except HandoffError as error:
        complain(error)
        chips = {}
router = opened.router

# --- what is asked ----------------------------------------------------------------------------


def take_chip() -> None:
    """Put the chosen chip's query into the box."""
    chosen = st.session_state["explore_chip"]
    if chosen is not None:
        st.session_state["q"] = chips[chosen]
        st.session_state["explore_chip"] = None


with asking:
    with st.form("ask", border=False):
        st.text_area(
            "Query",
            value=next(iter(chips.values()), ""),
            key="q",
            height=90,
            bind="query-params",
            placeholder="What should be done?",
        )
        st.form_submit_button("Route", type="primary", icon=":material/alt_route:", width="stretch")
    if chips:
        st.pills(
            "Or try one of these",
            list(chips),
            format_func=plain,
            key="explore_chip",
            on_change=take_chip,
            wrap=True,
        )

with asking:
    if not (registry_agreed(saved) and registry_agreed(saved, opened.router.registry)):
        st.stop()
    if not st.session_state["q"].strip():
        st.info("Type a query, and see who takes it.", icon=":material/edit:")
        st.stop()

try:
    query = parse_query(st.session_state["q"])
    doing = waiting(opened.bench.may_load, "Routing \u2026")
    with stages, st.spinner(doing, show_time=True):
        evidence, spans = gather(router, query)
except HandoffError as error:
    with asking:
        complain(error)
    st.stop()

# --- when each stage ran; drawn once, no control below changes it -------------------------------

policy = router.policy_for(evidence, policy)
first = judge(evidence, router.registry, policy, Trace(earlier=spans))
with stages:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.subheader("How the query was routed", anchor=False, width="content")
        simulated = st.toggle(
            "With OpenAI's typical latencies",
            key="o",
            bind="query-params",
            help="Shows each call with the latency that the design note gives it. Nothing is "
            "called.",
        )
    shown = simulate(first.spans) if simulated else first.spans
    stage_strip(shown)
    total = milliseconds(wall_ms(shown))
    if simulated:
        st.warning(
            f"A simulation: nothing was called. Tags and query are asked for at the same time, so "
            f"a route takes {total}; one after the other they would take the note's "
            f"{TOTAL_BUDGET_MS:,.0f} ms.",
            icon=":material/science:",
        )
    else:
        st.caption(
            f"{total} in all, of the {TOTAL_BUDGET_MS:,.0f} ms that the design note grants a route "
            "on OpenAI. Stages that do not depend on each other run at the same time."
        )
with timeline:
    st.subheader("When each stage ran", anchor=False)
    st.plotly_chart(
        timeline_chart(shown, chart_ink()),
        key="explore_timeline",
        config=CHART,
        alt=timeline_alt(shown),
    )


def compare(route: Route) -> None:
    """Offer what this visitor routed before: to reopen, or beside the route of now."""
    earlier = [
        entry
        for entry in visited()
        if (entry.query, entry.registry) != (route.evidence.query, router.registry)
    ]
    if not earlier:
        st.caption("Queries that you route are listed here, to reopen or compare.")
        return
    chosen = st.selectbox(
        "Earlier query",
        range(len(earlier)),
        format_func=lambda at: shorten(earlier[at].query, 80),
        key="explore_earlier",
    )
    entry = earlier[chosen]
    other = judge(entry.evidence, entry.registry, route.policy, Trace(earlier=entry.spans))
    st.dataframe(side_by_side(route, other), hide_index=True, alt="Two routes side by side")
    if st.button("Reopen", icon=":material/undo:", on_click=reopen, args=(entry.query,)):
        st.rerun()


def show_words(route: Route) -> None:
    """Draw which words carry an agent's score."""
    try:
        why(opened, route.evidence, route.policy, "explore_why")
    except HandoffError as error:
        complain(error)


def reopen(query: str) -> None:
    """Put an earlier query back into the box."""
    st.session_state["q"] = query


@st.fragment
def explore(
    evidence: Evidence,
    spans: tuple[Span, ...],
    policy: Policy,
    places: tuple[DeltaGenerator, ...],
) -> None:
    """Judge what was gathered; moving a control runs this part alone and calls no provider."""
    controls, outcome, scores, history = places
    with controls:
        judging = policy_controls(policy, router.registry)
    route = judge(evidence, router.registry, judging, Trace(earlier=spans))

    with outcome:
        verdict(route)
        three_numbers(route)
        st.markdown(plain(comparison(route)))
        for trouble in troubles(route.spans, evidence):
            st.warning(plain(trouble), icon=":material/sync_problem:")
        for endpoint, seconds in resting(opened.bench).items():
            st.warning(
                f"What answers {endpoint} failed repeatedly and is not called for "
                f"another {seconds:.0f} s.",
                icon=":material/snooze:",
            )
        spent = spending(route.spans, visit_usd())
        st.caption(plain(f"{answered_by(route, router)} {spent}"))
        with st.container(horizontal=True):
            st.download_button(
                "Download",
                data=lambda: json.dumps(route_to_json(route), ensure_ascii=False, indent=2),
                file_name="route.json",
                mime="application/json",
                on_click="ignore",
                icon=":material/download:",
                help="The whole route as JSON, as the command line prints it.",
            )
            wanted = route.decision.agent is not None and st.button(
                "Hand off", icon=":material/send:"
            )
        st.caption(link_note(saved, opened))
        if wanted:
            try:
                place = st.empty()
                answered = hand_off(opened.bench, route, place.text)
                place.empty()
                answer(answered)
            except HandoffError as error:
                complain(error)

    with scores:
        tag_row(route)
        heard = voice(route, router.index.learned)
        if heard is not None:
            st.markdown(plain(heard))
        st.plotly_chart(
            similarity_chart(route, router.embedder.typical_similarities, chart_ink()),
            key="explore_similarities",
            config=CHART,
            alt=similarity_alt(route),
        )
        if len(route.ranking) > SHOWN:
            st.caption(f"and {len(route.ranking) - SHOWN:,} more agents in the table")
        table = st.expander(
            "Same scores as a table",
            key="explore_table",
            type="compact",
            icon=":material/table_rows:",
            on_change="rerun",
        )
        if table.open:
            table.dataframe(
                ranking_rows(route), hide_index=True, alt="All agents with their scores, best first"
            )
        st.subheader("What would change this", anchor=False)
        ways = what_would_change(route, ask_what_if(evidence, router.registry, route.policy))
        st.markdown("\n".join(f"- {plain(way)}" for way in ways))
        words = st.expander(
            "Which words carry it",
            key="explore_why",
            icon=":material/psychology:",
            on_change="rerun",
        )
        if words.open:
            with words:
                show_words(route)

    with history:
        past = st.expander(
            "Earlier in this session",
            key="explore_past",
            icon=":material/history:",
            on_change="rerun",
        )
        if past.open:
            with past:
                compare(route)


explore(evidence, spans, policy, (controls, outcome, scores, history))
