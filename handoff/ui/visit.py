"""Which visitor this is, and what they had begun: that outlives a reload and a restart."""

import secrets
from pathlib import Path

import streamlit as st

from handoff.files.visits import Visits

_COOKIE = "_streamlit_xsrf"
_FOLDER = "visits"


def recall(state: Path) -> dict[str, str]:
    """Return what was kept for this visitor."""
    return Visits(state / _FOLDER).load(visitor())


def keep(state: Path, **texts: str) -> None:
    """Keep texts for this visitor; raises SettingsError."""
    Visits(state / _FOLDER).keep(visitor(), texts)


def browser() -> str | None:
    """Return what tells a visitor's browser from others, reloads and tabs alike; None for nothing.

    Streamlit gives each a random token against forged requests, and masks it anew whenever it sends
    it.
    """
    try:
        _, mask, masked, _ = st.context.cookies[_COOKIE].split("|")
        return f"{int(masked, 16) ^ int((mask * len(masked))[: len(masked)], 16):x}"
    except (KeyError, ValueError):
        return None


def visitor() -> str:
    """Return what the visitor is known by, for as long as the session lasts."""
    known: str | None = st.session_state.get("visit")
    if known is None:
        known = st.session_state["visit"] = browser() or secrets.token_urlsafe(32)
    return known
