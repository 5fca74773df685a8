"""Pieces of a page that more than one screen draws, and the one way to show untrusted text."""

import re
from collections.abc import Sequence

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Outcome
from handoff.report.words import filter_note, headline, milliseconds, reason
from handoff.router import Route
from handoff.trace import Span

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Bare addresses, e-mail addresses and :names: come alive even when they are escaped; a word joiner
# is not seen and breaks them.
_LIVE = re.compile(r"(?<=:)(?=//|[\w+/-]+:)|(?<=@)|(?<=www)(?=\.)", re.IGNORECASE)
_WORD_JOINER = "\u2060"

STAGE_LABELS = {
    "extract_tags": ("Tags", ":material/sell:"),
    "embed_query": ("Query", ":material/bubble_chart:"),
    "embed_agents": ("Agents", ":material/groups:"),
    "score": ("Score", ":material/straighten:"),
    "filter": ("Filter", ":material/filter_alt:"),
    "select": ("Select", ":material/alt_route:"),
}


def plain(text: str) -> str:
    """Return Markdown that shows a text as it stands: no markup, link or image in it lives."""
    return _PUNCTUATION.sub(r"\\\1", _LIVE.sub(_WORD_JOINER, text))


def complain(error: HandoffError) -> None:
    """Show one sentence that says what is wrong and what to do."""
    st.error(plain(str(error)), icon=":material/error:")


def verdict(route: Route) -> None:
    """Draw who takes the query, and why."""
    show, icon = {
        Outcome.SELECTED: (st.success, ":material/check_circle:"),
        Outcome.BELOW_THRESHOLD: (st.warning, ":material/block:"),
        Outcome.AMBIGUOUS: (st.warning, ":material/help:"),
    }[route.decision.outcome]
    show(plain(reason(route)), title=plain(headline(route.decision)), icon=icon)


def stage_strip(spans: Sequence[Span]) -> None:
    """Draw the latency of every stage up to the decision."""
    ms = {span.name: span.ms for span in spans}
    strip = st.grid(len(STAGE_LABELS), min_column_width=100, gap="xsmall")
    for name, (label, icon) in STAGE_LABELS.items():
        with strip:
            st.metric(label, milliseconds(ms[name]), icon=icon, border=True)


def answer(route: Route) -> None:
    """Draw what the agent answered, and how long that took."""
    (span,) = (span for span in route.spans if span.name == "hand_off")
    st.info(plain(route.answer or ""), icon=":material/forum:")
    st.caption(f"The hand-off took {milliseconds(span.ms)}.")


def tag_row(route: Route) -> None:
    """Draw the extracted tags and what the filter made of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Tags found" if route.evidence.tags else "No tags found")
        for tag in route.evidence.tags:
            st.badge(plain(tag), icon=":material/sell:", color="blue")
        st.caption(plain(filter_note(route)))
