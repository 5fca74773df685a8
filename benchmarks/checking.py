"""From a key on the page Check by hand to the next query on the screen, in a real browser.

    python benchmarks/checking.py [--json]

Medians of 20 verdicts in milliseconds, each of them on the disk before the next query shows: over
ten agents with a log that is empty, and with one that holds 10,000 verdicts.
"""

import argparse
import dataclasses
import json
import shutil
import statistics
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from handoff.core.model import Outcome, Policy, ThresholdSource
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import Verdict, VerdictKind
from tests.handoff_server import serving

ROOT = Path(__file__).resolve().parents[1]
VERDICTS = 20
EARLIER = 10_000
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
WATCH = """
() => new Promise(done => {
  const shown = () => document.querySelector('h3')?.innerText
  const before = shown()
  let pressed = 0
  const look = () => {
    if (pressed && shown() && shown() !== before) {
      watcher.disconnect()
      done(performance.now() - pressed)
    }
  }
  const watcher = new MutationObserver(look)
  watcher.observe(document.body, {subtree: true, childList: true, characterData: true})
  addEventListener('keydown', () => { pressed = performance.now() }, {once: true, capture: true})
})
"""


def fill(folder: Path, number: int) -> None:
    """Put earlier verdicts into the log, by somebody else."""
    now = datetime.now(UTC)
    one = Verdict(
        id="",
        query="",
        outcome=Outcome.SELECTED,
        agent="data-analyst",
        scores=(("data-analyst", 0.6), ("data-pipeline", 0.3)),
        threshold=0.23,
        policy=Policy(0.23, ThresholdSource.EMBEDDER),
        fingerprint="0" * 64,
        embedder="earlier",
        who="Earlier",
        when=now,
        what=VerdictKind.RIGHT,
    )
    VerdictLog(folder).append(
        [
            dataclasses.replace(one, id=uuid.uuid4().hex, query=f"an earlier query {row}")
            for row in range(number)
        ]
    )


def median_ms(page: Page, address: str) -> float:
    """Return the median from a key to the next query."""
    page.goto(f"{address}/check")
    page.get_by_role("textbox", name="Your name").fill("Benchmark")
    page.get_by_role("textbox", name="Your name").press("Enter")
    page.get_by_role("button", name="Right").wait_for()
    page.locator(SETTLED).wait_for()
    page.get_by_role("textbox", name="Your name").press("Tab")
    times = []
    for _ in range(VERDICTS):
        page.wait_for_timeout(400)
        # A key belongs to the route that was seen; one pressed while the next is drawn is lost.
        page.locator(SETTLED).wait_for()
        page.evaluate(f"window.judged = ({WATCH})(); 0")
        page.keyboard.press("y")
        times.append(page.evaluate("window.judged"))
    return float(statistics.median(times))


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    results = {}
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or playwright.chromium.executable_path
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for earlier in (0, EARLIER):
            folder = Path(made) / str(earlier)
            folder.mkdir()
            for name in ("agents.csv", "cases.csv"):
                shutil.copy(ROOT / name, folder)
            fill(folder / "state", earlier)
            with serving(folder) as (_, address):
                results[str(earlier)] = median_ms(page, address)
        browser.close()
    if as_json:
        print(json.dumps({"key_to_next_query_ms": results}))
        return
    for number, ms in results.items():
        print(f"{int(number):>7,} verdicts before {ms:8.1f} ms")


if __name__ == "__main__":
    main()
