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
_LIVE = re.compile(r"(?<=[:@])|(?<=www)(?=\.)", re.IGNORECASE)
_WORD_JOINER = "\u2060"

STAGE_LABELS = {
    "extract_tags": ("Tags", ":material/sell:"),
    "embed_query": ("Query", ":material/bubble_chart:"),
    "embed_agents": ("Agents", ":material/groups:"),
    "score": ("Score", ":material/straighten:"),
    "filter": ("Filter", ":material/filter_alt:"),
    "select": ("Select", ":material/alt_route:"),
    "hand_off": ("Hand-off", ":material/send:"),
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
    """Draw a latency for every stage; a stage that has not run shows a dash."""
    by_name = {span.name: span for span in spans}
    strip = st.grid(len(STAGE_LABELS), min_column_width=90, gap="xsmall")
    for name, (label, icon) in STAGE_LABELS.items():
        span = by_name.get(name)
        with strip:
            st.metric(label, "-" if span is None else milliseconds(span.ms), icon=icon, border=True)


def tag_row(route: Route) -> None:
    """Draw the extracted tags and what the filter made of them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Tags found" if route.evidence.tags else "No tags found")
        for tag in route.evidence.tags:
            st.badge(plain(tag), icon=":material/sell:", color="blue")
        st.caption(plain(filter_note(route)))
