"""One browser and, where nothing is written, one server; each check gets a page of its own."""

import contextlib
import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from seen import settle

from tests.handoff_server import serving

CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first draws the same pages in three quarters of the time."""
# Without a graphics card, and nothing moves that a check would wait for.
FLAGS = [
    "--disable-gpu-rasterization",
    "--disable-software-rasterizer",
    "--disable-extensions",
    "--force-prefers-reduced-motion",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Opened at a page's own address, Streamlit asks for these below it before it asks above.
ASKED_FIRST = re.compile(r"/(tune|agents|check)/_stcore/(health|host-config)$")
PATIENCE_MS = 120_000
"""On two busy cores a page may take its time; what is there at once is not waited for."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def browser():
    """Start the Chromium that is installed; fail in CI and skip elsewhere where there is none."""
    with sync_playwright() as playwright:
        named = (shutil.which(name) for name in CHROMIUMS)
        path = next(filter(None, named), playwright.chromium.executable_path)
        if not Path(path).exists():
            reason = "no Chromium was found: install one (Debian: apt install chromium)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        # One context: the page's scripts are fetched once.
        context = chromium.new_context()
        context.set_default_timeout(PATIENCE_MS)
        yield context
        chromium.close()


@pytest.fixture(scope="package")
def served(root, tmp_path_factory):
    """Return the folder that all checks share which write no file but the log of verdicts."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("agents.csv", "cases.csv"):
        shutil.copy(root / name, folder)
    return folder


@pytest.fixture(scope="package")
def address(served):
    """Serve the project's own registry and cases."""
    with serving(served) as (_, where):
        yield where


@pytest.fixture
def folder(root, tmp_path):
    """Return a folder with the project's own agents and cases, to be served and written to."""
    for name in ("agents.csv", "cases.csv"):
        shutil.copy(root / name, tmp_path)
    return tmp_path


@pytest.fixture
def start():
    """Return a function that serves a folder until the check ends: its process and address."""
    with contextlib.ExitStack() as servers:
        yield lambda folder, **variables: servers.enter_context(serving(folder, **variables))


@pytest.fixture
def serve(start):
    """Return a function that serves a folder until the check ends: its address."""
    return lambda folder, **variables: start(folder, **variables)[1]


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    """Return a colour scheme."""
    return request.param


@pytest.fixture
def visit(browser, start):  # noqa: ARG001 - pages close before the servers that they show
    """Return a function that opens an address; strange requests and console errors fail."""
    pages = []
    troubles = []
    # Each check is a visitor of its own.
    browser.clear_cookies()

    def open_page(address, width=1280, scheme="light"):
        page = browser.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.on("request", lambda request: note_foreign(request.url))
        page.on("console", note_error)
        page.goto(address)
        settle(page)
        return page

    def note_foreign(url):
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            troubles.append(f"request to {url}")

    def note_error(said):
        if said.type == "error" and not ASKED_FIRST.search(said.location["url"]):
            troubles.append(f"console: {said.text}")

    yield open_page
    for page in pages:
        page.close()
    assert troubles == []
