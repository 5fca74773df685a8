"""Figures of a labelled set, each chart with a table as its twin."""

import math
from typing import Any

import streamlit as st

from handoff.core.model import ThresholdSource
from handoff.evaluation.analysis import Analysis
from handoff.evaluation.flips import Flips
from handoff.files.cases import Case
from handoff.report.charts import Mark
from handoff.report.markdown import plain
from handoff.report.numbers import counted, percent, points
from handoff.report.set_figures import (
    account_alt,
    account_chart,
    confusion_alt,
    confusion_chart,
    confusion_note,
    curves_alt,
    curves_chart,
    endings_alt,
    endings_chart,
    scores_alt,
    scores_chart,
)
from handoff.report.set_tables import (
    Row,
    agent_rows,
    curve_rows,
    endings_rows,
    flip_table,
    lost_rows,
    pair_rows,
    score_rows,
)
from handoff.report.set_words import summary
from handoff.ui.parts import chart_ink

CHART = {"displayModeBar": False}
COLUMNS = {
    "query": st.column_config.TextColumn(width=250),
    "should get it": st.column_config.TextColumn(width=110),
    "gets it": st.column_config.TextColumn(width=110),
    "got it": st.column_config.TextColumn(width=80),
    "what would recover them": st.column_config.TextColumn(width=420),
}
BASELINES = {
    ThresholdSource.CONFIG: "handoff.toml",
    ThresholdSource.EMBEDDER: "the default threshold",
}
SHOWN_CASES = 500
SHOWN_PAIRS = 100
FLIPS_PX = 178


def pick(key: str, groups: list[str]) -> None:
    """Show the cases of the row that was selected in a table."""
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state["tune_group"] = groups[rows[0]]


def click(key: str) -> None:
    """Show the cases of the bar or cell that was clicked in a chart."""
    clicked = st.session_state[key].selection.points
    if clicked and clicked[0].get("customdata"):
        group = clicked[0]["customdata"]
        st.session_state["tune_group"] = group if isinstance(group, str) else group[0]


def chart(figure: dict[str, Any], alt: str, key: str, *, clickable: bool = False) -> None:
    """Draw a chart; a clickable one leads to its cases."""
    if clickable:
        st.plotly_chart(
            figure,
            key=key,
            config=CHART,
            alt=alt,
            on_select=lambda: click(key),
            selection_mode="points",
        )
    else:
        st.plotly_chart(figure, key=key, config=CHART, alt=alt)


def table(rows: list[Row], alt: str, key: str, groups: list[str] | None = None) -> None:
    """Draw a table; with groups, a selected row leads to its cases."""
    if groups is None:
        st.dataframe(rows, hide_index=True, alt=alt, key=key)
    else:
        st.dataframe(
            rows,
            hide_index=True,
            column_config=COLUMNS,
            alt=alt,
            key=key,
            on_select=lambda: pick(key, groups),
            selection_mode="single-row",
        )


def headline_figures(analysis: Analysis, saved: Analysis) -> None:
    """Draw the figures of the set, each with how far it is from the saved policy's."""
    now, before = analysis.counts, saved.counts
    st.subheader("How the set is routed", anchor=False)
    with st.grid(5, min_column_width=118, gap="xsmall"):
        for name, share, was, upwards, text in (
            ("Accuracy", now.accuracy, before.accuracy, True, "Cases that end as labelled."),
            (
                "Handed off",
                now.coverage,
                before.coverage,
                None,
                "Coverage: the share of cases that somebody gets.",
            ),
            (
                "Precision",
                now.precision,
                before.precision,
                True,
                "The share of handed-off cases that reach the right agent.",
            ),
            (
                "Wrong",
                now.wrong_share,
                before.wrong_share,
                False,
                "The share of all cases handed to an agent that should not get them.",
            ),
            (
                "Best is right",
                analysis.top1,
                saved.top1,
                True,
                "In-scope cases whose best agent is the expected one, whatever the threshold.",
            ),
        ):
            st.metric(
                name,
                percent(share),
                delta=None if percent(share) == percent(was) else points(share, was),
                delta_color="off" if upwards is None else "normal" if upwards else "inverse",
                border=True,
                help=text,
                height="stretch",
            )
    chart(endings_chart(analysis, chart_ink()), endings_alt(analysis), "endings")
    st.caption(plain(summary(analysis)))


def flip_lists(
    flips: Flips,
    saved: Analysis,
    analysis: Analysis,
    cases: tuple[Case, ...],
    against: str | None = None,
) -> None:
    """Draw the cases that end otherwise than before, better and worse apart.

    Args:
        flips: Against `saved`.
        saved: What they ended as before.
        analysis: What they end as.
        cases: All of them.
        against: What before was; None for the saved policy.
    """
    if not len(flips):
        st.caption("Move a control: cases that then end differently are listed here.")
        return
    st.subheader(
        f"Against {against or BASELINES[saved.policy.source]}: {len(flips.better):,} better, "
        f"{len(flips.worse):,} worse",
        anchor=False,
    )
    for column, name, rows, icon in zip(
        st.columns(2),
        ("Better", "Worse"),
        (flips.better, flips.worse),
        (":material/thumb_up:", ":material/thumb_down:"),
        strict=True,
    ):
        with column:
            st.markdown(f"{icon} {name}: {len(rows):,}")
            if len(rows):
                st.dataframe(
                    flip_table(saved, analysis, cases, rows[:SHOWN_CASES]),
                    hide_index=True,
                    column_config=COLUMNS | {"query": st.column_config.TextColumn(width=150)},
                    height=FLIPS_PX,
                    alt=f"{name}: cases that end differently than under "
                    f"{against or 'the saved policy'}",
                    key=f"flips_{name}",
                )
    if len(flips.neither):
        st.caption(f"{counted(len(flips.neither), 'more case')} moved but stayed wrong.")


def curves(analysis: Analysis, marks: list[Mark], typical: tuple[float, float]) -> None:
    """Draw what every threshold would come to, and how the scores are spread."""
    st.markdown("**What every threshold would give**")
    chart(curves_chart(analysis, marks, typical, chart_ink()), curves_alt(analysis), "curves")
    st.markdown("**How the best scores are distributed**")
    chart(scores_chart(analysis, marks, typical, chart_ink()), scores_alt(analysis), "scores")
    if math.isnan(analysis.auroc):
        st.caption("To compare in-scope cases with those nobody should take, a set needs both.")
    else:
        st.caption(
            f"In {percent(analysis.auroc)} of all pairs an in-scope case scores above one that "
            "nobody should take (AUROC); at the threshold that 95 % of the in-scope cases reach, "
            f"{percent(analysis.false_positives)} of the others do too."
        )
    with st.expander(
        "Both as tables", key="curve_table", icon=":material/table_rows:", on_change="rerun"
    ) as place:
        if place.open:
            table(curve_rows(analysis.swept), "Counts at thresholds along the curve", "curve_rows")
            table(score_rows(analysis), "Cases by their best score", "score_rows")


def losses(analysis: Analysis) -> None:
    """Draw where queries are lost; a bar or a row leads to its cases."""
    chart(account_chart(analysis, chart_ink()), account_alt(analysis), "account", clickable=True)
    rows, groups = lost_rows(analysis)
    table(rows, "Where queries are lost, and what would recover them", "lost", groups)
    table(endings_rows(analysis), "How the cases end", "ending_rows")


def confusions(analysis: Analysis) -> None:
    """Draw who gets whose queries; a cell or a row leads to its cases."""
    chart(
        confusion_chart(analysis, chart_ink()),
        confusion_alt(analysis),
        "confusion",
        clickable=True,
    )
    note = confusion_note(analysis)
    if note is not None:
        st.caption(note)
    rows, groups = pair_rows(analysis, SHOWN_PAIRS)
    if rows:
        table(rows, "Who should get queries and who gets them instead", "pairs", groups)
    astray = len(analysis.confusion.off_diagonal.cases)
    if astray > len(rows):
        st.caption(f"The worst {len(rows):,} of {counted(astray, 'confusion')}.")
    st.markdown("**Agent by agent**")
    table(agent_rows(analysis), "Precision and recall of each agent", "agents")
