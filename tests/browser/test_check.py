"""Checking by hand in a real browser: by keyboard, through a killed server, into the tests."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect
from seen import hurdles, settle

from handoff.verdicts.log import VerdictLog

COMMAND = Path(sys.executable).with_name("handoff")
# What is pressed for twenty queries; a digit says who should have had the query.
KEYS = ["y", "y", "w1", "u", "s", "w0", "y", "y", "y", "w2"] * 2
NEW = [
    "turn the quarterly numbers into one chart",
    "why does the login form reject my password",
    "which planet has the most moons",
]


@pytest.fixture
def check(visit, address, request):
    """Return a function that opens the screen; on the shared log each check has its own name."""

    def open_screen(where=address, width=1280, scheme="light"):
        page = visit(f"{where}/check", width, scheme)
        type_name(page, request.node.name)
        return page

    return open_screen


def type_name(page, who):
    """Say who judges; Enter leaves the box, so that keys are keys again."""
    box = page.get_by_role("textbox", name="Your name")
    box.fill(who)
    box.press("Enter")
    expect(page.get_by_role("button", name="Right")).to_be_visible()
    settle(page)


def tab_to(page, name):
    """Press Tab until something has the focus; nobody who cannot use a mouse gets there else."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == name:
            return
    pytest.fail(f"Tab does not lead to {name}")


def judged(page, number, skipped=0, unsure=0):
    """Wait until so many are judged, and so many put off."""
    put_off = f", {skipped} skipped" * bool(skipped) + f", {unsure} unsure" * bool(unsure)
    said = re.compile(rf"^{number} of [\d,]+ judged{put_off}")
    expect(page.get_by_text(said)).to_be_visible()
    settle(page)


def ends(number):
    """Return how many of the first queries are settled, skipped and unsure."""
    pressed = [keys[0] for keys in KEYS[:number]]
    return number - pressed.count("s") - pressed.count("u"), pressed.count("s"), pressed.count("u")


def handoff(folder, state, *arguments):
    """Run a command in the folder; return what it printed."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=folder,
        env=os.environ | {"HANDOFF_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def entries(folder):
    """Return what stands in a folder's log."""
    return VerdictLog(folder).read()[0]


def test_twenty_verdicts_by_keyboard_survive_a_killed_server(browser, start, folder):
    """Killed with -9 and started again, all twenty are there, and whose; exported, they move."""
    state = folder / "state"
    server, where = start(folder)
    page = browser.new_page()
    page.goto(f"{where}/check")
    expect(page.get_by_text("Type your name above")).to_be_visible()
    tab_to(page, "Your name")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Right")).to_be_visible()

    shown = []
    for at, keys in enumerate(KEYS):
        judged(page, *ends(at))
        heading = page.get_by_role("heading", level=3).first
        shown.append(heading.inner_text())
        if at == 4:
            page.keyboard.press("n")
            expect(page.get_by_role("textbox", name="Note")).to_be_focused()
            page.keyboard.type("yes, why not")
            page.keyboard.press("Enter")
            expect(page.get_by_text("Note: yes, why not")).to_be_visible()
        page.keyboard.press(keys[0])
        if keys[1:]:
            expect(page.get_by_text("Who should have had it?")).to_be_visible()
            settle(page)
            page.keyboard.press(keys[1])
    judged(page, *ends(20))
    server.send_signal(signal.SIGKILL)
    server.wait()
    page.close()

    _, again = start(folder)
    page = browser.new_page()
    page.goto(f"{again}/check")
    expect(page.get_by_role("textbox", name="Your name")).to_have_value("Ada")
    judged(page, *ends(20))
    page.close()
    kept = entries(state)

    names = {"y": "right", "w": "wrong", "u": "unsure", "s": "skip"}
    assert [verdict.query for verdict in kept] == shown
    assert [verdict.what.value for verdict in kept] == [names[keys[0]] for keys in KEYS]
    assert [verdict.note for verdict in kept if verdict.note] == ["yes, why not"]
    for form in ([], ["--json"]):
        fresh = folder / f"fresh{len(form)}"
        exported = handoff(folder, state, "verdicts", "export", *form)
        (folder / "log").write_text(exported)
        handoff(folder, fresh, "verdicts", "import", "log")
        assert entries(fresh) == kept
        assert handoff(folder, fresh, "verdicts", "export", *form) == exported


def test_verdicts_become_cases_and_the_evaluation_changes(check, serve, folder):
    """Three new queries, judged and added: the next evaluation has three cases more."""
    before = json.loads(handoff(folder, folder, "eval", "cases.csv", "--json"))
    page = check(serve(folder))

    page.get_by_role("combobox", name="Queries").click()
    page.get_by_role("option", name="Pasted lines").click()
    page.get_by_role("textbox", name="One query per line").fill("\n".join(NEW))
    page.get_by_role("button", name="Use these").click()
    expect(page.get_by_role("heading", name=NEW[0])).to_be_visible()
    page.get_by_role("textbox", name="Your name").focus()
    page.keyboard.press("Tab")
    for number, query in enumerate(NEW):
        expect(page.get_by_role("heading", name=query)).to_be_visible()
        page.keyboard.press("y")
        if number < 2:
            judged(page, number + 1)
    expect(page.get_by_text("All 3 queries are judged.")).to_be_visible()
    page.get_by_role("button", name="Add to the cases").click()
    expect(page.get_by_text("3 queries added to cases.csv")).to_be_visible()
    after = json.loads(handoff(folder, folder, "eval", "cases.csv", "--json"))
    page.get_by_role("link", name="Tune").click()

    expect(page.get_by_text(f"of {before['cases'] + 3} cases end as labelled")).to_be_visible()
    assert after["cases"] == before["cases"] + 3
    assert after["accuracy"] > before["accuracy"]


def test_undo_brings_the_query_back(check):
    """One key takes back what one key too many did."""
    page = check()
    first = page.get_by_role("heading", level=3).first.inner_text()

    page.keyboard.press("y")
    judged(page, 1)
    page.keyboard.press("z")

    judged(page, 0)
    expect(page.get_by_role("heading", level=3).first).to_have_text(first)


def test_keys_in_a_note_are_letters(check, served, request):
    """Whoever writes judges nothing."""
    page = check()

    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    page.keyboard.type("yes sure why us z 123")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Note: yes sure why us z 123")).to_be_visible()
    page.keyboard.press("u")
    judged(page, 0, unsure=1)

    name = request.node.name
    (verdict,) = (each for each in entries(served / "state") if each.who == name)
    assert (verdict.what.value, verdict.note) == ("unsure", "yes sure why us z 123")


def test_keys_after_enter_judge(check, served, request):
    """Enter leaves the name: what is typed then is no part of it."""
    page = check()

    page.keyboard.press("y")
    judged(page, 1)

    (verdict,) = (each for each in entries(served / "state") if each.who == request.node.name)
    assert verdict.what.value == "right"


def test_a_held_key_judges_one_query(check, served, request):
    """What a key repeats while it is down is no verdict; let go and pressed again it is one."""
    page = check()

    page.keyboard.down("y")
    for number in range(4):
        judged(page, 1)
        # A key that is down already repeats.
        page.keyboard.down("y")
        page.wait_for_timeout(100 * number)
    page.keyboard.up("y")
    judged(page, 1)
    page.keyboard.press("y")
    judged(page, 2)

    kept = [each for each in entries(served / "state") if each.who == request.node.name]
    assert len(kept) == 2


def test_escape_leaves_a_note(check):
    """What was typed is dropped, and keys are verdicts again."""
    page = check()

    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    page.keyboard.type("never mind")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Right")).to_be_visible()
    settle(page)
    page.keyboard.press("y")

    judged(page, 1)
    expect(page.get_by_text("never mind")).to_have_count(0)


def test_the_route_comes_before_the_settings_on_a_phone(check):
    """At 390 pixels query, verdict and buttons come first, and nothing is wider than the screen."""
    page = check(width=390)
    button = page.get_by_role("button", name="Right").bounding_box()
    order = page.get_by_role("combobox", name="Order").bounding_box()

    assert button["y"] < order["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_screen_is_accessible(check, scheme):
    """Axe finds nothing while a route is judged, called wrong, noted, and when results are open."""
    page = check(scheme=scheme)
    page.keyboard.press("y")
    judged(page, 1)
    page.keyboard.press("w")
    expect(page.get_by_text("Who should have had it?")).to_be_visible()
    found = hurdles(page, "called wrong")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Right")).to_be_visible()
    settle(page)
    page.keyboard.press("n")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    found += hurdles(page, "noted")
    page.get_by_role("textbox", name="Note").press("Enter")
    page.get_by_text("Verdicts so far: ").click()
    page.get_by_text("Regressions since the last check").click()
    # Alone on the log it is one route, after other checks there are more.
    same = re.compile(r"(\d+ routes that were|The one route that was) called right still end")
    expect(page.get_by_text(same)).to_be_visible()
    page.get_by_role("button", name="Add to the cases").click()
    expect(
        page.get_by_text(re.compile(r"^0 queries added to cases\.csv; \d+ were"))
    ).to_be_visible()

    assert found + hurdles(page, "results") == []
