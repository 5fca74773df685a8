"""Edited agents and chosen examples in no file yet: in use on every page, and told there."""

from contextlib import suppress

import streamlit as st

from handoff.core.errors import ExamplesError, HandoffError, RegistryError
from handoff.core.model import Example, Registry
from handoff.files.examples import replace_examples
from handoff.files.settings import EXAMPLES_NAME
from handoff.report.markdown import plain
from handoff.report.numbers import counted
from handoff.ui.agents import draft as drafts
from handoff.ui.agents.draft import Draft
from handoff.ui.opened import (
    Opened,
    examples_in_use,
    examples_of,
    open_registry,
    with_examples,
    with_registry,
)
from handoff.ui.parts import EVERYWHERE, complain


def edited(opened: Opened) -> Opened:
    """Return the agents as this visitor has edited them, with the examples of the file.

    Where an edited row breaks a rule the agents are as they are saved; the banner says so.
    """
    one = drafts.pending(opened)
    if one is None:
        return opened
    try:
        agents = drafts.agents_of(one)
    except RegistryError:
        return opened
    known = examples_of(agents, opened.router.registry.examples)
    return with_registry(opened, Registry(agents.agents, known))


def in_use(opened: Opened) -> Opened:
    """Return the agents as this visitor has edited them, with the examples that they chose."""
    found = edited(opened)
    learning = st.session_state.get("e", True)
    return with_examples(found, examples_in_use(found) if learning else ())


def tell_unsaved(*, on_agents: bool) -> None:
    """Draw what is unsaved, on whichever page; offer to save or to discard it.

    Args:
        on_agents: The page is Agents, which tells of edited agents below their table: above it, a
            first edit would push the next cell away from under the mouse.
    """
    opened: Opened | None = None
    with suppress(HandoffError):
        # The page tells it.
        opened = open_registry()
    if opened is None:
        return
    one, examples = drafts.pending(opened), _changed(opened)
    failed: HandoffError | None = st.session_state.pop("unsaved_complaint", None)
    if failed is not None:
        complain(failed)
    unheard = _unheard(opened)
    if not examples and (one is None or on_agents):
        if unheard:
            st.caption(unheard)
        return
    parts = [] if one is None else [counted(one.edited, "edited agent")]
    parts += [counted(examples, "unsaved example")] if examples else []
    with st.container(horizontal=True, vertical_alignment="center", key="unsaved"):
        st.markdown(f":orange-badge[:material/edit: {', '.join(parts)}]", width="content")
        st.markdown(_where(one) or unheard or EVERYWHERE, width="content")
        if not opened.own:
            st.button("Save all", icon=":material/save:", on_click=_save, args=(opened,))
        st.button("Discard all", icon=":material/undo:", on_click=_discard, args=(opened,))


def _where(one: Draft | None) -> str:
    """Return why the edited agents are not in use; nothing where they are."""
    try:
        if one is not None:
            drafts.agents_of(one)
    except RegistryError as error:
        return plain(
            f"The edited agents are not in use until they are corrected on Agents. {error}"
        )
    return ""


def _unheard(opened: Opened) -> str:
    """Return why examples are not in use; nothing where they are, or where there are none."""
    if st.session_state.get("e", True) or not examples_in_use(opened):
        return ""
    return "Examples are not in use on any page: learning from them is switched off on Tune."


def _changed(opened: Opened) -> int:
    """Return how many examples this visitor added or took back."""
    chosen: tuple[Example, ...] | None = st.session_state.get("tune_examples")
    began: tuple[Example, ...] = st.session_state.get("tune_examples_from", ())
    if chosen is None or chosen == opened.router.registry.examples:
        return 0
    return len(set(chosen) ^ set(began))


def _save(opened: Opened) -> None:
    """Write agents, then examples, each over what its edits began from and over nothing else."""
    try:
        _save_agents(opened)
        _save_examples(opened)
    except HandoffError as error:
        st.session_state["unsaved_complaint"] = error


def _save_agents(opened: Opened) -> None:
    one = drafts.pending(opened)
    if one is not None and not drafts.save(opened, one, drafts.agents_of(one), one.started_from):
        name = opened.settings.registry.name
        raise RegistryError(
            f"{name} was changed by somebody else since you started editing: nothing was written, "
            "compare both on Agents and choose there."
        )


def _save_examples(opened: Opened) -> None:
    chosen: tuple[Example, ...] | None = st.session_state.get("tune_examples")
    if chosen is None:
        return
    began: tuple[Example, ...] = st.session_state.get("tune_examples_from", ())
    saved = opened.router.registry
    path = opened.settings.registry.parent / EXAMPLES_NAME
    expected = Registry(saved.agents, examples_of(saved, began))
    if not replace_examples(path, examples_in_use(edited(opened)), expected):
        raise ExamplesError(
            f"{EXAMPLES_NAME} was changed by somebody else since you chose examples: they were not "
            "written, choose on Tune."
        )
    st.session_state["tune_examples"] = None


def _discard(opened: Opened) -> None:
    """Go back to what is on disk."""
    one = drafts.pending(opened)
    if one is not None:
        drafts.discard(one)
    st.session_state["tune_examples"] = None
