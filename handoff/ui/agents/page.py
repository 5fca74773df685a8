"""Agents: edit names, descriptions and tags, and see what that does before it is saved."""

import streamlit as st

from handoff.agents.edit import find_shifts
from handoff.core.errors import HandoffError, RegistryError
from handoff.core.model import Registry, ThresholdSource
from handoff.core.texts import parse_query
from handoff.evaluation.compare import Comparison
from handoff.evaluation.judged import Labelled
from handoff.evaluation.run import check_size
from handoff.files.cases import Cases
from handoff.report.edit_words import edit_summary, shift_rows
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.set_tables import endings_rows
from handoff.ui.agents import draft as drafts
from handoff.ui.agents import effect
from handoff.ui.agents.draft import COLUMNS, Draft
from handoff.ui.agents.overlap import agents_map, first_looks, overlaps
from handoff.ui.agents.saving import keep, tell_saved
from handoff.ui.controls import policy_controls
from handoff.ui.explore.history import gather
from handoff.ui.labelled_set import LabelledSet, choose_file, gather_set, load
from handoff.ui.lending import own_files
from handoff.ui.opened import examples_in_use, open_page, with_examples, with_registry
from handoff.ui.parts import complain, complaint_stops
from handoff.ui.prices import registry_agreed
from handoff.ui.set_parts import flip_lists, headline_figures, table
from handoff.ui.why import why

# A shorter table is read faster than searched.
SEARCHED_FROM = 20
ROW_PX = 35
TABLE_PX = 390
CONFIG = {
    "id": st.column_config.TextColumn(width=130),
    "name": st.column_config.TextColumn(width=160),
    "description": st.column_config.TextColumn(width=470),
    "tags": st.column_config.TextColumn(width=230, help="Separated by ;"),
    "threshold": st.column_config.TextColumn(
        width=90, help="The agent's own, from -1 to 1, or empty."
    ),
}

table_place = st.container()
left, right = st.columns([5, 9], gap="large")
setting, controls, files = (left.container() for _ in range(3))
effect_place, sections = (right.container() for _ in range(2))

# --- which agents ---------------------------------------------------------------------------------

with files:
    own_files("You can download what you edit here.")

with table_place:
    opened, policy = open_page()
    tell_saved()
draft = drafts.draft(opened)

# --- the table ------------------------------------------------------------------------------------


def agents_table(one: Draft) -> Draft:
    """Draw the agents, to be edited; return them as they stand."""
    st.subheader(counted(len(one.rows), "agent"), anchor=False)
    if len(one.rows) > SEARCHED_FROM or one.search:
        wanted = st.text_input(
            "Find agents",
            value=one.search,
            key=f"agents_search_{one.source}_{st.session_state.get('agents_imports', 0)}",
            placeholder="Part of an id, a name, a description or a tag",
            icon=":material/search:",
        )
        one = drafts.search(one, wanted or "")
    shown = [one.base[at] for at in one.shown]
    if not shown and one.search:
        st.caption("No agent holds this text.")
        return one
    st.data_editor(
        {name: [row[at] for row in shown] for at, name in enumerate(COLUMNS)},
        key=one.key,
        num_rows="dynamic",
        hide_index=True,
        column_config=CONFIG,
        height=min(ROW_PX * (len(shown) + 2) + 3, TABLE_PX),
        alt="Agents, one per row; every cell can be edited",
        on_change=drafts.take_typed,
        args=(one.source, one.key),
    )
    if len(shown) < len(one.base):
        st.caption(
            f"{len(shown):,} of {counted(len(one.base), 'agent')} shown; search for the others."
        )
    return one


taught = examples_in_use(opened)
shown = with_examples(opened, taught if st.session_state.get("e", True) else ())
registry: Registry | None = None
with table_place:
    draft = agents_table(draft)
    complaint = st.session_state.pop("agents_import_complaint", None)
    if complaint is not None:
        complain(complaint)
    try:
        registry = drafts.parsed(draft, shown.router.registry.examples)
    except RegistryError as error:
        complain(error)
        st.caption("What you typed is kept; correct it to see its effect.")
    keep(opened, draft, registry)

# --- which labelled queries, and how they are judged ----------------------------------------------

with setting:
    st.subheader("Labelled queries", anchor=False)
    chosen = choose_file(opened)
    with complaint_stops():
        cases = load(opened, chosen)

with controls:
    judging = policy_controls(policy, registry or opened.router.registry)


def look_closer(before: LabelledSet | None) -> None:
    """Draw what to look at first, who overlaps, a map, and why an agent scores as it does."""
    st.subheader("The agents as they are saved", anchor=False)
    first, overlap, plane, words = st.tabs(
        ["Look at these first", "Overlap", "Map", "Why this agent"],
        key="agents_detail",
        on_change="rerun",
    )
    saved = shown.router.registry
    queries = before.labelled.evidence.queries if before else ()
    try:
        if words.open:
            with words:
                explain_one()
        if not (first.open or overlap.open or plane.open):
            return
        agents = effect.agent_vectors(shown)
        if plane.open:
            with plane:
                vectors = before.labelled.evidence.vectors if before else None
                agents_map(agents, vectors, saved, queries)
            return
        found = effect.overlap(shown, agents, before, judging)
        with first:
            first_looks(found, saved, effect.analysis_of(before, judging))
        with overlap:
            overlaps(found, saved, queries)
    except HandoffError as error:
        complain(error)


def explain_one() -> None:
    """Draw, for a query of the set or a typed one, which words carry an agent's score."""
    asked = st.selectbox(
        "Query",
        list(dict.fromkeys(case.query for case in cases.cases)),
        index=None,
        key="why_query",
        accept_new_options=True,
        placeholder="Choose one from the set, or type one",
    )
    if asked:
        evidence, _ = gather(shown.router, parse_query(asked))
        why(shown, evidence, judging, "agents_why")


if not cases.cases:
    with effect_place:
        st.info(
            "There are no labelled queries for these agents, so the effect of an edit "
            "cannot be shown. Label some on Tune.",
            icon=":material/new_label:",
        )
        compared = registry_agreed(shown)
    if compared:
        with sections:
            look_closer(None)
    st.stop()

# --- evidence, gathered once ----------------------------------------------------------------------


with effect_place:
    if not registry_agreed(shown):
        st.stop()
    with complaint_stops():
        before = gather_set(shown, cases, "Gathered")
    if before is None:
        st.stop()

# --- what the edit does ---------------------------------------------------------------------------


def measure(now: LabelledSet, after: Registry, cases_now: Cases) -> None:
    """Re-rank the set on the edited agents, and draw what that changes."""
    if not registry_agreed(shown, after):
        return
    labelled: Labelled
    check_size(len(cases_now.cases), len(after))
    if effect.needs_gathering(shown, now, after):
        st.caption("This edit changes which tags can be found, so the set is gathered again.")
        other = gather_set(with_registry(shown, after), cases_now, "Gathered with the edit")
        if other is None:
            return
        if other.run.rows != now.run.rows:
            st.warning(
                "Some cases could not be gathered on one side, so the two cannot be compared."
            )
            return
        labelled = other.labelled
    else:
        with st.spinner("Ranking the set again \u2026", show_time=True):
            labelled = effect.edited(shown, now, after)
    found = effect.effect(now, labelled, judging)
    draw_effect(found, now)
    gone = sum(case.expected not in after.positions for case in cases_now.cases if case.expected)
    if gone:
        st.caption(
            f"{counted(gone, 'case')} of agents that no longer exist: nobody can get them "
            "correctly."
        )
    forgotten = len(shown.router.registry.examples) - len(after.examples)
    if forgotten:
        st.caption(f"{counted(forgotten, 'example')} of agents that no longer exist teach nothing.")


def draw_effect(found: Comparison, now: LabelledSet) -> None:
    """Draw an edit's effect: in words, the figures, the flips, and who gains or loses queries."""
    st.subheader("What your edit does", anchor=False)
    shifts = find_shifts(found)
    st.markdown(plain(edit_summary(found, shifts)))
    headline_figures(found.after, found.before)
    with st.expander("How the cases end, as a table", type="compact", icon=":material/table_rows:"):
        table(endings_rows(found.after), "How the cases end with your edit", "edit_endings")
    if len(found.flips):
        flip_lists(found.flips, found.before, found.after, now.run.judged_cases, "the saved agents")
    if shifts:
        st.markdown("**Who gains and who loses queries**")
        st.dataframe(
            shift_rows(shifts),
            hide_index=True,
            alt="Agents whose queries change: edited ones and their neighbours",
            key="agents_shifts",
        )


with effect_place:
    if not draft.pending:
        st.caption(
            f"Edit a cell, or add or remove a row: its effect on {len(before.run.rows):,} "
            "labelled queries is shown here before you save."
        )
    elif registry is not None:
        try:
            measure(before, registry, cases)
        except HandoffError as error:
            complain(error)
    if draft.pending and policy.source is ThresholdSource.CONFIG:
        st.caption(
            "The threshold in handoff.toml was found on the agents as they are saved: "
            "after saving, look for it again on Tune."
        )


with sections:
    look_closer(before)
