"""Check by hand: judge routes one by one; what was judged becomes the test set."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.core.texts import shorten
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.route_words import names, troubles
from handoff.report.verdicts_words import (
    additions_told,
    progress,
    regression_rows,
    regression_summary,
    score_table,
    tally_line,
    verdict_rows,
)
from handoff.router import Route, judge
from handoff.trace import Trace
from handoff.ui import reviewing
from handoff.ui.controls import policy_controls
from handoff.ui.opened import cases_in_use, open_page, open_registry
from handoff.ui.parts import (
    complain,
    tag_row,
    three_numbers,
    verdict,
)
from handoff.ui.prices import queries_agreed, registry_agreed
from handoff.ui.uploads import keep_file, own_file, own_files
from handoff.verdicts.conclusions import Regression, called_right, pace_seconds
from handoff.verdicts.exchange import format_csv, format_json
from handoff.verdicts.queue import Order, Queue, order_queue
from handoff.verdicts.record import LONGEST_NOTE, Verdict, VerdictKind, parse_note

SOURCES = {
    "cases": "The labelled queries",
    "file": "A file",
    "lines": "Pasted lines",
    "visit": "What this visit routed",
}
# So many agents have a key of their own when a route was wrong.
OFFERED = 5
# A list of more agents is slow in a browser; their ids can be typed.
MOST_LISTED = 2_000
# A longer query is set in the size of running text.
HEADLINE = 160
SHOWN_VERDICTS = 200
COLUMNS = {"query": st.column_config.TextColumn(width=260)}
# Streamlit has no parameter that puts the cursor into a box.
FOCUS_NOTE = """<script>
document.querySelector('.st-key-note_form input')?.focus()
</script>"""

judging, choosing = st.columns([9, 5], gap="large")
naming, card, results = (judging.container() for _ in range(3))
queueing, controls, keeping, files = (choosing.container() for _ in range(4))

# --- which agents, which log ----------------------------------------------------------------------

with files:
    own_files("Cases that you lend can be judged as well.")

with naming:
    opened, policy = open_page()
    try:
        book = reviewing.open_book(opened)
        book.verdicts()
    except HandoffError as error:
        complain(error)
        st.stop()
    if book.log.set_aside is not None:
        st.warning(
            plain(
                f"The verdict log was damaged. It is kept as {book.log.set_aside}; a new one holds "
                "what could still be read."
            ),
            icon=":material/healing:",
        )
router = opened.router

with naming:
    if not registry_agreed(opened):
        st.stop()

# --- which queries, in which order ----------------------------------------------------------------


def choose_queue() -> Queue:
    """Draw where the queries come from; return them."""
    source = st.selectbox(
        "Queries",
        list(SOURCES),
        format_func=SOURCES.__getitem__,
        key="queue",
        bind="query-params",
    )
    if source == "file":
        st.file_uploader(
            "CSV with a column query, or text with one query a line",
            type=["csv", "txt"],
            key="queue_file",
            on_change=keep_file,
            args=("queue", "queue_file"),
        )
        kept = own_file("queue")
        if kept is not None:
            st.caption(plain(f"In use: {shorten(kept.name)}."))
        return reviewing.queue_of_file()
    if source == "lines":
        with st.form("lines", border=False):
            st.text_area("One query a line", key="review_text", height=120, persist_state="session")
            st.form_submit_button("Use these", on_click=reviewing.keep_lines)
        return reviewing.queue_of_lines()
    if source == "visit":
        return reviewing.queue_of_visit()
    return reviewing.queue_of_cases(cases_in_use(opened))


def put_in_order(queue: Queue, judging: Policy) -> list[str]:
    """Look at the queue as far as its order asks for it; return it in that order."""
    order = st.selectbox("Order", list(Order), key="order", bind="query-params") or Order.GIVEN
    if order is Order.GIVEN:
        return list(queue.queries)
    total, until = len(queue.queries), reviewing.to_look_at(queue)
    unseen = until - len(reviewing.outlook(opened.bench, queue, judging))
    if not queries_agreed(opened, unseen, "To order them", "ask_order"):
        return list(queue.queries)
    place = st.empty()
    for seen in reviewing.look(opened.bench, queue, judging):
        with place.container(horizontal=True, vertical_alignment="center"):
            st.progress(len(seen) / until, f"Looked at {len(seen):,} of {until:,}")
            if len(seen) < until:
                st.button(
                    "Stop",
                    on_click=reviewing.look_until,
                    args=(queue, 0),
                    key=f"stop_{len(seen)}",
                )
    place.empty()
    seen = reviewing.outlook(opened.bench, queue, judging)
    if len(seen) < total:
        st.caption(f"The first {len(seen):,} are in order; the rest comes after them, as given.")
        st.button("Look at the rest", on_click=reviewing.look_until, args=(queue, total))
    return order_queue(order, queue.queries, seen, router.registry, judging)


with controls:
    judging_policy = policy_controls(policy, router.registry)

with queueing:
    try:
        queue = choose_queue()
        queries = put_in_order(queue, judging_policy)
    except HandoffError as error:
        complain(error)
        queue, queries = Queue(()), []
    if queue.unusable:
        st.caption(f"{queue.unusable:,} lines hold no query that can be routed.")
    again = st.toggle(
        "Ask again after a change",
        key="again",
        bind="query-params",
        help="Off: what you judged is done. On: what you judged on another registry, embedder or "
        "policy than today's comes again.",
    )

with naming:
    st.text_input(
        "Your name",
        key="who",
        persist_state="session",
        placeholder="It is kept with each verdict",
        max_chars=80,
        width=260,
    )

# --- one query after the other --------------------------------------------------------------------


def keep_note(seen: int) -> None:
    """Keep what was typed for the verdict that comes."""
    reviewing.step(seen, writing=False, note=parse_note(st.session_state[f"note_text_{seen}"]))


def write_note() -> None:
    """Draw the box for a note, and put the cursor into it: nobody types a key by mistake."""
    now = reviewing.turn()
    with st.container(key="note_form"), st.form(f"note_{now.number}", border=False):
        st.text_input(
            "Note",
            key=f"note_text_{now.number}",
            value=now.note,
            max_chars=LONGEST_NOTE,
            placeholder="Enter keeps it",
        )
        st.form_submit_button("Keep it", on_click=keep_note, args=(now.number,))
    st.html(FOCUS_NOTE, unsafe_allow_javascript=True)


def tell_change() -> None:
    """Say so where the registry is not the one that the visitor began with."""
    now, known = router.registry.fingerprint, reviewing.turn().fingerprint
    if not known or (known != now and not reviewing.turn().moments):
        reviewing.know(now)
    elif known != now:
        st.warning(
            "The registry has changed while you were judging. Your verdicts keep the one that they "
            "were made on; from here on queries are routed on the new one.",
            icon=":material/published_with_changes:",
        )
        st.button("Go on", on_click=reviewing.know, args=(now,))


def judge_buttons(route: Route, last: Verdict | None) -> None:
    """Draw a button with a key for everything that can be said of a route."""
    now = reviewing.turn()
    with st.container(horizontal=True, gap="small"):
        for what, label, key, icon in (
            (VerdictKind.RIGHT, "Right", "Y", ":material/thumb_up:"),
            (VerdictKind.WRONG, "Wrong", "W", ":material/thumb_down:"),
            (VerdictKind.UNSURE, "Unsure", "U", ":material/help:"),
            (VerdictKind.SKIP, "Skip", "S", ":material/skip_next:"),
        ):
            # A key with the turn in it: what is pressed belongs to the route that was seen.
            wrong = what is VerdictKind.WRONG
            st.button(
                label,
                key=f"{what.value}_{now.number}",
                shortcut=key,
                icon=icon,
                type="primary" if what is VerdictKind.RIGHT else "secondary",
                on_click=ask_who if wrong else reviewing.judge,
                args=(now.number,) if wrong else (book, route, what, now.number),
            )
        st.button(
            "Note",
            key=f"write_{now.number}",
            shortcut="N",
            icon=":material/edit_note:",
            on_click=reviewing.step,
            args=(now.number,),
            kwargs={"writing": True},
        )
        undo_button(last)
    if now.note:
        st.caption(plain(f"Note: {now.note}"))


def ask_who(seen: int) -> None:
    """Ask next who should have had the query."""
    reviewing.step(seen, asking=True)


def go_back(seen: int) -> None:
    """Judge the route again."""
    reviewing.step(seen, asking=False)


def undo_button(last: Verdict | None) -> None:
    """Draw the button that takes the last verdict back."""
    seen = reviewing.turn().number
    st.button(
        "Undo",
        key=f"undo_{seen}",
        shortcut="Z",
        icon=":material/undo:",
        type="tertiary",
        disabled=last is None,
        on_click=reviewing.undo,
        args=(book, last, seen),
    )


def pick(route: Route, seen: int, key: str) -> None:
    """Take who was chosen from the list, or typed."""
    chosen = st.session_state[key]
    if chosen in router.registry.positions:
        reviewing.judge(book, route, VerdictKind.WRONG, seen, chosen)


def ask_for_the_right_one(route: Route) -> None:
    """Draw who could have had the query: the next best with a key each, the others in a list."""
    seen = reviewing.turn().number
    got = route.decision.agent
    others = [score for score in route.ranking if score.agent is not got][:OFFERED]
    st.markdown("**Who should have had it?**")
    with st.container(horizontal=True, gap="small"):
        for number, (score, name) in enumerate(zip(others, names(others, 40), strict=True), 1):
            st.button(
                plain(name),
                key=f"pick_{number}_{seen}",
                shortcut=str(number),
                on_click=reviewing.judge,
                args=(book, route, VerdictKind.WRONG, seen, score.agent.id),
            )
        if got is not None:
            st.button(
                "Nobody",
                key=f"pick_0_{seen}",
                shortcut="0",
                icon=":material/block:",
                on_click=reviewing.judge,
                args=(book, route, VerdictKind.WRONG, seen),
            )
        st.button(
            "Back",
            key=f"back_{seen}",
            shortcut="Esc",
            type="tertiary",
            on_click=go_back,
            args=(seen,),
        )
    if len(router.registry) <= len(others) + 1:
        return
    key = f"pick_{seen}"
    if len(router.registry) > MOST_LISTED:
        st.text_input("Somebody else, by id", key=key, on_change=pick, args=(route, seen, key))
    else:
        agents = {agent.id: agent.name for agent in router.registry.agents if agent is not got}
        st.selectbox(
            "Somebody else",
            list(agents),
            index=None,
            format_func=lambda key: f"{agents[key]} ({key})",
            placeholder="Type a name",
            key=key,
            on_change=pick,
            args=(route, seen, key),
        )


def show_card(query: str, last: Verdict | None, judging: Policy) -> None:
    """Draw one route, and what can be said of it."""
    try:
        evidence, spans = reviewing.gather(opened.bench, query)
    except HandoffError as error:
        complain(error)
        skip_failed(query)
        return
    route = judge(evidence, router.registry, router.policy_for(evidence, judging), Trace())
    if len(query) <= HEADLINE:
        st.subheader(plain(query), anchor=False)
    else:
        st.markdown(plain(query))
    verdict(route)
    if not reviewing.reviewer():
        st.info("Type your name above; then judge with a click or a key.", icon=":material/badge:")
    elif reviewing.turn().writing:
        write_note()
    elif reviewing.turn().asking:
        ask_for_the_right_one(route)
    else:
        judge_buttons(route, last)
    three_numbers(route)
    tag_row(route)
    for trouble in troubles(spans, evidence):
        st.warning(plain(trouble), icon=":material/sync_problem:")
    st.markdown(score_table(route))


def skip_failed(query: str) -> None:
    """Offer to leave a query that could not be gathered for later."""
    failed: set[str] = st.session_state.setdefault("check_failed", set())
    st.button("Next query", on_click=failed.add, args=(query,), shortcut="S")


@st.fragment
def check(
    queries: list[str], judging: Policy, *, again: bool, places: tuple[DeltaGenerator, ...]
) -> None:
    """Judge one query after the other; a key runs this part alone."""
    card, results, keeping = places
    if open_registry().router.registry.fingerprint != router.registry.fingerprint:
        st.rerun()
    verdicts = book.verdicts()
    mine = reviewing.done(verdicts, router, judging, again=again)
    failed: set[str] = st.session_state.get("check_failed", set())
    left = [query for query in queries if query not in mine and query not in failed]
    finished = len(queries) - len(left)
    pinned = reviewing.turn().pinned
    waiting = ([pinned] if pinned is not None else []) + [one for one in left if one != pinned]
    last = last_in(queries, mine)
    with card:
        tell_change()
        error = reviewing.complaint()
        if error is not None:
            complain(error)
        if queries:
            pace = pace_seconds(reviewing.turn().moments)
            st.progress(finished / len(queries), progress(finished, len(queries), pace))
        if waiting:
            show_card(waiting[0], last, judging)
        elif queries:
            st.success(f"All {counted(len(queries), 'query')} are judged.", icon=":material/done:")
            undo_button(last)
        else:
            st.info(
                "There is nothing to judge yet: choose where the queries come from.",
                icon=":material/playlist_add:",
            )
    with keeping:
        keep(verdicts)
    with results:
        list_results(verdicts, judging)
    try:
        reviewing.gather_ahead(opened.bench, waiting)
    except HandoffError:
        # It is told when its turn comes.
        return


def last_in(queries: list[str], mine: dict[str, Verdict]) -> Verdict | None:
    """Return the reviewer's last verdict on this queue, which can be taken back."""
    own = [mine[query] for query in queries if query in mine]
    return max(own, key=lambda verdict: verdict.when, default=None)


def keep(verdicts: tuple[Verdict, ...]) -> None:
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
                on_click=reviewing.add_to_cases,
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
    told = reviewing.added()
    if told is None:
        st.caption(
            "Right and wrong routes become labelled queries; Tune and handoff eval use them."
        )
        return
    additions, name = told
    new = counted(len(additions.cases), "query")
    show = st.success if additions.cases else st.info
    show(plain(f"{new} added to {name}; {additions.known:,} stood there already."))
    for sentence in additions_told(additions, router.registry):
        st.warning(plain(sentence), icon=":material/rule:")


def list_results(verdicts: tuple[Verdict, ...], judging: Policy) -> None:
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
                verdict_rows(verdicts[-SHOWN_VERDICTS:], router.registry),
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
            list_regressions(verdicts, judging)


def list_regressions(verdicts: tuple[Verdict, ...], judging: Policy) -> None:
    """Draw the routes that were called right and end elsewhere under today's registry or policy."""
    right = called_right(verdicts)
    if not queries_agreed(opened, len(right), "This", "ask_regressions"):
        return
    place = st.empty()
    found: list[Regression] = []
    try:
        for tried, growing in reviewing.regressions(opened.bench, right, judging):
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
            regression_rows(found, router.registry),
            hide_index=True,
            column_config=COLUMNS,
            alt="Routes that were called right and end elsewhere now",
        )


check(queries, judging_policy, again=again, places=(card, results, keeping))
