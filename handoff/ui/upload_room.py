"""How much visitors may have lent at a time, so that their files cannot fill the memory."""

import streamlit as st
from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from handoff.files.drafts import LentFile

MOST_OF_A_VISIT_BYTES = 30 * 2**20
"""Of agents, cases and a queue one file each; `maxUploadSize` bounds a file."""
MOST_OF_ALL_BYTES = 240 * 2**20

_TOO_LARGE = 413


@st.cache_resource(show_spinner=False)
def bound_uploads() -> None:
    """See to it that no file is taken for which there is no room; Streamlit bounds each alone."""
    store = _store()
    if store is None:
        return
    take = store.add_file

    def take_if_there_is_room(session_id: str, file: UploadedFileRec) -> None:
        held = {
            session: sum(len(each.data) for each in list(files.values()))
            for session, files in list(store.file_storage.items())
        }
        if (
            held.get(session_id, 0) + len(file.data) > MOST_OF_A_VISIT_BYTES
            or sum(held.values()) + len(file.data) > MOST_OF_ALL_BYTES
        ):
            raise HTTPException(_TOO_LARGE, "No room is left: give files back, or try again later.")
        take(session_id, file)

    store.add_file = take_if_there_is_room  # type: ignore[method-assign]


def bring_back(file: LentFile) -> bool:
    """Hold a file that this visit lent before the page was opened anew; not without room."""
    store, visit = _store(), get_script_run_ctx(suppress_warning=True)
    if store is not None and visit is not None:
        try:
            record = UploadedFileRec(file.file_id, file.name, "text/csv", file.data)
            store.add_file(visit.session_id, record)
        except HTTPException:
            return False
    return True


def give_back(file_id: str) -> None:
    """Free the room of a file that is used no more; a browser does so where its visitor does."""
    store, visit = _store(), get_script_run_ctx(suppress_warning=True)
    if store is not None and visit is not None:
        store.remove_file(visit.session_id, file_id)


def _store() -> MemoryUploadedFileManager | None:
    """Return where Streamlit keeps uploaded files; None without a server."""
    server = runtime.get_instance() if runtime.exists() else None
    store = getattr(server, "_uploaded_file_mgr", None) if isinstance(server, Runtime) else None
    return store if isinstance(store, MemoryUploadedFileManager) else None
