"""Queries that the visitor labels, for the session or for the file."""

from pathlib import Path

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Registry
from handoff.files.cases import Cases
from handoff.report.numbers import counted
from handoff.ui import labelled_set
from handoff.ui.opened import Opened
from handoff.ui.parts import complain
from handoff.ui.uploads import own_file

NOBODY = ""


def label_form(opened: Opened, registry: Registry, cases: Cases) -> None:
    """Draw where a query can be labelled for the rest of the session."""
    with st.expander("Label a query", type="compact", icon=":material/new_label:"):
        with st.form("label", border=False):
            st.text_input("Query", key="tune_new_query", placeholder="What somebody might ask")
            names = {agent.id: agent.name for agent in registry.agents}
            st.selectbox(
                "Who should take it",
                [NOBODY, *names],
                format_func=lambda key: names.get(key, "Nobody"),
                key="tune_new_expected",
            )
            st.form_submit_button(
                "Add", icon=":material/add:", on_click=_label_query, args=(opened, cases)
            )
        complaint = st.session_state.pop("tune_label_complaint", None)
        if complaint is not None:
            complain(complaint)


def offer_added(opened: Opened, chosen: Path | None) -> None:
    """Offer to add the labels of this session to the file that the set was read from."""
    if not labelled_set.added(opened):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{counted(labelled_set.added(opened), 'label')} added in this session.")
        path = chosen or opened.settings.cases
        if (
            path is not None
            and own_file("cases") is None
            and not opened.own
            and st.button("Add to the file", icon=":material/save:")
        ):
            try:
                labelled_set.save_added(opened, path)
                st.rerun()
            except HandoffError as error:
                complain(error)


def _label_query(opened: Opened, before: Cases) -> None:
    """Add the typed query with its label, or say why not."""
    try:
        who = st.session_state["tune_new_expected"]
        labelled_set.add(opened, before, st.session_state["tune_new_query"], who or None)
        st.session_state["tune_new_query"] = ""
    except HandoffError as error:
        st.session_state["tune_label_complaint"] = error
