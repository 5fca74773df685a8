"""Check by hand: judge routes one by one; what was judged becomes the test set."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.verdicts_words import progress
from handoff.ui.check.ahead import gather_ahead
from handoff.ui.check.book import Book, open_book
from handoff.ui.check.card import show_card, tell_change, undo_button
from handoff.ui.check.keys import listen
from handoff.ui.check.queue import choose_queue, put_in_order, use_lines
from handoff.ui.check.results import keep, list_results
from handoff.ui.check.turn import complaint, keep_begun, last_in, own_verdicts, reviewer, turn
from handoff.ui.controls import policy_controls
from handoff.ui.lending import own_files
from handoff.ui.opened import Opened, open_page, open_registry
from handoff.ui.parts import complain, complaint_stops
from handoff.ui.prices import registry_agreed
from handoff.ui.unsaved import in_use
from handoff.ui.visit import recall
from handoff.verdicts.conclusions import pace_seconds
from handoff.verdicts.queue import Queue, what_is_left

judging, choosing = st.columns([9, 5], gap="large")
naming, card, results = (judging.container() for _ in range(3))
queueing, controls, keeping, files = (choosing.container() for _ in range(4))

# --- which agents, which log ----------------------------------------------------------------------

with files:
    own_files("Uploaded cases can be judged too.")

with naming:
    saved, policy = open_page()
    opened = in_use(saved)
    state = saved.settings.state_dir
    if "check_who" not in st.session_state and "check_lines" not in st.session_state:
        begun = recall(state)
        st.session_state["check_who"] = begun.get("who", "")
        use_lines(begun.get("lines", ""))
    with complaint_stops():
        book = open_book(opened)
        book.verdicts()
    if book.log.set_aside is not None:
        st.warning(
            plain(
                f"The verdict log was damaged. It is kept as {book.log.set_aside}; a new one holds "
                "what could still be read."
            ),
            icon=":material/healing:",
        )
    if not (registry_agreed(saved) and registry_agreed(saved, opened.router.registry)):
        st.stop()

# --- which queries, in which order ----------------------------------------------------------------

with controls:
    judging_policy = policy_controls(policy, opened.router.registry)

with queueing:
    try:
        queue = choose_queue(saved)
        queries = put_in_order(opened, queue, judging_policy)
    except HandoffError as error:
        complain(error)
        queue, queries = Queue(()), []
    if queue.unusable:
        st.caption(f"{queue.unusable:,} lines hold no query that can be routed.")
    again = st.toggle(
        "Ask again after a change",
        key="again",
        bind="query-params",
        help="Off: a query that you judged is done. On: it comes up again if the registry, "
        "embedder or policy has changed since.",
    )

with naming:
    st.text_input(
        "Your name",
        key="check_who",
        persist_state="session",
        placeholder="It is kept with each verdict",
        max_chars=80,
        width=260,
        on_change=keep_begun,
        args=(state, "who", "check_who"),
    )
    listen()

# --- one query after the other --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the visitor chose to judge.

    Attributes:
        queries: In their order.
        policy: How they are routed.
        again: Routes that were judged on other agents, embedder or policy come again.
    """

    queries: list[str]
    policy: Policy
    again: bool


@st.fragment
def check(opened: Opened, book: Book, chosen: Chosen, places: tuple[DeltaGenerator, ...]) -> None:
    """Judge one query after the other; a key runs this part alone."""
    card, results, keeping = places
    router, queries, judging = opened.router, chosen.queries, chosen.policy
    saved = open_registry()
    if in_use(saved).router.registry.fingerprint != router.registry.fingerprint:
        st.rerun()
    verdicts = book.verdicts()
    own = own_verdicts(verdicts, router, judging, again=chosen.again)
    left = what_is_left(queries, own)
    failed: set[str] = st.session_state.get("check_failed", set())
    coming = [query for query in (*left.new, *left.put_off) if query not in failed]
    pinned = turn().pinned
    waiting = ([pinned] if pinned is not None else []) + [one for one in coming if one != pinned]
    last = last_in(queries, own)
    with card:
        tell_change(router.registry)
        error = complaint()
        if error is not None:
            complain(error)
        if queries and reviewer():
            pace = pace_seconds(turn().moments)
            st.progress(left.settled / len(queries), progress(left, len(queries), pace))
        if waiting and waiting[0] in left.put_off and pinned is None:
            st.caption("You put this one off. Skip it again and it comes last again.")
        if waiting:
            show_card(opened, book, waiting[0], last, judging)
        elif queries:
            if left.settled == len(queries):
                told = f"All {counted(len(queries), 'query')} are judged."
                st.success(told, icon=":material/done:")
            else:
                told = "The rest could not be routed: reload the page to try it again."
                st.info(told, icon=":material/sync_problem:")
            undo_button(book, last)
        else:
            st.info(
                "There is nothing to judge yet: choose where the queries come from.",
                icon=":material/playlist_add:",
            )
    with keeping:
        # A case of an agent that is in no file yet would be one of an unknown agent.
        keep(saved, book, verdicts)
    with results:
        list_results(opened, verdicts, judging)
    try:
        gather_ahead(opened.bench, waiting)
    except HandoffError:
        # It is told when its turn comes.
        return


check(opened, book, Chosen(queries, judging_policy, again), (card, results, keeping))
