"""Calls that a page waits for: they end with their visitor."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.state import SafeSessionState, SessionState, session_state_proxy

from handoff.background import BackgroundLoop
from handoff.ui.calls import hand_off

PATIENCE_SECONDS = 5


class Talker:
    """A router whose agent answers in pieces, without end, and notes that it was stopped."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.began = threading.Event()
        self.stopped = threading.Event()

    async def hand_off(self, _route, on_text):
        """Say the same again and again, or nothing."""
        self.began.set()
        try:
            while True:
                for piece in self.pieces:
                    on_text(piece)
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.stopped.set()
            raise


@pytest.fixture
def wait_for():
    """Return a function that waits for a talker's answer, and closes the loop in the end."""
    with BackgroundLoop() as loop:
        yield lambda talker, show: hand_off(
            SimpleNamespace(loop=loop, router=talker), SimpleNamespace(), show
        )


def test_an_answer_ends_when_its_visitor_left_while_it_came(wait_for):
    """Streamlit ends the page's script where it shows a piece: nothing is bought any more."""
    talker = Talker(["More "])

    def show(text):
        if text.count("More") > 3:
            raise StopException

    with pytest.raises(StopException):
        wait_for(talker, show)

    assert talker.stopped.wait(PATIENCE_SECONDS)


def test_an_answer_ends_when_its_visitor_left_before_it_came(wait_for, monkeypatch):
    """While nothing is there to be shown, the page still hears that it is to end."""
    talker = Talker([])

    def hear():
        if talker.began.is_set():
            raise StopException

    state = SafeSessionState(SessionState(), hear)
    monkeypatch.setattr(session_state_proxy, "get_session_state", lambda: state)
    # Without it the page would wait for an answer that never comes.
    rescue = threading.Timer(5, lambda: setattr(talker, "pieces", ["late"]))
    rescue.start()

    def show(_):
        raise AssertionError("nobody heard that the visitor had left")

    with pytest.raises(StopException):
        wait_for(talker, show)
    rescue.cancel()

    assert talker.stopped.wait(PATIENCE_SECONDS)
