"""The cases of a set, by how they end: opened in Explore, made examples of, downloaded."""

from pathlib import Path

import streamlit as st

from handoff.evaluation.analysis import Analysis
from handoff.evaluation.flips import Flips
from handoff.files.cases import format_cases
from handoff.report.set_groups import ALL, group_cases
from handoff.report.set_tables import case_rows, rows_to_csv
from handoff.ui.controls import CONTROLS
from handoff.ui.labelled_set import LabelledSet
from handoff.ui.opened import Opened, examples_in_use
from handoff.ui.set_parts import COLUMNS, SHOWN_CASES
from handoff.ui.tune.teaching import take_back, teach


def case_list(opened: Opened, analysis: Analysis, flips: Flips, set_now: LabelledSet) -> None:
    """Draw the cases of the chosen group; one of them opens in Explore."""
    groups = group_cases(analysis, flips)
    if st.session_state.get("tune_group") not in groups:
        st.session_state["tune_group"] = ALL
    st.subheader("Cases", anchor=False)
    key = st.selectbox(
        "Which cases",
        list(groups),
        format_func=lambda name: f"{groups[name].label} ({len(groups[name].rows):,})",
        key="tune_group",
        label_visibility="collapsed",
    )
    group, cases_now = groups[key], set_now.run.judged_cases
    shown = case_rows(analysis, cases_now, group.rows[:SHOWN_CASES])
    event = st.dataframe(
        shown,
        hide_index=True,
        column_config=COLUMNS,
        alt="Cases; select one to open it in Explore",
        # A selection must not outlive the rows that it was made on.
        key=f"cases_{key}_{len(shown)}",
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * max(len(shown), 1), 390),
    )
    if len(group.rows) > SHOWN_CASES:
        st.caption(f"The first {SHOWN_CASES:,} of {len(group.rows):,}; the download has them all.")
    selected = event.selection.rows
    with st.container(horizontal=True):
        at = selected[0] if selected and selected[0] < len(shown) else None
        case = None if at is None else cases_now[group.rows[at]]
        st.page_link(
            Path(__file__).parents[1] / "explore" / "page.py",
            label="Open in Explore",
            icon=":material/alt_route:",
            disabled=case is None,
            help="Select a case first: click its box, or press Shift+Space on its row.",
            query_params=None if case is None else _link_to(case.query),
        )
        chosen_cases = [case] if case is not None else [cases_now[row] for row in group.rows]
        which = "the selected case" if case is not None else "all of these cases"
        if st.button("Make examples", icon=":material/school:", help=f"Learn from {which}."):
            st.session_state["tune_example_complaints"] = teach(opened, chosen_cases)
            st.rerun()
        if examples_in_use(opened) and st.button(
            "Not examples", icon=":material/backspace:", help=f"Do not learn from {which}."
        ):
            take_back(opened, chosen_cases)
            st.rerun()
        st.download_button(
            "Download these",
            data=lambda: rows_to_csv(case_rows(analysis, cases_now, group.rows)),
            file_name="cases-judged.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Download the set",
            data=lambda: format_cases(set_now.cases.cases),
            file_name="cases.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )


def _link_to(query: str) -> dict[str, str]:
    """Return what the address of Explore needs to show a query under the controls as they stand."""
    return {
        **{name: st.query_params[name] for name in st.query_params if name in CONTROLS},
        "q": query,
    }
