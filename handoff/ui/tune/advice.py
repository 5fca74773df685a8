"""Which threshold can be defended, for the goal that the visitor chose."""

import streamlit as st

from handoff.core.model import Registry
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.recommend import Recommendation, recommend
from handoff.report.markdown import plain
from handoff.report.numbers import percent
from handoff.report.set_words import recommendation

GOALS = {
    "Highest accuracy": Aim.ACCURACY,
    "Balanced accuracy": Aim.BALANCED,
    "Few wrong hand-offs": Aim.WRONG,
    "High coverage": Aim.COVERAGE,
}


def advise(registry: Registry, analysis: Analysis) -> Recommendation | None:
    """Draw the recommendation for the chosen goal."""
    st.subheader("Recommended", anchor=False)
    named = st.selectbox(
        "For",
        list(GOALS),
        key="goal",
        bind="query-params",
        help="What the threshold should achieve.",
    )
    aim = GOALS[named]
    share = None
    if aim in (Aim.WRONG, Aim.COVERAGE):
        share = (
            st.number_input(
                "At most, in %" if aim is Aim.WRONG else "At least, in %",
                min_value=0.0,
                max_value=100.0,
                value=5.0 if aim is Aim.WRONG else 80.0,
                step=1.0,
                key=f"share_{aim.value}",
                persist_state="session",
            )
            / 100
        )
    agents = len(registry)
    found = recommend(analysis.settled, Goal(aim, share), analysis.policy, agents)
    said = recommendation(found, registry, analysis.policy.source, analysis.counts.failed)
    if found is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.metric(
                "Threshold",
                f"{found.threshold:.3f}",
                f"{found.lowest:.3f} to {found.highest:.3f}",
                delta_color="off",
                delta_arrow="off",
                help="Chosen by cross-validation; the range below is what single folds chose.",
                width="content",
            )
            st.metric("Accuracy, held out", percent(found.held_out.accuracy), width="content")
            st.metric("Handed off", percent(found.held_out.coverage), width="content")
        if found.keep:
            st.info(plain(said.pop(0)), icon=":material/check_circle:")
        st.button(
            "Use it",
            on_click=_use_threshold,
            args=(found.threshold,),
            icon=":material/check:",
            disabled=found.keep or found.threshold == analysis.policy.threshold,
        )
    for sentence in said:
        st.caption(plain(sentence))
    return found


def _use_threshold(threshold: float) -> None:
    """Take a recommended threshold over into the slider."""
    st.session_state["t"] = threshold
