"""What was tuned, saved or taken along: the policy, and the agents' own thresholds."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from handoff.core.errors import HandoffError, RegistryError, SettingsError
from handoff.core.model import Registry
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.recommend import OwnThresholds, Recommendation
from handoff.files.policy import replace_policy
from handoff.files.registry import format_registry, replace_registry
from handoff.report.markdown import plain
from handoff.report.set_tables import own_rows
from handoff.ui.opened import Opened
from handoff.ui.parts import complain
from handoff.ui.set_parts import table


def keep(
    opened: Opened,
    shown: Opened,
    analysis: Analysis,
    found: Recommendation | None,
    held: bytes | None,
) -> None:
    """Offer to save the policy as it stands, and the agents' own thresholds where they win.

    Args:
        opened: The registry on disk, or an uploaded one.
        shown: The same with the edits and examples of this session.
        analysis: Of the labelled set under the policy.
        found: What was recommended on it, if anything.
        held: What the policy's file held when the page was drawn; None where there was none.
    """
    if st.session_state.pop("tune_redraw", False):
        # What was written is the new ground of the whole page, not of this part alone.
        st.rerun()
    text = opened.bench.policy_to_toml(analysis, found)
    in_the_way = None
    agents_edited = shown.router.registry.agents != opened.router.registry.agents
    if shown is not opened:
        in_the_way = (
            "A saved threshold belongs to the agents and examples on disk: save or discard yours "
            "first."
        )
    elif not analysis.policy.use_tags:
        in_the_way = "handoff.toml cannot record that the tag filter is off: switch it on to save."
    try:
        with st.container(horizontal=True):
            if not opened.own and st.button(
                "Save",
                type="primary",
                icon=":material/save:",
                disabled=in_the_way is not None,
                help=in_the_way,
                on_click=_note_held,
                args=(held,),
            ):
                _save_policy(opened.settings.config_to_save, text)
                st.rerun()
            st.download_button(
                "handoff.toml",
                data=text,
                file_name="handoff.toml",
                mime="application/toml",
                on_click="ignore",
                disabled=in_the_way is not None,
                icon=":material/download:",
            )
        done = st.session_state.pop("tune_saved", None)
        if done is not None:
            st.success(plain(done), icon=":material/check_circle:")
        failed = st.session_state.pop("tune_keep_complaint", None)
        if failed is not None:
            complain(failed)
        if found is not None and found.own is not None:
            with st.expander("Agents' own thresholds", type="compact", icon=":material/group:"):
                st.caption(
                    "They are read from the agents' file and take effect with the switch above."
                )
                registry, common = shown.router.registry, analysis.policy.threshold
                table(
                    own_rows(found.own.thresholds.tolist(), registry, common),
                    "Each agent's own threshold, now and as found",
                    "own_thresholds",
                )
                if not opened.own:
                    st.button(
                        "Write them to the agents' file",
                        disabled=agents_edited,
                        help="Save or discard the edited agents first." if agents_edited else None,
                        on_click=_write_own,
                        args=(opened, found.own),
                    )
                st.download_button(
                    "agents.csv",
                    data=format_registry(_with_own(shown.router.registry, found.own)),
                    file_name="agents.csv",
                    mime="text/csv",
                    on_click="ignore",
                    icon=":material/download:",
                )
    except HandoffError as error:
        complain(error)


def _note_held(held: bytes | None) -> None:
    """Remember what the policy's file held when the button was drawn that was pressed."""
    st.session_state["tune_policy_held"] = held


def _save_policy(path: Path, text: str) -> None:
    """Write a policy, unless somebody else did since the page was drawn."""
    if replace_policy(path, text, st.session_state.pop("tune_policy_held", None)):
        st.session_state["policy_forced"] = False
        st.session_state["tune_saved"] = f"Saved to {path.name}."
        return
    st.session_state["tune_keep_complaint"] = SettingsError(
        f"{path.name} was changed by somebody else since this page was drawn: nothing was written, "
        "compare with it as it is now and save again."
    )


def _write_own(opened: Opened, own: OwnThresholds) -> None:
    """Write the agents' own thresholds to their file, and switch them on.

    Not where somebody changed the file since they were found.
    """
    path = opened.settings.registry
    registry = opened.router.registry
    try:
        written = replace_registry(path, _with_own(registry, own), registry)
    except HandoffError as error:
        st.session_state["tune_keep_complaint"] = error
        return
    st.session_state["tune_redraw"] = True
    if written:
        st.session_state["a"] = True
        st.session_state["tune_saved"] = "The agents' own thresholds were saved."
        return
    st.session_state["tune_keep_complaint"] = RegistryError(
        f"{path.name} was changed by somebody else since these thresholds were found: nothing was "
        "written, look at what is found for the agents as they are now and write that."
    )


def _with_own(registry: Registry, own: OwnThresholds) -> Registry:
    """Return a registry with these thresholds and no others."""
    return Registry(
        tuple(
            replace(agent, threshold=None if value != value else round(value, 4))  # noqa: PLR0124 - NaN
            for agent, value in zip(registry.agents, own.thresholds.tolist(), strict=True)
        )
    )
