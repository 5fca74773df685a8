"""Calls of the outside world: one loop and connection for the server, a purse for each visitor."""

import os
import queue
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from handoff.background import BackgroundLoop
from handoff.bootstrap import build_connection
from handoff.files.settings import Settings, load_settings
from handoff.providers.openai.connection import OpenAIConnection
from handoff.resilience.breaker import BreakerState
from handoff.resilience.spending import SpendingCap, visitor_cap
from handoff.router import Route, Router
from handoff.ui.visit import browser
from handoff.workbench import Workbench

Result = TypeVar("Result")

_MOST_PURSES = 10_000
_PIECE_SECONDS = 0.05


class VisitorsLoop(BackgroundLoop):
    """A loop on which whatever is started counts for the visitor who started it."""

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start a coroutine at the visitor's expense, and do not wait for it."""
        # The server itself, which closes a connection, is no visitor.
        if get_script_run_ctx(suppress_warning=True) is not None:
            visitor_cap.set(_purse())
        return super().start(work)


@st.cache_resource(show_spinner=False)
def loop() -> BackgroundLoop:
    """Return the loop that everything of this server runs on."""
    return VisitorsLoop()


def connection(chosen: Settings) -> OpenAIConnection | None:
    """Return the connection that all visitors share; None without a key."""
    shared, _ = _connected(chosen)
    return shared


def visit_usd() -> float:
    """Return what this visitor's calls cost so far."""
    return _purse().spent_usd


def evidence_key(router: Router) -> tuple[str, str, str]:
    """Return what decides over the evidence on a query: agents, embedder and tagger."""
    return router.registry.fingerprint, router.embedder.identity, router.tagger.identity


def hand_off(bench: Workbench, route: Route, show: Callable[[str], object]) -> Route:
    """Deliver the query to the selected agent; raises ProviderError.

    A visitor who leaves, or turns to something else, ends the answer.

    Args:
        bench: Whose runner delivers.
        route: With a selected agent.
        show: Called on this thread with what has come of the answer so far.
    """
    pieces: queue.SimpleQueue[str] = queue.SimpleQueue()
    ending = bench.loop.start(bench.router.hand_off(route, pieces.put))
    text = ""
    try:
        while not ending.done() or not pieces.empty():
            # Streamlit ends a script whose visitor left where it shows or looks up something.
            st.session_state.get("visit_cap")
            with suppress(queue.Empty):
                text += pieces.get(timeout=_PIECE_SECONDS)
                show(text)
        return ending.result()
    finally:
        ending.cancel()


def resting(bench: Workbench) -> dict[str, float]:
    """Return the endpoints of OpenAI that are left alone, with the seconds left."""
    if bench.connection is None:
        return {}
    return {
        name: breaker.seconds_left
        for name, breaker in bench.connection.breakers.items()
        if breaker.state is not BreakerState.WORKING
    }


def _purse() -> SpendingCap:
    cap: SpendingCap | None = st.session_state.get("visit_cap")
    if cap is None:
        limit, known = load_settings(os.environ).visitor_cap_usd, browser()
        cap = _new_purse(limit) if known is None else _purse_of(known, limit)
        st.session_state["visit_cap"] = cap
    return cap


@st.cache_resource(max_entries=_MOST_PURSES, show_spinner=False)
def _purse_of(known: str, limit: float | None) -> SpendingCap:  # noqa: ARG001 - a key
    return _new_purse(limit)


def _new_purse(limit: float | None) -> SpendingCap:
    return SpendingCap(limit, name="This session")


def _disconnect(connected: tuple[OpenAIConnection | None, BackgroundLoop]) -> None:
    """Close a connection on the loop that used it."""
    shared, used = connected
    if shared is not None:
        used.run(shared.close())


@st.cache_resource(max_entries=2, show_spinner=False, on_release=_disconnect)
def _connected(chosen: Settings) -> tuple[OpenAIConnection | None, BackgroundLoop]:
    return build_connection(chosen), loop()
