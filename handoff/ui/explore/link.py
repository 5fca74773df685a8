"""The page's address as a link: what its verdict stands on, and what is said where that differs."""

import hashlib
import re
from dataclasses import replace

import streamlit as st

from handoff.core.model import Policy, ThresholdSource
from handoff.ui.calls import evidence_key
from handoff.ui.opened import Opened

_PARAMETER = "r"
_SHAPE = re.compile(r"([0-9a-f]{8})-([0-9a-f]{8})")
_SHORT = 8


def tell_link(saved: Opened, opened: Opened, policy: Policy) -> None:
    """Put into the address what this page stands on; where a link says otherwise, tell that.

    Such an address stays as it is until its visitor has read so.

    Args:
        saved: The registry on disk, or an uploaded one.
        opened: The same with what is unsaved.
        policy: Before any control was moved.
    """
    now = _stands_on(opened, policy)
    linked = st.query_params.get(_PARAMETER, "")
    known = linked in {now, st.session_state.get("explore_stands_on")}
    if known or _SHAPE.fullmatch(linked) is None:
        if linked != now:
            st.query_params[_PARAMETER] = now
        st.session_state["explore_stands_on"] = now
        return
    st.warning(_difference(linked, now, _stands_on(saved, policy)), icon=":material/link_off:")
    st.button("Go on with what is here", on_click=_accept, args=(linked,))


def link_note(saved: Opened, opened: Opened) -> str:
    """Return what the page's address is worth to somebody else."""
    note = "This page's address is a link to what you see."
    if opened is saved and not opened.own:
        return note
    return f"{note} Others, who lack your agents or examples, are told so."


def _stands_on(opened: Opened, policy: Policy) -> str:
    """Return a short fingerprint of agents with examples, and one of what else decides."""
    agents, *models = evidence_key(opened.router)
    others = repr((models, replace(policy, source=ThresholdSource.ARGUMENT)))
    return f"{agents[:_SHORT]}-{hashlib.sha256(others.encode()).hexdigest()[:_SHORT]}"


def _difference(linked: str, now: str, saved: str) -> str:
    """Return what a link's verdict stood on that is not here."""
    if linked == saved:
        return (
            "This link was made on the agents and examples as they are saved; you see it on yours, "
            "where the verdict may be another one."
        )
    if linked.partition("-")[0] != now.partition("-")[0]:
        return (
            "This link was made on other agents or examples than are in use here: its maker had "
            "edited or uploaded some, or the files were changed since. The verdict may be another "
            "one; to see the same, ask its maker for agents.csv and examples.csv."
        )
    return (
        "This link was made with another model or saved policy than are in use here, so the "
        "verdict may be another one."
    )


def _accept(linked: str) -> None:
    """Take what is here for what is meant."""
    st.session_state["explore_stands_on"] = linked
