"""Which queries are judged, and in which order."""

from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.core.texts import shorten
from handoff.files.cases import Cases
from handoff.report.markdown import plain
from handoff.ui.calls import evidence_key
from handoff.ui.check.turn import keep_begun
from handoff.ui.explore.history import visited
from handoff.ui.labelled_set import choose_file, load
from handoff.ui.opened import Opened
from handoff.ui.prices import queries_agreed
from handoff.ui.session import recalled, remember, remembered
from handoff.ui.uploads import keep_file, own_file, uploader_key
from handoff.verdicts.queue import (
    NOTHING_SEEN,
    Order,
    Outlook,
    Queue,
    look_ahead,
    make_queue,
    order_queue,
    parse_queue,
)
from handoff.workbench import Workbench

SOURCES = {
    "cases": "The labelled queries",
    "file": "A file",
    "lines": "Pasted lines",
    "visit": "Routed in this session",
}
LOOKED_AT = 2_000
"""Of a longer queue only so many are put in order, until the visitor asks for the rest."""


def choose_queue(opened: Opened) -> Queue:
    """Draw where the queries come from; return them."""
    source = st.selectbox(
        "Queries",
        list(SOURCES),
        format_func=SOURCES.__getitem__,
        key="queue",
        bind="query-params",
    )
    if source == "file":
        widget = uploader_key("queue")
        st.file_uploader(
            "CSV with a column query, or text with one query per line",
            type=["csv", "txt"],
            key=widget,
            on_change=keep_file,
            args=("queue", widget),
        )
        queue, kept = _queue_of_file(), own_file("queue")
        if kept is not None:
            st.caption(plain(f"In use: {shorten(kept.name)}."))
        return queue
    if source == "lines":
        with st.form("lines", border=False):
            st.text_area(
                "One query per line", key="check_pasted", height=120, persist_state="session"
            )
            st.form_submit_button(
                "Use these", on_click=_keep_lines, args=(opened.settings.state_dir,)
            )
        return _queue_of_lines()
    if source == "visit":
        return make_queue(entry.query for entry in visited())
    return _queue_of_cases(load(opened, choose_file(opened)))


def put_in_order(opened: Opened, queue: Queue, judging: Policy) -> list[str]:
    """Look at the queue as far as its order asks for it; return it in that order."""
    order = st.selectbox("Order", list(Order), key="order", bind="query-params") or Order.GIVEN
    if order is Order.GIVEN:
        return list(queue.queries)
    total, until = len(queue.queries), _to_look_at(queue)
    unseen = until - len(_outlook(opened.bench, queue, judging))
    if not queries_agreed(opened, unseen, "To order them", "ask_order"):
        return list(queue.queries)
    place = st.empty()
    for seen in _look(opened.bench, queue, judging):
        with place.container(horizontal=True, vertical_alignment="center"):
            st.progress(len(seen) / until, f"Looked at {len(seen):,} of {until:,}")
            if len(seen) < until:
                st.button(
                    "Stop",
                    on_click=_look_until,
                    args=(queue, 0),
                    key=f"stop_{len(seen)}",
                )
    place.empty()
    seen = _outlook(opened.bench, queue, judging)
    if len(seen) < total:
        st.caption(f"The first {len(seen):,} are in order; the rest follow as given.")
        st.button("Look at the rest", on_click=_look_until, args=(queue, total))
    return order_queue(order, queue.queries, seen, opened.router.registry, judging)


def _queue_of_cases(cases: Cases) -> Queue:
    """Return the labelled queries as a queue."""
    return remembered(
        "check_cases", (cases,), lambda: make_queue(case.query for case in cases.cases)
    )


def _queue_of_file() -> Queue:
    """Return the uploaded file as a queue; raises CasesError."""
    file = own_file("queue")
    if file is None:
        return Queue(())
    return remembered("check_file", (file.file_id,), lambda: parse_queue(file.data, file.name))


def use_lines(text: str) -> None:
    """Make a queue of lines; raises CasesError."""
    st.session_state["check_lines"] = make_queue(text.splitlines())
    st.session_state["check_pasted"] = text


def _keep_lines(state: Path) -> None:
    """Make a queue of the pasted lines, or say why not."""
    try:
        use_lines(st.session_state["check_pasted"])
    except HandoffError as error:
        st.session_state["check_complaint"] = error
    else:
        keep_begun(state, "lines", "check_pasted")


def _queue_of_lines() -> Queue:
    """Return the pasted lines as a queue."""
    queue: Queue = st.session_state.get("check_lines", Queue(()))
    return queue


def _outlook(bench: Workbench, queue: Queue, policy: Policy) -> Outlook:
    """Return what is known of the queue so far."""
    seen: Outlook | None = recalled("check_outlook", _stands_on(bench, queue, policy))
    return NOTHING_SEEN if seen is None else seen


def _to_look_at(queue: Queue) -> int:
    """Return how many of the queue's first queries should be put in order."""
    until: int | None = recalled("check_until", (queue,))
    return min(LOOKED_AT if until is None else until, len(queue.queries))


def _look(bench: Workbench, queue: Queue, policy: Policy) -> Iterator[Outlook]:
    """Look at the queue, in parts, as far as it should be looked at; raises ProviderError."""
    seen = _outlook(bench, queue, policy)
    until = _to_look_at(queue)
    if len(seen) >= until:
        return
    for grown in bench.each(look_ahead(bench.router, queue.queries[:until], policy, seen)):
        remember("check_outlook", _stands_on(bench, queue, policy), grown)
        yield grown


def _look_until(queue: Queue, number: int) -> None:
    """Put so many of the queue's queries in order; 0 leaves it at those that were looked at."""
    remember("check_until", (queue,), number)


def _stands_on(bench: Workbench, what: object, policy: Policy) -> tuple[object, ...]:
    """Return what is known by: threshold and margin are not in it."""
    return what, *evidence_key(bench.router), policy.use_tags, policy.lexical_weight
