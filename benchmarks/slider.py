"""From a key on the threshold slider to the new verdict on the screen, in a real browser.

    python benchmarks/slider.py [--json]

Medians of 20 moves in milliseconds: an otherwise empty page with the same slider, the page over ten
agents and, where the public sets are (`HANDOFF_DATA`), over 4,076; one browser, one run.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import urllib.parse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.handoff_server import serving

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HANDOFF_DATA", ROOT.parent / "shared" / "data"))
MOVES = 20
START = 0.30
QUERY = "Analyze sales data and create a dashboard"
EMPTY_PAGE = """
import streamlit as st
value = st.slider("Threshold", 0.0, 1.0, 0.23, 0.01, key="t", bind="query-params")
st.success(f"threshold {value:.2f}")
"""
WATCH = """
text => new Promise(done => {
  let pressed = 0
  const look = () => {
    const shown = [...document.querySelectorAll('[data-testid=stAlert]')]
    if (pressed && shown.some(e => e.innerText.includes(text))) {
      watcher.disconnect()
      done(performance.now() - pressed)
    }
  }
  const watcher = new MutationObserver(look)
  watcher.observe(document.body, {subtree: true, childList: true, characterData: true})
  addEventListener('keydown', () => { pressed = performance.now() }, {once: true, capture: true})
  window.watching = text
})
"""


def median_ms(page: Page, address: str) -> float:
    """Return the median over the moves of one page."""
    query = urllib.parse.quote(QUERY)
    page.goto(f"{address}/?t={START:.2f}&q={query}")
    page.locator("[data-testid=stAlert]").first.wait_for()
    page.wait_for_timeout(2_000)
    slider = page.get_by_role("slider", name="Threshold")
    slider.focus()
    times = []
    for move in range(1, MOVES + 1):
        text = f"threshold {START + move / 100:.2f}"
        page.evaluate(f"window.moved = ({WATCH})({json.dumps(text)}); 0")
        slider.press("ArrowRight")
        times.append(page.evaluate("window.moved"))
        page.wait_for_timeout(300)
    return float(statistics.median(times))


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    registries = {"10": ROOT, "4076": DATA / "sealtools"}
    results = {}
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        empty = Path(made) / "empty"
        empty.mkdir()
        (empty / "page.py").write_text(EMPTY_PAGE)
        with serving(empty, empty / "page.py") as (_, address):
            results["empty"] = median_ms(page, address)
        for size, source in registries.items():
            if (source / "agents.csv").exists():
                folder = Path(made) / size
                folder.mkdir()
                shutil.copy(source / "agents.csv", folder)
                with serving(folder) as (_, address):
                    results[size] = median_ms(page, address)
        browser.close()
    if as_json:
        print(json.dumps({"slider_to_verdict_ms": results}))
        return
    for name, ms in results.items():
        what = "empty page" if name == "empty" else f"page, {int(name):,} agents"
        print(f"{what:20}{ms:8.1f} ms{ms - results['empty']:+8.1f} ms")


if __name__ == "__main__":
    main()
