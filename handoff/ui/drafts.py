"""What a visitor has not saved, kept on the server's disk through a reload and a restart.

Each page keeps its drafts where it needs them in the session; here they are gathered from there,
and put back. Callbacks change drafts, and they run before the page: its beginning sees them all.
"""

import os
import secrets

import streamlit as st
from streamlit import runtime
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from handoff.core.errors import DraftsError
from handoff.core.texts import shorten
from handoff.files.drafts import ChosenExamples, Drafts
from handoff.files.drafts_folder import FOLDER_NAME, DraftsFolder
from handoff.files.settings import load_state_dir
from handoff.ui.agents import draft as agents
from handoff.ui.labelled_set import all_labels, bring_back_labels
from handoff.ui.parts import complain
from handoff.ui.upload_room import bring_back
from handoff.ui.uploads import KINDS, own_file
from handoff.ui.visit import browser, visitor

_NOTHING = Drafts()


def keep_drafts() -> None:
    """Bring back, once, what this visitor left unsaved; keep what is unsaved now."""
    folder: DraftsFolder | None = st.session_state.get("drafts_folder")
    try:
        if folder is None:
            folder = _open_folder()
            left = folder.take_over(_live_pages())
            if left is not None:
                _bring_back(left)
        drafts = _unsaved()
        kept = st.session_state.get("drafts_kept", _NOTHING)
        if drafts != kept or (drafts != _NOTHING and not folder.is_kept()):
            st.session_state["drafts_kept"] = drafts
            st.session_state["drafts_complaint"] = None
            _refuse_nameless(drafts)
            folder.keep(drafts)
    except DraftsError as error:
        st.session_state["drafts_complaint"] = error


def tell_drafts() -> None:
    """Say what could not be brought back, or will not be."""
    error: DraftsError | None = st.session_state.get("drafts_complaint")
    if error is not None:
        complain(error)


def _refuse_nameless(drafts: Drafts) -> None:
    """Complain where the browser will not be known again."""
    if drafts != _NOTHING and _has_browser() and browser() is None:
        raise DraftsError(
            "Your browser sends no cookie by which the server would know it again, so a reload of "
            "the page would lose what you edit: allow its cookie, or save or download it before "
            "you leave."
        )


def _open_folder() -> DraftsFolder:
    place = load_state_dir(os.environ) / FOLDER_NAME
    page = secrets.token_hex(16)
    folder = DraftsFolder(place, visitor(), page)
    st.session_state["drafts_folder"] = folder
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        _sessions()[page] = context.session_id
    return folder


def _live_pages() -> set[str]:
    """Return the pages whose browser is connected, and forget the others."""
    server = runtime.get_instance() if runtime.exists() else None
    for page, session in list(_sessions().items()):
        if not (isinstance(server, Runtime) and server.is_active_session(session)):
            _sessions().pop(page, None)
    return set(_sessions())


def _has_browser() -> bool:
    """Tell whether somebody asked for the page; a script that runs it alone sends no headers."""
    return bool(st.context.headers.to_dict())


@st.cache_resource(show_spinner=False)
def _sessions() -> dict[str, str]:
    """Return the sessions of this server by the names of their pages; all visitors share it."""
    return {}


def _unsaved() -> Drafts:
    chosen = st.session_state.get("tune_examples")
    began = st.session_state.get("tune_examples_from", ())
    labels = all_labels()
    return Drafts(
        agents=agents.unsaved(),
        examples=None if chosen is None else ChosenExamples(began, chosen),
        labels=labels[False],
        own_labels=labels[True],
        files={kind: file for kind in KINDS if (file := own_file(kind)) is not None},
    )


def _bring_back(left: Drafts) -> None:
    agents.bring_back(left.agents)
    if left.examples is not None:
        st.session_state["tune_examples"] = left.examples.chosen
        st.session_state["tune_examples_from"] = left.examples.began_from
    bring_back_labels(left.labels, own=False)
    bring_back_labels(left.own_labels, own=True)
    for kind, file in left.files.items():
        if not bring_back(file):
            raise DraftsError(
                f"There is no room for {shorten(file.name)}, which you uploaded: upload it again "
                "when other visitors are gone."
            )
        st.session_state[f"upload_{kind}"] = file
