"""What routing learns from in this session: chosen, kept, saved, and what it is worth."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from handoff.core.errors import HandoffError
from handoff.core.learning import Lessons
from handoff.core.model import Example
from handoff.core.texts import shorten
from handoff.core.word_overlap import normal_form
from handoff.evaluation.proof import (
    MOST_TO_LEARN,
    NEXT_LABELS,
    Worth,
    next_labels_buy,
    part,
    thin,
)
from handoff.evaluation.run import Run
from handoff.files.cases import Case
from handoff.files.examples import (
    MOST_EXAMPLES,
    LabelledQuery,
    collect_examples,
    format_examples,
    replace_examples,
)
from handoff.files.settings import EXAMPLES_NAME
from handoff.report.examples_words import METHOD, threshold_in_words
from handoff.report.markdown import plain
from handoff.report.numbers import counted, p_value, percent
from handoff.report.set_figures import learning_alt, learning_chart
from handoff.ui.labelled_set import LabelledSet
from handoff.ui.opened import Opened, examples_in_use, examples_of
from handoff.ui.parts import chart_ink, complain
from handoff.ui.session import recalled, remember
from handoff.ui.set_parts import chart, table
from handoff.workbench import measure_worth


def choose_examples(opened: Opened, *, agents_edited: bool) -> tuple[Example, ...]:
    """Draw what routing learns from; return that, or nothing where it is switched off.

    Args:
        opened: The agents in use, with the examples on disk.
        agents_edited: They are in no file yet: examples of theirs are saved after them.
    """
    taught = examples_in_use(opened)
    st.subheader("Examples", anchor=False)
    use_examples = st.toggle(
        "Learn from examples", value=True, key="e", persist_state="session", disabled=not taught
    )
    changed = taught != opened.router.registry.examples
    if not taught:
        st.caption("None yet. Choose labelled queries to learn from in the list of cases.")
    else:
        st.caption(f"{counted(len(taught), 'example')}{', not saved' if changed else ''}.")
    for problem in st.session_state.pop("tune_example_complaints", []):
        st.warning(plain(problem), icon=":material/school:")
    overtaken = changed and not opened.own and _overtaken(opened)
    if overtaken:
        st.warning(
            plain(
                f"{EXAMPLES_NAME} was changed by somebody else since you chose examples: nothing "
                "is overwritten until you choose."
            ),
            icon=":material/sync_problem:",
        )
    with st.container(horizontal=True):
        if changed:
            if overtaken:
                st.button(
                    "Join both",
                    on_click=_join,
                    args=(opened,),
                    icon=":material/merge:",
                    help="Theirs, with what you added and without what you took back.",
                )
            try:
                if not (opened.own or agents_edited) and _save_pressed(opened, overtaken=overtaken):
                    if _save_examples(opened):
                        st.session_state["tune_saved"] = f"Saved to {EXAMPLES_NAME}."
                    st.rerun()
            except HandoffError as error:
                complain(error)
            st.button(
                "Take theirs" if overtaken else "Discard",
                on_click=_discard_examples,
                icon=":material/undo:",
            )
        if taught:
            st.download_button(
                "examples.csv",
                data=format_examples(taught),
                file_name="examples.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
            )
    return taught if use_examples else ()


def examples_worth(opened: Opened, now: LabelledSet) -> None:
    """Measure, when asked to, what this set would teach; each query judged by what it did not."""
    st.caption(
        "Uses the labelled queries of this set as examples and tests each on what the "
        "others teach (five-fold cross-validation). It may take half a minute."
    )
    if st.button("Measure", icon=":material/science:"):
        with st.spinner("Learning \u2026", show_time=True):
            _measure(opened, now)
    worth = _measured(opened, now)
    if worth is not None:
        _worth_figures(worth)


def teach(opened: Opened, cases: Sequence[Case]) -> list[str]:
    """Make examples of cases, for the rest of the session; return why some cannot be.

    Those that an example says already, word for word or nearly, count once.
    """
    before = [LabelledQuery(0, example.query, example.agent) for example in examples_in_use(opened)]
    found = collect_examples(
        [*before, *(LabelledQuery(case.line, case.query, case.expected) for case in cases)],
        "The set",
    )
    if len(found.examples) > MOST_EXAMPLES:
        return [f"At most {MOST_EXAMPLES:,} examples can be learned from: choose fewer."]
    _change(opened, found.examples)
    return list(found.failed)


def take_back(opened: Opened, cases: Sequence[Case]) -> None:
    """Let cases be examples no more, for the rest of the session."""
    gone = {normal_form(case.query) for case in cases}
    kept = (each for each in examples_in_use(opened) if normal_form(each.query) not in gone)
    _change(opened, tuple(kept))


def _change(opened: Opened, examples: tuple[Example, ...]) -> None:
    """Keep other examples for the session, and what the file held when that began."""
    if st.session_state.get("tune_examples") is None:
        st.session_state["tune_examples_from"] = opened.router.registry.examples
    st.session_state["tune_examples"] = examples


def _began_from(opened: Opened) -> tuple[Example, ...]:
    """Return what the file held when the session's examples were first changed."""
    began: tuple[Example, ...] = st.session_state.get("tune_examples_from", ())
    return examples_of(opened.router.registry, began)


def _overtaken(opened: Opened) -> bool:
    """Tell whether the file holds other examples than when the session's were first changed."""
    return _began_from(opened) != opened.router.registry.examples


def _join(opened: Opened) -> None:
    """Make in theirs the changes that this session made; what contradicts them is left out."""
    theirs, mine, began = (
        opened.router.registry.examples,
        examples_in_use(opened),
        _began_from(opened),
    )
    gone = set(began) - set(mine)
    kept = [each for each in theirs if each not in gone]
    new = [each for each in mine if each not in set(began)]
    found = collect_examples(
        (LabelledQuery(line, each.query, each.agent) for line, each in enumerate([*kept, *new], 1)),
        EXAMPLES_NAME,
    )
    others = {normal_form(each.query): each.agent for each in kept}
    st.session_state["tune_example_complaints"] = [
        f"Your example '{shorten(each.query)}' was left out: theirs gives it to another agent."
        for each in new
        if others.get(normal_form(each.query), each.agent) != each.agent
    ]
    st.session_state["tune_examples_from"] = theirs
    st.session_state["tune_examples"] = found.examples


def _discard_examples() -> None:
    """Go back to the examples on disk."""
    st.session_state["tune_examples"] = None


def _save_pressed(opened: Opened, *, overtaken: bool) -> bool:
    """Draw the button to save; one that overwrites is another one whenever the file changes."""
    if not overtaken:
        return st.button("Save examples", icon=":material/save:")
    return st.button(
        "Save mine anyway",
        key=f"tune_over_{opened.router.registry.fingerprint}",
        icon=":material/save:",
        help="Overwrites theirs, which is kept beside it as .bak.",
    )


def _save_examples(opened: Opened) -> bool:
    """Write this session's examples beside the registry, over those that the page was drawn with.

    Returns:
        Whether they were written; not where the file was changed meanwhile.

    Raises:
        ExamplesError: The file cannot be read or written.
    """
    path = opened.settings.registry.parent / EXAMPLES_NAME
    if not replace_examples(path, examples_in_use(opened), opened.router.registry):
        return False
    st.session_state["tune_examples"] = None
    return True


def _measure(opened: Opened, labelled_set: LabelledSet) -> None:
    """Prove what the set would teach, and keep the proof for the session."""
    run, evidence = labelled_set.run, labelled_set.labelled.evidence
    known: dict[str, int] = {}
    for row, case in enumerate(run.judged_cases):
        known.setdefault(normal_form(case.query), row)
    rows = np.array(list(known.values()), dtype=np.intp)
    lessons = Lessons(
        tuple(evidence.queries[row] for row in rows.tolist()),
        evidence.vectors[rows],
        labelled_set.labelled.expected[rows],
    )
    lessons = part(lessons, thin(lessons, MOST_TO_LEARN))
    worth = measure_worth(opened.bench.embed_agents(), lessons)
    remember("tune_worth", _stands_on(opened, run), worth)


def _measured(opened: Opened, labelled_set: LabelledSet) -> Worth | None:
    """Return the proof for this set, if it was measured."""
    worth: Worth | None = recalled("tune_worth", _stands_on(opened, labelled_set.run))
    return worth


def _stands_on(opened: Opened, run: Run) -> tuple[object, ...]:
    return opened.router.registry.agents, run.cases


def _worth_figures(worth: Worth) -> None:
    """Draw what examples bring: before and after, the curve, and its table."""
    proof, before = worth.proof, worth.proof.before.accuracy
    with st.grid(3, min_column_width=150):
        for name, share, interval in (
            ("Descriptions alone", before, proof.accuracy_before),
            ("With examples", proof.after.accuracy, proof.accuracy_after),
        ):
            st.metric(
                name,
                percent(share),
                delta=f"{percent(interval.low)} to {percent(interval.high)}",
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
        st.metric(
            "Better, worse",
            f"{len(proof.flips.better):,}, {len(proof.flips.worse):,}",
            delta=p_value(proof.p_value),
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
    if worth.curve:
        chart(
            learning_chart(worth.curve, before, chart_ink()),
            learning_alt(worth.curve, before),
            "learning",
        )
        rows = [
            {
                "examples per agent": point.each,
                "examples": round(point.examples),
                "accuracy": percent(point.accuracy),
            }
            for point in worth.curve
        ]
        table(rows, "Accuracy by how many examples an agent has", "learning_rows")
    buys = next_labels_buy(worth.curve, NEXT_LABELS)
    if buys is not None:
        st.markdown(f"The next {NEXT_LABELS} labels would add about {100 * buys:.1f} points.")
    st.caption(plain(f"Method: {METHOD}; {threshold_in_words(worth.learned)}"))
