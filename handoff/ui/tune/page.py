"""Tune: what a policy does to a whole labelled set, and which threshold can be defended."""

from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.errors import HandoffError
from handoff.core.model import Policy
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.flips import Flips, find_flips
from handoff.evaluation.goal import Aim, Goal
from handoff.evaluation.recommend import OwnThresholds, Recommendation, recommend
from handoff.files.cases import Cases, format_cases
from handoff.files.examples import format_examples
from handoff.files.registry import format_registry
from handoff.report.charts import Mark
from handoff.report.examples_words import example_notes
from handoff.report.markdown import plain
from handoff.report.numbers import counted, percent
from handoff.report.set_groups import ALL, group_cases
from handoff.report.set_tables import case_rows, rows_to_csv
from handoff.report.set_words import recommendation, set_notes
from handoff.ui import labels
from handoff.ui.controls import CONTROLS, policy_controls
from handoff.ui.labels import LabelledSet
from handoff.ui.opened import open_page, with_examples
from handoff.ui.parts import complain, complaint_stops
from handoff.ui.prices import registry_agreed
from handoff.ui.set_parts import (
    COLUMNS,
    SHOWN_CASES,
    confusions,
    curves,
    flip_lists,
    gather_set,
    headline_figures,
    lesson_figures,
    losses,
)
from handoff.ui.uploads import own_file, own_files

NOBODY = ""
GOALS = {
    "Most right": Aim.ACCURACY,
    "Both kinds alike": Aim.BALANCED,
    "Few to somebody wrong": Aim.WRONG,
    "Many handed off": Aim.COVERAGE,
}

left, right = st.columns([5, 9], gap="large")
setting, controls, advice, teaching, files = (left.container() for _ in range(5))
figures, flipped, details, listing = (right.container() for _ in range(4))

# --- which agents, which labelled queries --------------------------------------------------------

with files:
    own_files("Queries that are labelled here can be downloaded with the rest.")

with setting:
    opened, policy = open_page()

# --- what routing learns from --------------------------------------------------------------------

taught = labels.examples(opened)
with teaching:
    st.subheader("Examples", anchor=False)
    use_examples = st.toggle(
        "Learn from examples", value=True, key="e", persist_state="session", disabled=not taught
    )
    changed = taught != opened.router.registry.examples
    if not taught:
        st.caption("None yet. Labelled queries can teach: choose some in the list of cases.")
    else:
        st.caption(f"{counted(len(taught), 'example')}{', not saved' if changed else ''}.")
    for problem in st.session_state.pop("example_complaints", []):
        st.warning(plain(problem), icon=":material/school:")
    with st.container(horizontal=True):
        if changed:
            try:
                if not opened.own and st.button("Save examples", icon=":material/save:"):
                    name = labels.save_examples(opened).name
                    st.session_state["saved"] = f"Saved to {name}."
                    st.rerun()
            except HandoffError as error:
                complain(error)
            st.button("Discard", on_click=labels.discard_examples, icon=":material/undo:")
        if taught:
            st.download_button(
                "examples.csv",
                data=format_examples(taught),
                file_name="examples.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
            )
shown = with_examples(opened, taught if use_examples else ())
router = shown.router


def label_query(before: Cases) -> None:
    """Add the typed query with its label, or say why not."""
    try:
        who = st.session_state["new_expected"]
        labels.add(opened, before, st.session_state["new_query"], who or None)
        st.session_state["new_query"] = ""
    except HandoffError as error:
        st.session_state["label_complaint"] = error


with setting:
    st.subheader("Labelled queries", anchor=False)
    chosen = labels.choose_file(opened)
    with complaint_stops():
        cases = labels.load(opened, chosen)
    with st.expander("Label a query", type="compact", icon=":material/new_label:"):
        with st.form("label", border=False):
            st.text_input("Query", key="new_query", placeholder="What somebody may ask")
            names = {agent.id: agent.name for agent in router.registry.agents}
            st.selectbox(
                "Who should take it",
                [NOBODY, *names],
                format_func=lambda key: names.get(key, "Nobody"),
                key="new_expected",
            )
            st.form_submit_button("Add", icon=":material/add:", on_click=label_query, args=(cases,))
        complaint = st.session_state.pop("label_complaint", None)
        if complaint is not None:
            complain(complaint)
    if labels.added(opened):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{counted(labels.added(opened), 'label')} added in this visit.")
            path = chosen or opened.settings.cases
            if (
                path is not None
                and own_file("cases") is None
                and not opened.own
                and st.button("Add to the file", icon=":material/save:")
            ):
                try:
                    labels.save_added(opened, path)
                    st.rerun()
                except HandoffError as error:
                    complain(error)

if not cases.cases:
    with figures:
        for note in set_notes(cases, None, []):
            st.warning(plain(note), icon=":material/playlist_remove:")
        st.info(
            "There are no labelled queries for these agents yet. Label one on the left, or upload "
            "a file of them: query and expected, an agent's id or nothing for nobody.",
            icon=":material/new_label:",
        )
    st.stop()

# --- evidence, gathered once -------------------------------------------------------------------

with figures:
    if not registry_agreed(opened):
        st.stop()

with figures:
    with complaint_stops():
        saved_set = labelled_set = gather_set(opened, cases, "Gathered")
        if saved_set is not None and shown is not opened:
            labelled_set = gather_set(shown, cases, "Gathered with examples")
    if saved_set is None or labelled_set is None:
        st.stop()
    missing = len(cases.cases) - len(labelled_set.run.rows)
    if missing:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.warning(
                f"{counted(missing, 'case')} of {len(cases.cases):,} not gathered: the figures "
                "leave them out, or count them as failed.",
                icon=":material/hourglass_bottom:",
            )
            st.button("Go on", on_click=labels.go_on, icon=":material/play_arrow:")


def link_to(query: str) -> dict[str, str]:
    """Return what the address of Explore needs to show a query under the controls as they stand."""
    return {
        **{name: st.query_params[name] for name in st.query_params if name in CONTROLS},
        "q": query,
    }


def case_list(analysis: Analysis, flips: Flips, set_now: LabelledSet) -> None:
    """Draw the cases of the chosen group; one of them opens in Explore."""
    groups = group_cases(analysis, flips)
    if st.session_state.get("group") not in groups:
        st.session_state["group"] = ALL
    st.subheader("Cases", anchor=False)
    key = st.selectbox(
        "Which cases",
        list(groups),
        format_func=lambda name: f"{groups[name].label} ({len(groups[name].rows):,})",
        key="group",
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
            help="Select a case first: a click on its box, or Shift+Space on its row.",
            query_params=None if case is None else link_to(case.query),
        )
        chosen_cases = [case] if case is not None else [cases_now[row] for row in group.rows]
        which = "the selected case" if case is not None else "all of these cases"
        if st.button("Make examples", icon=":material/school:", help=f"Learn from {which}."):
            st.session_state["example_complaints"] = labels.teach(opened, chosen_cases)
            st.rerun()
        if labels.examples(opened) and st.button(
            "Not examples", icon=":material/backspace:", help=f"Do not learn from {which}."
        ):
            labels.take_back(opened, chosen_cases)
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


def examples_worth(now: LabelledSet) -> None:
    """Measure, when asked to, what this set would teach; each query judged by what it did not."""
    st.caption(
        "Takes the labelled queries of this set as examples and judges each by the others: five "
        "folds, nothing judged by what it taught. It may take half a minute."
    )
    if st.button("Measure", icon=":material/science:"):
        with st.spinner("Learning \u2026", show_time=True):
            labels.measure(opened, now)
    lesson = labels.measured(opened, now)
    if lesson is not None:
        lesson_figures(lesson)


def use_threshold(threshold: float) -> None:
    """Take a recommended threshold over into the slider."""
    st.session_state["t"] = threshold


def advise(analysis: Analysis) -> Recommendation | None:
    """Draw the recommendation for the chosen goal."""
    st.subheader("Recommended", anchor=False)
    named = st.selectbox(
        "For", list(GOALS), key="goal", bind="query-params", help="What the threshold is for."
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
    agents = len(router.registry)
    found = recommend(analysis.settled, Goal(aim, share), analysis.policy, agents)
    said = recommendation(found, router.registry, analysis.policy.source)
    if found is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.metric("Threshold", f"{found.threshold:.3f}", width="content")
            st.metric("Accuracy, held out", percent(found.held_out.accuracy), width="content")
            st.metric("Handed off", percent(found.held_out.coverage), width="content")
        st.button(
            "Use it",
            on_click=use_threshold,
            args=(found.threshold,),
            icon=":material/check:",
            disabled=found.threshold == analysis.policy.threshold,
        )
    for sentence in said:
        st.caption(plain(sentence))
    return found


def write_own(own: OwnThresholds) -> None:
    """Write the agents' own thresholds to their file, and switch them on."""
    try:
        labels.save_own_thresholds(opened, own)
    except HandoffError as error:
        st.session_state["keep_complaint"] = error
        return
    st.session_state["a"] = True
    st.session_state["saved"] = "The agents' own thresholds were saved."


def keep(analysis: Analysis, found: Recommendation | None) -> None:
    """Offer to save the policy as it stands, and the agents' own thresholds where they win."""
    text = opened.bench.policy_to_toml(analysis, found)
    in_the_way = None
    if shown is not opened:
        in_the_way = "What is saved is for the examples on disk: save or discard yours first."
    elif not analysis.policy.use_tags:
        in_the_way = "handoff.toml does not hold the tag filter: switch it on to save."
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
                st.session_state["saved"] = f"Saved to {path.name}."
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
        done = st.session_state.pop("saved", None)
        if done is not None:
            st.success(plain(done), icon=":material/check_circle:")
        failed = st.session_state.pop("keep_complaint", None)
        if failed is not None:
            complain(failed)
        if found is not None and found.own is not None:
            with st.expander("Agents' own thresholds", type="compact", icon=":material/group:"):
                st.caption("They take effect with the switch above, from the agents' file.")
                if not opened.own:
                    st.button(
                        "Write them to the agents' file", on_click=write_own, args=(found.own,)
                    )
                st.download_button(
                    "agents.csv",
                    data=format_registry(labels.with_own_thresholds(router.registry, found.own)),
                    file_name="agents.csv",
                    mime="text/csv",
                    on_click="ignore",
                    icon=":material/download:",
                )
    except HandoffError as error:
        complain(error)


@st.fragment
def tune(
    policy: Policy,
    before: LabelledSet,
    now: LabelledSet,
    places: tuple[DeltaGenerator, ...],
) -> None:
    """Judge the whole set; moving a control runs this part alone and calls no provider."""
    controls, advice, figures, flipped, details, listing = places
    with controls:
        judging = policy_controls(policy, router.registry)
    analysis = analyse(now.labelled, judging, now.failed)
    # Flips compare case by case: there is no comparing with one that failed on one side only.
    saved = labels.baseline(before if before.run.rows == now.run.rows else now, policy)
    flips = find_flips(saved.ended, saved.got, analysis.ended, analysis.got)
    with advice:
        found = advise(analysis)
        keep(analysis, found)
    marks = [Mark(judging.threshold, "threshold", "dash")]
    if found is not None:
        marks.append(Mark(found.threshold, "recommended", "dot"))
    with figures:
        headline_figures(analysis, saved)
    with flipped:
        flip_lists(flips, saved, analysis, now.run.judged_cases)
    with details:
        every, lost, whose, bring = st.tabs(
            ["Every threshold", "Where queries are lost", "Who gets whose", "What examples bring"],
            key="detail",
            on_change="rerun",
        )
        if every.open:
            with every:
                curves(analysis, marks, router.embedder.typical_similarities)
        if lost.open:
            with lost:
                losses(analysis)
        if whose.open:
            with whose:
                confusions(analysis)
        if bring.open:
            with bring:
                examples_worth(now)
    with listing:
        case_list(analysis, flips, now)
        notes = set_notes(now.cases, analysis, list(now.run.failures.values()))
        for note in (*notes, *example_notes(shown_examples, now.cases.cases)):
            st.caption(plain(note))


shown_examples = replace(opened.bench.examples, examples=router.registry.examples)
tune(policy, saved_set, labelled_set, (controls, advice, figures, flipped, details, listing))
