"""A server that is told to end does so within seconds, whatever its pages are computing."""

import os
import threading
import time

import streamlit as st
from streamlit import runtime
from streamlit.runtime import Runtime, RuntimeState

_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 3.0
"""For what is being written; a verdict or a file takes milliseconds, and half of one is none."""


@st.cache_resource(show_spinner=False)
def end_in_time() -> None:
    """See to it that work in threads does not keep the process, which would wait for it."""
    server = runtime.get_instance() if runtime.exists() else None
    if isinstance(server, Runtime):
        threading.Thread(target=_watch, args=(server,), name="handoff-ending", daemon=True).start()


def _watch(server: Runtime) -> None:
    """Wait until the server is stopping, then a little, and end the process."""
    while server.state not in (RuntimeState.STOPPING, RuntimeState.STOPPED):
        time.sleep(_LOOK_SECONDS)
    time.sleep(_GRACE_SECONDS)
    os._exit(0)
