"""One server and one browser for all browser checks; each check gets a page of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# On two busy cores a page may take its time; what is there at once is not waited for.
expect.set_options(timeout=20_000)
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextlib.contextmanager
def serving(folder, **variables):
    """Run `handoff ui` in a folder; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("handoff"), "ui", "--port", str(port)]
    environment = os.environ | {"STREAMLIT_SERVER_HEADLESS": "true"} | variables
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_healthy(address, server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_healthy(address, server, log):
    """Wait for the body `ok`; an unknown path would answer 200 as well."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health").read() == b"ok":  # noqa: S310
                return
        time.sleep(0.05)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="package")
def browser():
    """Start the Chromium that is installed; fail in CI and skip elsewhere where there is none."""
    with sync_playwright() as playwright:
        named = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
        path = next(filter(None, named), playwright.chromium.executable_path)
        if not Path(path).exists():
            reason = "no Chromium was found: install one (Debian: apt install chromium)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        # One context: the page's scripts are fetched once.
        yield chromium.new_context()
        chromium.close()


@pytest.fixture(scope="package")
def address(root, tmp_path_factory):
    """Serve the project's own registry and cases."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("agents.csv", "cases.csv"):
        shutil.copy(root / name, folder)
    variables = {f"HANDOFF_{name.upper()}_DIR": str(folder / name) for name in ("cache", "state")}
    with serving(folder, **variables) as served:
        yield served


@pytest.fixture
def serve():
    """Return a function that serves a folder until the check ends."""
    with contextlib.ExitStack() as servers:
        yield lambda folder, **variables: servers.enter_context(
            serving(folder, HANDOFF_CACHE_DIR=str(folder / "cache"), **variables)
        )


@pytest.fixture(
    params=[(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")],
    ids=["wide light", "narrow light", "wide dark", "narrow dark"],
)
def view(request):
    """Return a width in pixels and a colour scheme."""
    return request.param


@pytest.fixture
def visit(browser):
    """Return a function that opens an address; strange requests and console errors fail."""
    pages = []
    troubles = []

    def open_page(address, width=1280, scheme="light"):
        page = browser.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.on("request", lambda request: note_foreign(request.url))
        page.on("console", note_error)
        page.goto(address)
        page.locator(SETTLED).wait_for()
        return page

    def note_foreign(url):
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            troubles.append(f"request to {url}")

    def note_error(said):
        if said.type == "error":
            troubles.append(f"console: {said.text}")

    yield open_page
    for page in pages:
        page.close()
    assert troubles == []
