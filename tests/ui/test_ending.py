"""A server that is told to end, while a page computes for minutes."""

import signal
import time

import pytest
from handoff_server import serving
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect

PATIENCE_SECONDS = 30
"""Far more than the five that a server may take, and far less than its page needs."""

PAGE = f"""\
import time
from pathlib import Path

from handoff import ui
from handoff.index.learned import LearnedIndex


def learn(*_):
    Path("began").touch()
    time.sleep({20 * PATIENCE_SECONDS})


LearnedIndex._learn = learn
ui.main()
"""


@pytest.mark.slow
def test_a_server_ends_while_it_learns(root, tmp_path):
    """Learning takes minutes in a thread, which Python would wait for: the server does not."""
    page = tmp_path / "page.py"
    page.write_text(PAGE)
    with serving(tmp_path, page, HANDOFF_REGISTRY=str(root / "agents.csv")) as (server, where):
        visitor = f"{where.replace('http', 'ws')}/_stcore/stream"
        with connect(visitor, subprotocols=["streamlit"], close_timeout=0.1) as line:
            look = BackMsg()
            look.rerun_script.query_string = ""
            line.send(look.SerializeToString())
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not (tmp_path / "began").exists():
                assert time.monotonic() < deadline, "the page did not begin to learn"
                time.sleep(0.05)
            server.send_signal(signal.SIGTERM)

            assert server.wait(PATIENCE_SECONDS) == 0
