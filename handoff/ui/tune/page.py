"""Tune: what a policy does to a whole labelled set, and which threshold can be defended."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from handoff.core.model import Policy
from handoff.evaluation.analysis import Analysis, analyse
from handoff.evaluation.flips import find_flips
from handoff.files.policy import read_policy
from handoff.report.charts import Mark
from handoff.report.examples_words import example_notes
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.report.set_words import set_notes
from handoff.ui.controls import policy_controls
from handoff.ui.labelled_set import LabelledSet, choose_file, gather_set, go_on, load
from handoff.ui.lending import own_files
from handoff.ui.opened import open_page, with_examples
from handoff.ui.parts import complaint_stops
from handoff.ui.prices import registry_agreed
from handoff.ui.session import remembered
from handoff.ui.set_parts import (
    confusions,
    curves,
    flip_lists,
    headline_figures,
    losses,
)
from handoff.ui.tune.advice import advise
from handoff.ui.tune.cases import case_list
from handoff.ui.tune.labelling import label_form, offer_added
from handoff.ui.tune.saving import keep
from handoff.ui.tune.teaching import choose_examples, examples_worth
from handoff.ui.unsaved import edited

left, right = st.columns([5, 9], gap="large")
setting, controls, advice, teaching, files = (left.container() for _ in range(5))
figures, flipped, details, listing = (right.container() for _ in range(4))

# --- which agents, which labelled queries --------------------------------------------------------

with files:
    own_files("Queries labelled here are part of the download.")

with setting:
    on_disk, policy = open_page()
    opened = edited(on_disk)
    with complaint_stops():
        held = read_policy(opened.settings.config_to_save)

# --- what routing learns from --------------------------------------------------------------------

with teaching:
    taught = choose_examples(opened, agents_edited=opened is not on_disk)
shown = with_examples(opened, taught)
router = shown.router


with setting:
    st.subheader("Labelled queries", anchor=False)
    chosen = choose_file(opened)
    with complaint_stops():
        cases = load(opened, chosen)
    label_form(opened, router.registry, cases)
    offer_added(on_disk, chosen)

if not cases.cases:
    with figures:
        for note in set_notes(cases, None, []):
            st.warning(plain(note), icon=":material/playlist_remove:")
        st.info(
            "There are no labelled queries for these agents yet. Label one on the left, "
            "or upload a CSV file with the columns query and expected (an agent's id, or "
            "empty for nobody).",
            icon=":material/new_label:",
        )
    st.stop()

# --- evidence, gathered once -------------------------------------------------------------------

with figures:
    if not (registry_agreed(on_disk) and registry_agreed(on_disk, opened.router.registry)):
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
                f"{counted(missing, 'case')} of {len(cases.cases):,} were not gathered: "
                f"the figures "
                "leave them out, or count them as failed.",
                icon=":material/hourglass_bottom:",
            )
            st.button("Go on", on_click=go_on, icon=":material/play_arrow:")


def baseline(labelled_set: LabelledSet, policy: Policy) -> Analysis:
    """Analyse the set under the saved policy, which stays while controls move."""
    labelled, failed = labelled_set.labelled, labelled_set.failed
    return remembered(
        "tune_baseline", (labelled, policy, failed), lambda: analyse(labelled, policy, failed)
    )


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
    saved = baseline(before if before.run.rows == now.run.rows else now, policy)
    flips = find_flips(saved.ended, saved.got, analysis.ended, analysis.got)
    with advice:
        found = advise(router.registry, analysis)
        keep(on_disk, shown, analysis, found, held)
    marks = [Mark(judging.threshold, "threshold", "dash")]
    if found is not None and not found.keep:
        marks.append(Mark(found.threshold, "recommended", "dot"))
    with figures:
        headline_figures(analysis, saved)
    with flipped:
        flip_lists(flips, saved, analysis, now.run.judged_cases)
    with details:
        every, lost, whose, bring = st.tabs(
            [
                "Every threshold",
                "Where queries are lost",
                "Confusion matrix",
                "What examples bring",
            ],
            key="tune_detail",
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
                examples_worth(opened, now)
    with listing:
        case_list(opened, analysis, flips, now)
        notes = set_notes(now.cases, analysis, list(now.run.failures.values()), now.run.untagged)
        for note in (*notes, *example_notes(shown_examples, now.cases.cases)):
            st.caption(plain(note))


shown_examples = replace(opened.bench.examples, examples=router.registry.examples)
tune(policy, saved_set, labelled_set, (controls, advice, figures, flipped, details, listing))
