"""What was tuned, saved or taken along: the policy, and the agents' own thresholds."""

from dataclasses import replace

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Registry
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.recommend import OwnThresholds, Recommendation
from handoff.files.registry import format_registry, save_registry
from handoff.report.markdown import plain
from handoff.ui.opened import Opened
from handoff.ui.parts import complain


def keep(opened: Opened, shown: Opened, analysis: Analysis, found: Recommendation | None) -> None:
    """Offer to save the policy as it stands, and the agents' own thresholds where they win."""
    text = opened.bench.policy_to_toml(analysis, found)
    in_the_way = None
    if shown is not opened:
        in_the_way = (
            "A saved threshold belongs to the examples on disk: save or discard yours first."
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
            ):
                path = opened.bench.save_policy(text)
                st.session_state["policy_forced"] = False
                st.session_state["tune_saved"] = f"Saved to {path.name}."
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
                if not opened.own:
                    st.button(
                        "Write them to the agents' file",
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


def _write_own(opened: Opened, own: OwnThresholds) -> None:
    """Write the agents' own thresholds to their file, and switch them on."""
    try:
        save_registry(opened.settings.registry, _with_own(opened.router.registry, own))
    except HandoffError as error:
        st.session_state["tune_keep_complaint"] = error
        return
    st.session_state["a"] = True
    st.session_state["tune_saved"] = "The agents' own thresholds were saved."


def _with_own(registry: Registry, own: OwnThresholds) -> Registry:
    """Return a registry with these thresholds and no others."""
    return Registry(
        tuple(
            replace(agent, threshold=None if value != value else round(value, 4))  # noqa: PLR0124 - NaN
            for agent, value in zip(registry.agents, own.thresholds.tolist(), strict=True)
        )
    )
