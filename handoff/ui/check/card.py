"""One route on a card, and the buttons with keys that say what can be said of it."""

import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.model import Policy, Registry
from handoff.report.markdown import plain
from handoff.report.route_words import names, troubles
from handoff.report.verdicts_words import score_table
from handoff.router import Route, judge
from handoff.trace import Trace
from handoff.ui.check.ahead import gather
from handoff.ui.check.book import Book
from handoff.ui.check.keys import focus_note
from handoff.ui.check.turn import keep_verdict, know, reviewer, step, turn, undo
from handoff.ui.opened import Opened
from handoff.ui.parts import complain, tag_row, three_numbers, verdict
from handoff.verdicts.record import LONGEST_NOTE, Verdict, VerdictKind, parse_note

# So many agents have a key of their own when a route was wrong.
OFFERED = 5
# A list of more agents is slow in a browser; their ids can be typed.
MOST_LISTED = 2_000
# A longer query is set in the size of running text.
HEADLINE = 160


def show_card(
    opened: Opened, book: Book, query: str, last: Verdict | None, judging: Policy
) -> None:
    """Draw one route, and what can be said of it."""
    try:
        evidence, spans = gather(opened.bench, query)
    except HandoffError as error:
        complain(error)
        _skip_failed(query)
        return
    router = opened.router
    route = judge(evidence, router.registry, router.policy_for(evidence, judging), Trace())
    if len(query) <= HEADLINE:
        st.subheader(plain(query), anchor=False)
    else:
        st.markdown(plain(query))
    verdict(route)
    if not reviewer():
        st.info("Type your name above; then judge with a click or a key.", icon=":material/badge:")
    elif turn().writing:
        _write_note()
    elif turn().asking:
        _ask_for_the_right_one(router.registry, book, route)
    else:
        _judge_buttons(book, route, last)
    three_numbers(route)
    tag_row(route)
    for trouble in troubles(spans, evidence):
        st.warning(plain(trouble), icon=":material/sync_problem:")
    st.markdown(score_table(route))


def tell_change(registry: Registry) -> None:
    """Say so where the registry is not the one that the visitor began with."""
    now, known = registry.fingerprint, turn().fingerprint
    if not known or (known != now and not turn().moments):
        know(now)
    elif known != now:
        st.warning(
            "The registry changed while you were judging. Verdicts so far keep the "
            "registry they were made on; from now on, queries are routed on the new one.",
            icon=":material/published_with_changes:",
        )
        st.button("Go on", on_click=know, args=(now,))


def undo_button(book: Book, last: Verdict | None) -> None:
    """Draw the button that takes the last verdict back."""
    now = turn()
    st.button(
        "Undo",
        key=f"undo_{now.key}",
        shortcut="Z",
        icon=":material/undo:",
        type="tertiary",
        disabled=last is None,
        on_click=undo,
        args=(book, last, now.number),
    )


def _keep_note(seen: int, key: str) -> None:
    """Keep what was typed for the verdict that comes."""
    step(seen, writing=False, note=parse_note(st.session_state[key]))


def _write_note() -> None:
    """Draw the box for a note, and put the cursor into it: nobody types a key by mistake."""
    now = turn()
    key = f"note_text_{now.key}"
    with st.container(key="note_form"), st.form(f"note_{now.key}", border=False):
        st.text_input(
            "Note",
            key=key,
            value=now.note,
            max_chars=LONGEST_NOTE,
            placeholder="Enter keeps it",
        )
        st.form_submit_button("Keep it", on_click=_keep_note, args=(now.number, key))
    st.button(
        "Back",
        key=f"leave_{now.key}",
        shortcut="Esc",
        type="tertiary",
        on_click=step,
        args=(now.number,),
        kwargs={"writing": False},
    )
    focus_note()


def _judge_buttons(book: Book, route: Route, last: Verdict | None) -> None:
    """Draw a button with a key for everything that can be said of a route."""
    now = turn()
    with st.container(horizontal=True, gap="small"):
        for what, label, key, icon in (
            (VerdictKind.RIGHT, "Right", "Y", ":material/thumb_up:"),
            (VerdictKind.WRONG, "Wrong", "W", ":material/thumb_down:"),
            (VerdictKind.UNSURE, "Unsure", "U", ":material/help:"),
            (VerdictKind.SKIP, "Skip", "S", ":material/skip_next:"),
        ):
            # A key of this turn: what is pressed belongs to the route that was seen.
            wrong = what is VerdictKind.WRONG
            st.button(
                label,
                key=f"{what.value}_{now.key}",
                shortcut=key,
                icon=icon,
                type="primary" if what is VerdictKind.RIGHT else "secondary",
                on_click=_ask_who if wrong else keep_verdict,
                args=(now.number,) if wrong else (book, route, what, now.number),
            )
        st.button(
            "Note",
            key=f"write_{now.key}",
            shortcut="N",
            icon=":material/edit_note:",
            on_click=step,
            args=(now.number,),
            kwargs={"writing": True},
        )
        undo_button(book, last)
    if now.note:
        st.caption(plain(f"Note: {now.note}"))


def _ask_who(seen: int) -> None:
    """Ask next who should have had the query."""
    step(seen, asking=True)


def _go_back(seen: int) -> None:
    """Judge the route again."""
    step(seen, asking=False)


def _pick(registry: Registry, book: Book, route: Route, seen: int, key: str) -> None:
    """Take who was chosen from the list, or typed."""
    chosen = st.session_state[key]
    if chosen in registry.positions:
        keep_verdict(book, route, VerdictKind.WRONG, seen, chosen)


def _ask_for_the_right_one(registry: Registry, book: Book, route: Route) -> None:
    """Draw who could have had the query: the next best with a key each, the others in a list."""
    now = turn()
    seen = now.number
    got = route.decision.agent
    others = [score for score in route.ranking if score.agent is not got][:OFFERED]
    st.markdown("**Who should have had it?**")
    with st.container(horizontal=True, gap="small"):
        for number, (score, name) in enumerate(zip(others, names(others, 40), strict=True), 1):
            st.button(
                plain(name),
                key=f"pick_{number}_{now.key}",
                shortcut=str(number),
                on_click=keep_verdict,
                args=(book, route, VerdictKind.WRONG, seen, score.agent.id),
            )
        if got is not None:
            st.button(
                "Nobody",
                key=f"pick_0_{now.key}",
                shortcut="0",
                icon=":material/block:",
                on_click=keep_verdict,
                args=(book, route, VerdictKind.WRONG, seen),
            )
        st.button(
            "Back",
            key=f"back_{now.key}",
            shortcut="Esc",
            type="tertiary",
            on_click=_go_back,
            args=(seen,),
        )
    if len(registry) <= len(others) + 1:
        return
    key = f"pick_{now.key}"
    if len(registry) > MOST_LISTED:
        st.text_input(
            "Somebody else, by id",
            key=key,
            on_change=_pick,
            args=(registry, book, route, seen, key),
        )
    else:
        agents = {agent.id: agent.name for agent in registry.agents if agent is not got}
        st.selectbox(
            "Somebody else",
            list(agents),
            index=None,
            format_func=lambda key: f"{agents[key]} ({key})",
            placeholder="Type a name",
            key=key,
            on_change=_pick,
            args=(registry, book, route, seen, key),
        )


def _skip_failed(query: str) -> None:
    """Offer to leave a query that could not be gathered for later."""
    failed: set[str] = st.session_state.setdefault("check_failed", set())
    st.button("Next query", on_click=failed.add, args=(query,), shortcut="S")
