"""Where a visitor lends files of their own, and which of them are in use."""

import streamlit as st

from handoff.core.errors import CasesError, RegistryError
from handoff.core.texts import listed, shorten
from handoff.report.markdown import plain
from handoff.ui.opened import cases_in_use, open_registry
from handoff.ui.uploads import SET_KINDS, forget_files, keep_file, own_file, uploader_key


def own_files(note: str) -> None:
    """Draw where a visitor uploads files of their own."""
    revision = st.session_state.setdefault("upload_revision", 0)
    with st.expander("Your own agents, for this session", icon=":material/upload_file:"):
        st.caption(
            "CSV files in UTF-8. Agents: id, name, description, tags (separated by ;), "
            "optionally threshold. Cases: query, expected, optionally chip. " + note
        )
        for kind in SET_KINDS:
            widget = uploader_key(kind, revision)
            st.file_uploader(
                kind.capitalize(),
                type="csv",
                key=widget,
                on_change=keep_file,
                args=(kind, widget),
            )
        lent = {
            kind: shorten(file.name) for kind in SET_KINDS if (file := own_file(kind)) is not None
        }
        refused = _refused() if lent else set()
        used = [name for kind, name in lent.items() if kind not in refused]
        if used:
            st.caption(plain(f"In use: {listed(used)}."))
        if refused:
            names = listed([lent[kind] for kind in sorted(refused)])
            st.caption(plain(f"Not in use: {names}. The page says what is wrong with it."))
        if lent:
            st.button("Back to the default agents", on_click=forget_files)


def _refused() -> set[str]:
    """Return the kinds of the lent files that cannot be used."""
    refused: set[str] = set()
    try:
        opened = open_registry()
    except RegistryError:
        return {kind for kind in SET_KINDS if own_file(kind) is not None}
    if own_file("agents") is not None and not opened.own:
        refused.add("agents")
    try:
        cases_in_use(opened)
    except CasesError:
        if own_file("cases") is not None:
            refused.add("cases")
    return refused
