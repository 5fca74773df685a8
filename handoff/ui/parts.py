"""Pieces of a page that more than one screen draws."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Outcome
from handoff.report.markdown import plain
from handoff.report.numbers import distance, milliseconds, together
from handoff.report.route_budget import BUDGET_MS
from handoff.report.route_words import STAGES_IN_WORDS, filter_note, headline, reason
from handoff.router import Route
from handoff.trace import Span

STAGE_ICONS = {
    "extract_tags": ":material/sell:",
    "embed_query": ":material/bubble_chart:",
    "embed_agents": ":material/groups:",
    "score": ":material/straighten:",
    "filter": ":material/filter_alt:",
    "select": ":material/alt_route:",
}

EVERYWHERE = "In use on every page, for you alone."
"""Said of what is unsaved."""


def chart_ink() -> str | None:
    """Return the colour of a chart's labels: the theme's own grey is too faint on white.

    Whoever toggles the theme sees this one until the next run, and can read it on either.
    """
    return None if st.context.theme.type == "dark" else "#566074"


def complain(error: HandoffError) -> None:
    """Show one sentence that says what is wrong and what to do."""
    st.error(plain(str(error)), icon=":material/error:")


@contextmanager
def complaint_stops() -> Generator[None]:
    """Show what goes wrong in the block, and draw no more of the page."""
    try:
        yield
    except HandoffError as error:
        complain(error)
        st.stop()


def verdict(route: Route) -> None:
    """Draw who takes the query, and why."""
    show, icon = {
        Outcome.SELECTED: (st.success, ":material/check_circle:"),
        Outcome.BELOW_THRESHOLD: (st.warning, ":material/block:"),
        Outcome.AMBIGUOUS: (st.warning, ":material/help:"),
    }[route.decision.outcome]
    show(plain(reason(route)), title=plain(headline(route.decision)), icon=icon)


def three_numbers(route: Route) -> None:
    """Draw the best score, and how far it is from the threshold and from the runner-up."""
    decision = route.decision
    with st.grid(3, min_column_width=90):
        st.metric("Best", together(decision.best.score, decision.threshold)[0])
        st.metric("To threshold", distance(decision.best.score, decision.threshold))
        lead = "none" if decision.margin is None else distance(decision.margin, 0.0)
        st.metric("To runner-up", lead)


def stage_strip(spans: Sequence[Span]) -> None:
    """Draw each stage's latency up to the decision, beside what the design note grants it."""
    ms = {span.name: span.ms for span in spans}
    with st.grid(len(STAGE_ICONS), min_column_width=100, gap="xsmall"):
        for name, icon in STAGE_ICONS.items():
            st.metric(
                STAGES_IN_WORDS[name],
                milliseconds(ms[name]),
                delta=f"of {BUDGET_MS[name]:,.0f} ms",
                delta_color="off",
                delta_arrow="off",
                icon=icon,
                border=True,
                height="stretch",
            )


def tag_row(route: Route) -> None:
    """Draw the extracted tags and what the filter made of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Tags found" if route.evidence.tags else "No tags found", width="content")
        for tag in route.evidence.tags:
            st.badge(plain(tag), icon=":material/sell:", color="blue")
        st.caption(plain(filter_note(route)), width="content")


def answer(route: Route) -> None:
    """Draw what the agent answered, and how long that took."""
    (span,) = (span for span in route.spans if span.name == "hand_off")
    st.info(plain(route.answer or ""), icon=":material/forum:")
    st.caption(f"The hand-off took {milliseconds(span.ms)}.")
