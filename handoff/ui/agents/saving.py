"""Between an edit and the agents' file: saved, discarded, taken along, and met by another."""

import streamlit as st

from handoff.core.errors import HandoffError, RegistryError
from handoff.core.model import Registry
from handoff.core.texts import formula_safe
from handoff.files.registry import format_registry
from handoff.report.markdown import plain
from handoff.ui.agents import draft as drafts
from handoff.ui.agents.draft import Draft
from handoff.ui.opened import Opened
from handoff.ui.parts import EVERYWHERE, complain


def tell_saved() -> None:
    """Say that the file was written, in the run after it was."""
    done = st.session_state.pop("agents_saved", None)
    if done is not None:
        st.success(plain(done), icon=":material/check_circle:")


def keep(opened: Opened, one: Draft, registry: Registry | None) -> None:
    """Offer to save, discard or download what was edited, and to import a file.

    Where the file is another one than the edits began from, tell so, and offer ways out.

    Args:
        opened: The registry in use.
        one: The draft.
        registry: The edited agents; None where a cell breaks a rule.
    """
    unreadable = any(isinstance(told, RegistryError) for told in opened.complaints)
    on_disk = opened.router.registry
    changed = (
        one.pending and not opened.own and (unreadable or on_disk.agents != one.started_from.agents)
    )
    if changed and registry is not None and not unreadable and registry.agents == on_disk.agents:
        # Somebody else saved just the same.
        drafts.discard(one)
        st.rerun()
    if changed:
        _tell_changed(opened, one, None if unreadable else on_disk, registry)
    with st.container(horizontal=True, vertical_alignment="center"):
        if (
            not opened.own
            and st.button(
                "Save",
                type="primary",
                icon=":material/save:",
                disabled=registry is None or not one.pending or changed,
                help="Overwrites the agents' file; the old version is kept beside it as .bak.",
            )
            and registry is not None
        ):
            _save(opened, one, registry, one.started_from)
        st.button(
            "Discard",
            icon=":material/undo:",
            on_click=drafts.discard,
            args=(one,),
            disabled=not one.pending,
        )
        _offer_download("agents.csv", registry)
        with st.popover("Import", icon=":material/upload_file:"):
            widget = f"agents_import_{st.session_state.get('agents_imports', 0)}"
            st.file_uploader(
                "Agents as CSV, to replace all rows above; nothing is saved yet",
                type="csv",
                key=widget,
                on_change=drafts.import_file,
                args=(one, widget),
            )
        if one.pending:
            st.markdown(":orange-badge[:material/edit: Not saved]", width="content")
            if registry is not None:
                st.markdown(EVERYWHERE, width="content")


def _tell_changed(
    opened: Opened, one: Draft, theirs: Registry | None, mine: Registry | None
) -> None:
    """Tell that the file is another one than the edits began from, and offer ways out."""
    name = opened.settings.registry.name
    what = "cannot be read any more" if theirs is None else "was changed by somebody else"
    st.warning(
        plain(f"{name} {what} since you started editing: nothing is overwritten until you choose."),
        icon=":material/sync_problem:",
    )
    rows = [
        {
            "agent": formula_safe(each.agent_id),
            "column": each.column,
            "on disk": formula_safe(each.theirs),
            "yours": formula_safe(each.mine),
        }
        for each in drafts.differences(theirs, one.rows)
    ]
    if theirs is not None:
        st.dataframe(rows, hide_index=True, alt="Where the file and your edit differ")
    with st.container(horizontal=True):
        if (
            st.button("Save mine anyway", icon=":material/save:", disabled=mine is None)
            and mine is not None
        ):
            _save(opened, one, mine, theirs)
        st.button(
            "Take theirs",
            icon=":material/undo:",
            on_click=drafts.discard,
            args=(one,),
            disabled=theirs is None,
        )
        _offer_download("Download mine", mine)


def _offer_download(label: str, registry: Registry | None) -> None:
    """Offer the edited agents as a file; where a cell breaks a rule the button is dead."""
    st.download_button(
        label,
        data="" if registry is None else format_registry(registry),
        file_name="agents.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        disabled=registry is None,
    )


def _save(opened: Opened, one: Draft, registry: Registry, expected: Registry | None) -> None:
    """Write the agents' file; what went wrong is told, and the edits stay."""
    try:
        if drafts.save(opened, one, registry, expected):
            name = opened.settings.registry.name
            st.session_state["agents_saved"] = f"Saved to {name}; the old version is {name}.bak."
        st.rerun()
    except HandoffError as error:
        complain(error)
