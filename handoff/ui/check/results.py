"""What was judged: made tests of, taken along, listed, and routed again."""

from collections.abc import Iterator, Sequence

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.verdicts_words import (
    additions_told,
    regression_rows,
    regression_summary,
    tally_line,
    verdict_rows,
)
from handoff.ui.calls import evidence_key
from handoff.ui.check.book import Book
from handoff.ui.opened import Opened
from handoff.ui.parts import complain
from handoff.ui.prices import queries_agreed
from handoff.ui.session import recalled, remember
from handoff.ui.uploads import own_file
from handoff.verdicts.conclusions import Regression, called_right
from handoff.verdicts.exchange import format_csv, format_json
from handoff.verdicts.record import Verdict
from handoff.workbench import Workbench

CASES_NAME = "cases.csv"
SHOWN_VERDICTS = 200
COLUMNS = {"query": st.column_config.TextColumn(width=260)}

# Progress is told as often.
_TOLD_EVERY = 10


def keep(opened: Opened, book: Book, verdicts: tuple[Verdict, ...]) -> None:
    """Offer to make tests of what was judged, and to take the log along."""
    st.subheader("From verdicts to tests", anchor=False)
    with st.container(horizontal=True):
        if opened.own or own_file("cases") is not None:
            st.download_button(
                "Judged queries as cases",
                data=lambda: opened.bench.verdicts_as_cases(book.verdicts()),
                file_name="cases.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
            )
        else:
            st.button(
                "Add to the cases",
                icon=":material/playlist_add_check:",
                on_click=_add_to_cases,
                args=(opened, book),
                disabled=not verdicts,
            )
        st.download_button(
            "Log as CSV",
            data=lambda: format_csv(book.entries()),
            file_name="verdicts.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Log as JSON",
            data=lambda: format_json(book.entries()),
            file_name="verdicts.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/download:",
        )
    told = st.session_state.pop("check_added", None)
    if told is None:
        st.caption(
            "Right and wrong routes become labelled queries; Tune and handoff eval use them."
        )
        return
    additions, name = told
    new = counted(len(additions.cases), "query")
    show = st.success if additions.cases else st.info
    show(plain(f"{new} added to {name}; {additions.known:,} were there already."))
    for sentence in additions_told(additions, opened.router.registry):
        st.warning(plain(sentence), icon=":material/rule:")


def list_results(opened: Opened, verdicts: tuple[Verdict, ...], judging: Policy) -> None:
    """Draw what was judged so far, and what has gone elsewhere since."""
    past = st.expander(
        f"Verdicts so far: {len(verdicts):,}",
        key="review_past",
        icon=":material/history:",
        on_change="rerun",
    )
    if past.open:
        with past:
            st.caption(f"{tally_line(verdicts)}.")
            st.dataframe(
                verdict_rows(verdicts[-SHOWN_VERDICTS:], opened.router.registry),
                hide_index=True,
                column_config=COLUMNS,
                alt="Verdicts, the newest first",
            )
    since = st.expander(
        "Regressions since the last check",
        key="review_since",
        icon=":material/trending_down:",
        on_change="rerun",
    )
    if since.open:
        with since:
            _list_regressions(opened, verdicts, judging)


def _list_regressions(opened: Opened, verdicts: tuple[Verdict, ...], judging: Policy) -> None:
    """Draw the routes that were called right and end elsewhere under today's registry or policy."""
    right = called_right(verdicts)
    if not queries_agreed(opened, len(right), "This", "ask_regressions"):
        return
    place = st.empty()
    found: list[Regression] = []
    try:
        for tried, growing in _regressions(opened.bench, right, judging):
            place.progress(tried / max(len(right), 1), f"Routed {tried:,} of {len(right):,}")
            found = growing
    except HandoffError as error:
        complain(error)
        return
    place.empty()
    show = st.warning if found else st.success
    show(regression_summary(len(right), len(found)))
    if found:
        st.dataframe(
            regression_rows(found, opened.router.registry),
            hide_index=True,
            column_config=COLUMNS,
            alt="Routes that were called right and end elsewhere now",
        )


def _add_to_cases(opened: Opened, book: Book) -> None:
    """Add the judged queries to the file of cases; what stands in it stays as it is."""
    path = opened.settings.cases or opened.settings.registry.with_name(CASES_NAME)
    try:
        additions = opened.bench.add_verdicts_to_cases(book.verdicts(), path)
    except HandoffError as error:
        st.session_state["check_complaint"] = error
    else:
        st.session_state["check_added"] = (additions, path.name)


def _regressions(
    bench: Workbench, right: Sequence[Verdict], policy: Policy
) -> Iterator[tuple[int, list[Regression]]]:
    """Route again what was called right; yield how many were tried and what was found.

    Raises:
        ProviderError: A query could not be gathered.
    """
    key = (*evidence_key(bench.router), policy, tuple(verdict.id for verdict in right))
    kept: list[Regression] | None = recalled("check_regressions", key)
    if kept is not None:
        yield len(right), kept
        return
    found: list[Regression] = []
    for tried, found in bench.regressions(right, policy):
        if tried % _TOLD_EVERY == 0:
            yield tried, found
    remember("check_regressions", key, found)
    yield len(right), found
