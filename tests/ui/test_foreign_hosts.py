"""Under which names the page answers: a website whose name leads to this machine is not one."""

import socket
import urllib.request
from urllib.parse import urlsplit

import pytest
from handoff_server import serving

FOREIGN, CONFIGURED = "evil.example", "workbench.example"
OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
MAY, MAY_NOT = 101, 403


@pytest.fixture(scope="module")
def by_default(root, tmp_path_factory):
    """Serve as `handoff ui` does, in a folder without any setting; return the port."""
    folder = tmp_path_factory.mktemp("by-default")
    with serving(folder, HANDOFF_REGISTRY=str(root / "agents.csv")) as (_, where):
        yield urlsplit(where).port


@pytest.fixture(scope="module")
def configured(root, tmp_path_factory):
    """Serve as `streamlit run app.py` does, from elsewhere, under a name that is set."""
    names = {"STREAMLIT_SERVER_ALLOWED_HOSTS": f"localhost {CONFIGURED}"}
    registry = {"HANDOFF_REGISTRY": str(root / "agents.csv")}
    folder = tmp_path_factory.mktemp("configured")
    with serving(folder, root / "app.py", **names, **registry) as (_, where):
        yield urlsplit(where).port


def handshake(port, host, origin):
    """Ask for the page's websocket as a browser does; return the status."""
    asked = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(asked.encode())
        return int(line.recv(4_096).split(b" ", 2)[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [FOREIGN, "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_website_whose_name_leads_here_is_refused(by_default, name):
    """DNS rebinding: Host and Origin agree with one another, and neither is this machine's."""
    host = f"{name}:{by_default}"

    assert handshake(by_default, host, f"http://{host}") == MAY_NOT


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_NAMES)
@pytest.mark.parametrize("with_port", [True, False])
def test_this_machines_own_names_are_let_in(by_default, name, with_port):
    """Whoever opens the page where it runs sees it, with and without the port in the name."""
    host = f"{name}:{by_default}" if with_port else name

    assert handshake(by_default, host, f"http://{host}") == MAY


@pytest.mark.slow
def test_a_website_that_names_this_machine_is_refused(by_default):
    """A page from elsewhere whose script connects to the true address."""
    assert handshake(by_default, f"127.0.0.1:{by_default}", f"http://{FOREIGN}") == MAY_NOT


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status"), [(CONFIGURED, MAY), ("localhost", MAY), (FOREIGN, MAY_NOT)]
)
def test_a_setting_names_the_hosts(configured, name, status):
    """Behind a proxy the page answers under the names that were set, and under no others."""
    assert handshake(configured, name, f"https://{name}") == status


@pytest.mark.slow
def test_plain_http_tells_a_foreign_name_nothing(by_default, root):
    """All that a page shows comes over the websocket: what HTTP answers holds no agent."""
    told = b""
    for path in ("/", "/agents", "/_stcore/health", "/_stcore/metrics", "/_stcore/host-config"):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{by_default}{path}",
            headers={"Host": FOREIGN, "Origin": f"http://{FOREIGN}"},
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - loopback
            told += answer.read()
            assert answer.headers["Access-Control-Allow-Origin"] is None

    first_agent = (root / "agents.csv").read_text().splitlines()[1].split(",")[1]
    assert first_agent.encode() not in told
