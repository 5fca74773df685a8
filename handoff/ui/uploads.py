"""The files that a visitor uploads: every page uses them, for this visitor only."""

import uuid
from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from handoff.core.texts import shorten
from handoff.files.drafts import LentFile, lend
from handoff.ui.session import parsed_once
from handoff.ui.upload_room import give_back

Parsed = TypeVar("Parsed")

KINDS = ("agents", "cases", "queue")

SET_KINDS = KINDS[:2]
_SERVER = uuid.uuid4().hex


def uploader_key(kind: str, revision: int = 0) -> str:
    """Return the key of an uploader; that of a server which ended is another one.

    A browser that stays open would go on listing the file that it lent there.
    """
    return f"{kind}_file_{_SERVER}_{revision}"


def own_file(kind: str) -> LentFile | None:
    """Return the file of a kind that this visitor uploaded on any screen."""
    file: LentFile | None = st.session_state.get(f"upload_{kind}")
    return file


def keep_file(kind: str, widget: str) -> None:
    """Use what an uploader holds, on every screen; nothing once it was emptied."""
    file = st.session_state[widget]
    # A browser may still tell of a file that was given back; Streamlit has a mark in its place.
    if file is None or isinstance(file, UploadedFile):
        lent = None if file is None else lend(file.name, file.getvalue(), file.file_id)
        st.session_state[f"upload_{kind}"] = lent


def forget_files() -> None:
    """Go back to the server's own files."""
    for kind in SET_KINDS:
        file = own_file(kind)
        if file is not None:
            give_back(file.file_id)
        st.session_state[f"upload_{kind}"] = None
    st.session_state["upload_revision"] = st.session_state.get("upload_revision", 0) + 1


def parse_upload(
    key: str, file: LentFile, parse: Callable[[bytes, str], Parsed], *by: object
) -> Parsed:
    """Parse an uploaded file once; a complaint is kept as well and raised again.

    Args:
        key: Where the session keeps what it held.
        file: The file.
        parse: Takes its bytes and its name.
        by: What else decides over what it holds.
    """
    return parsed_once(key, (file.file_id, *by), lambda: parse(file.data, shorten(file.name)))
