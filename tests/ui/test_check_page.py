"""The screen Check by hand, driven without a browser.

One file: each check is a turn on the same queue with the same log.
"""

from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import streamlit as st
from app_pages import CHECK
from streamlit.testing.v1 import AppTest
from verdict_samples import given

from handoff.core.errors import ProviderUnavailableError
from handoff.files import visits
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.report.markdown import plain
from handoff.router import Router
from handoff.ui import visit as visit_module
from handoff.ui.check import ahead, queue, turn
from handoff.ui.check.ahead import AHEAD
from handoff.ui.uploads import uploader_key
from handoff.verdicts.conclusions import standing
from handoff.verdicts.log import LOG_NAME, VerdictLog
from handoff.verdicts.record import VerdictsError

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
smith,Smith,iron and horseshoes,iron
"""
CASES = """\
query,expected,chip
bread from the oven please,baker,Bread
roses and flowers,florist,
iron horseshoes,smith,
"quantum gravity, roughly",,Off topic
"""


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return REGISTRY


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture(autouse=True)
def log(folder, monkeypatch):
    """Keep verdicts beside the registry."""
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(folder / "state"))


@pytest.fixture
def visit(root, folder):  # noqa: ARG001 - the page reads it
    """Return a function that opens the screen, under a name unless told otherwise."""

    def open_page(who="Ada", **link):
        page = AppTest.from_file(str(root / "app.py"), default_timeout=30)
        for name, value in link.items():
            page.query_params[name] = value
        page.run()
        page.switch_page(CHECK).run()
        if who:
            page.text_input(key="check_who").set_value(who).run()
        assert not page.exception
        return page

    return open_page


def press(page, label):
    """Click the button with a label."""
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception


def labels(page):
    """Return the labels of the buttons that can be pressed."""
    return [button.label for button in page.button if not button.disabled]


def query(page):
    """Return the query that is judged now; None where there is none."""
    shown = [heading.value for heading in page.subheader if heading.value in map(plain, QUERIES)]
    return shown[0] if shown else None


def kept(folder):
    """Return what stands in the log."""
    with closing(VerdictLog(folder / "state")) as log:
        return log.read()[0]


def words(page):
    """Return every sentence that stands out on the page."""
    kinds = (page.error, page.warning, page.success, page.info, page.caption)
    return " ".join(element.value for kind in kinds for element in kind)


QUERIES = [line.rsplit(",", 2)[0].strip('"') for line in CASES.splitlines()[1:]]


def test_a_name_comes_first(visit, folder):
    """Nobody judges without saying who they are, and the route is shown already."""
    page = visit(who="")

    assert query(page) == plain(QUERIES[0])
    assert "Right" not in labels(page)
    assert "Type your name above" in words(page)
    assert list(page.get("progress")) == []
    assert kept(folder) == []


def test_a_route_is_judged_and_the_next_one_comes(visit, folder):
    """The log holds what was shown."""
    page = visit()
    press(page, "Right")

    (verdict,) = kept(folder)

    assert (verdict.query, verdict.agent, verdict.what) == (QUERIES[0], "baker", "right")
    assert (verdict.who, verdict.threshold) == ("Ada", 0.3)
    assert verdict.fingerprint == load_registry(folder / "agents.csv").fingerprint
    assert query(page) == plain(QUERIES[1])


@pytest.mark.parametrize(("label", "what"), [("Unsure", "unsure"), ("Skip", "skip")])
def test_nobody_has_to_decide(visit, folder, label, what):
    """Unsure and skip are verdicts that settle nothing."""
    page = visit()
    press(page, label)

    assert [verdict.what for verdict in kept(folder)] == [what]
    assert query(page) == plain(QUERIES[1])


def test_what_is_put_off_comes_back_at_the_end(visit):
    """Skip says not now: the query is counted apart and returns, as often as it is skipped."""
    page = visit()
    for label in ("Skip", "Unsure", "Right", "Right"):
        press(page, label)
    told, first = page.get("progress")[0].proto.text, query(page)
    press(page, "Skip")
    then = query(page)
    press(page, "Right")
    press(page, "Right")

    assert told.startswith("2 of 4 judged, 1 skipped, 1 unsure")
    assert (first, then) == (plain(QUERIES[0]), plain(QUERIES[1]))
    assert "All 4 queries are judged." in words(page)


@pytest.mark.parametrize(("label", "expected"), [("Florist", "florist"), ("Nobody", None)])
def test_wrong_asks_who_should_have_had_it(visit, folder, label, expected):
    """Another agent, or nobody; whoever got it is not offered."""
    page = visit()
    press(page, "Wrong")
    asked = labels(page)
    press(page, label)

    assert "Baker" not in asked
    (verdict,) = kept(folder)
    assert (verdict.what, verdict.expected) == ("wrong", expected)


def test_back_keeps_nothing(visit, folder):
    """Whoever pressed Wrong by mistake judges the same route again."""
    page = visit()
    press(page, "Wrong")
    press(page, "Back")

    assert query(page) == plain(QUERIES[0])
    assert "Right" in labels(page)
    assert kept(folder) == []


def test_a_route_to_nobody_offers_the_best(visit, folder):
    """Where nobody got it, the best agent may be who should have, and nobody is no answer."""
    page = visit()
    for _ in range(3):
        press(page, "Skip")
    press(page, "Wrong")
    asked = labels(page)
    press(page, "Smith")

    assert "Nobody" not in asked
    assert (kept(folder)[-1].agent, kept(folder)[-1].expected) == (None, "smith")


def test_somebody_who_has_no_key_can_be_chosen(visit, folder):
    """The list holds every agent but the one who got it."""
    more = "".join(f"a{at},Agent {at},work number {at},\n" for at in range(5))
    (folder / "agents.csv").write_text(REGISTRY + more)
    page = visit()
    press(page, "Wrong")
    box = next(each for each in page.selectbox if each.label == "Somebody else")
    assert not any("Baker" in each for each in box.options)
    box.set_value("smith").run()

    assert kept(folder)[-1].expected == "smith"
    assert query(page) == plain(QUERIES[1])


def test_a_note_goes_with_the_next_verdict(visit, folder):
    """What looks like a formula is a note like any other, and no note is there for the next."""
    page = visit()
    press(page, "Note")
    box = next(each for each in page.text_input if each.label == "Note")
    box.set_value("=HYPERLINK(0)  twice")
    press(page, "Keep it")
    shown = words(page)
    press(page, "Right")
    press(page, "Right")

    assert plain("Note: =HYPERLINK(0) twice") in shown
    assert [verdict.note for verdict in kept(folder)] == ["=HYPERLINK(0) twice", ""]


def test_a_note_can_be_left(visit, folder):
    """Back drops what was typed, and keeps a note that was there before."""
    page = visit()
    for text, end in (("first", "Keep it"), ("second", "Back")):
        press(page, "Note")
        next(each for each in page.text_input if each.label == "Note").set_value(text)
        press(page, end)
    press(page, "Right")

    assert [verdict.note for verdict in kept(folder)] == ["first"]


def test_undo_is_an_entry_and_brings_the_query_back(visit, folder):
    """The verdict stays in the log, taken back."""
    page = visit()
    press(page, "Right")
    press(page, "Right")
    press(page, "Undo")

    assert query(page) == plain(QUERIES[1])
    assert len(kept(folder)) == 3
    assert kept(folder)[-1].undoes == kept(folder)[1].id
    assert "1 of 4 judged" in page.get("progress")[0].proto.text


class Clock(datetime):
    """A clock that an administrator, or a battery, puts back an hour with every look."""

    looks = 0

    @classmethod
    def now(cls, tz=None):
        """Return an earlier time than the last."""
        cls.looks += 1
        return datetime(2026, 1, 31, 12, tzinfo=tz) - timedelta(hours=cls.looks)


def test_undo_takes_the_last_verdict_back_though_the_clock_went_back(visit, folder, monkeypatch):
    """Not the one with the latest time of the clock; and the last word on a query is the last."""
    monkeypatch.setattr(turn, "datetime", Clock)
    page = visit()
    press(page, "Right")
    press(page, "Right")
    press(page, "Right")
    press(page, "Undo")
    entries = kept(folder)

    assert query(page) == plain(QUERIES[2])
    assert entries[-1].undoes == entries[2].id
    assert [one.query for one in standing(entries)] == QUERIES[:2]


def test_what_was_judged_stays_judged(visit, folder):
    """Another visit goes on where this one ended; under another name it begins anew."""
    press(visit(), "Right")

    assert query(visit()) == plain(QUERIES[1])
    assert query(visit(who="Bob")) == plain(QUERIES[0])
    assert len(kept(folder)) == 1


def test_the_last_of_the_queue_can_be_taken_back(visit):
    """The end is told, and is no dead end."""
    page = visit()
    for _ in range(4):
        press(page, "Right")
    told = words(page)
    press(page, "Undo")

    assert "All 4 queries are judged." in told
    assert query(page) == plain(QUERIES[3])


def test_a_registry_that_changes_meanwhile_is_told(visit, folder):
    """The verdict keeps the registry that was shown; the next is made on the new one."""
    page = visit()
    before = load_registry(folder / "agents.csv").fingerprint
    press(page, "Right")
    (folder / "agents.csv").write_text(REGISTRY.replace("horseshoes", "horseshoes and nails"))
    press(page, "Right")
    told = words(page)
    press(page, "Right")
    press(page, "Go on")

    assert "The registry changed while you were judging." in told
    assert [verdict.fingerprint == before for verdict in kept(folder)] == [True, True, False]
    assert "The registry has changed" not in words(page)


def test_after_a_change_all_may_be_asked_again(visit, folder):
    """With the switch, what was judged on another registry comes again."""
    press(visit(), "Right")
    (folder / "agents.csv").write_text(REGISTRY.replace("horseshoes", "horseshoes and nails"))

    assert query(visit()) == plain(QUERIES[1])
    assert query(visit(again="true")) == plain(QUERIES[0])


def test_a_verdict_that_cannot_be_kept_is_told(visit, folder, monkeypatch):
    """The same query stays, with its note; the next try counts."""
    page = visit()
    real = VerdictLog.append

    def fail(*_):
        raise VerdictsError("The disk is full: free some space.")

    monkeypatch.setattr(VerdictLog, "append", fail)
    press(page, "Right")
    told = words(page)
    monkeypatch.setattr(VerdictLog, "append", real)

    assert "The disk is full" in told
    assert query(page) == plain(QUERIES[0])
    press(page, "Right")
    assert len(kept(folder)) == 1


def test_a_newer_log_is_one_sentence(folder, visit):
    """Nothing is judged that could not be kept."""
    with closing(VerdictLog(folder / "state")) as log:
        log.append([given()])
        log.close()
        path = folder / "state" / LOG_NAME
        raw = bytearray(path.read_bytes())
        # The version of a database stands at byte 60.
        raw[60:64] = (7).to_bytes(4, "big")
        path.write_bytes(raw)

    page = visit(who="")

    assert [error.value for error in page.error] != []
    assert "update handoff" in words(page)
    assert "Right" not in labels(page)


def test_a_damaged_log_is_told_and_begun_anew(folder, visit):
    """Its new name stands on the page, and judging goes on."""
    (folder / "state").mkdir()
    (folder / "state" / LOG_NAME).write_text("no database" * 100)

    page = visit()
    press(page, "Right")

    assert "The verdict log was damaged" in words(page)
    assert plain("verdicts.damaged-") in words(page)
    assert len(kept(folder)) == 1


def test_pasted_lines_are_a_queue(visit, folder):
    """Each once, and what cannot be routed is counted."""
    page = visit(queue="Pasted lines")
    page.text_area(key="check_pasted").set_value(f"roses\n\nroses\nbread\n{'x' * 4001}\n")
    press(page, "Use these")
    press(page, "Right")
    press(page, "Right")

    assert [verdict.query for verdict in kept(folder)] == ["roses", "bread"]
    assert "1 lines hold no query" in words(page)


def test_a_reload_keeps_name_and_lines(visit, monkeypatch):
    """Whoever comes back in the same browser goes on; another visitor sees nothing of theirs."""
    monkeypatch.setattr(visit_module, "browser", lambda: "ada")
    page = visit(queue="Pasted lines")
    page.text_area(key="check_pasted").set_value("roses\nbread")
    press(page, "Use these")
    press(page, "Right")
    st.cache_resource.clear()
    back = visit(who="", queue="Pasted lines")
    monkeypatch.setattr(visit_module, "browser", lambda: "bob")
    other = visit(who="", queue="Pasted lines")

    assert back.text_input(key="check_who").value == "Ada"
    assert back.text_area(key="check_pasted").value == "roses\nbread"
    assert back.get("progress")[0].proto.text.startswith("1 of 2 judged")
    assert other.text_input(key="check_who").value == ""
    assert "There is nothing to judge yet" in words(other)


def test_lines_that_cannot_be_kept_are_used_and_told(visit, monkeypatch):
    """What does not outlive a reload says so; the queue is judged all the same."""
    monkeypatch.setattr(visits, "LONGEST_VISIT", 40)
    page = visit(queue="Pasted lines")
    page.text_area(key="check_pasted").set_value("roses\n" + "bread " * 20)
    press(page, "Use these")

    assert "too long to outlive a reload" in words(page)
    assert "Right" in labels(page)


def test_an_uploaded_file_is_a_queue(visit, folder):
    """CSV or lines; a file of another shape gets a sentence."""
    page = visit(queue="A file")
    page.file_uploader(key=uploader_key("queue")).upload(
        "q.csv", b"question\nroses\n", "text/csv"
    ).run()
    told = words(page)
    page.file_uploader(key=uploader_key("queue")).upload(
        "q.txt", b"bread\nroses\n", "text/plain"
    ).run()
    press(page, "Right")

    assert plain("q.csv, line 1, column 1 (question)") in told
    assert plain("In use: q.csv.") not in told
    assert [verdict.query for verdict in kept(folder)] == ["bread"]


def test_what_the_visit_routed_is_a_queue(visit, folder):
    """Explore's first example was routed on the way here."""
    page = visit(queue="Routed in this session")
    press(page, "Right")

    assert [verdict.query for verdict in kept(folder)] == [QUERIES[0]]


def test_an_empty_queue_says_what_to_do(visit):
    """No file yet is no error."""
    page = visit(queue="A file")

    assert "There is nothing to judge yet" in words(page)


def test_the_most_informative_comes_first(visit):
    """At a threshold that a query just reaches, that query is first."""
    page = visit(order="Most informative first")
    page.slider(key="t").set_value(0.0).run()

    assert query(page) == plain(QUERIES[3])


def test_the_order_by_agent_ends_with_nobody(visit):
    """The registry's first agent comes first, what nobody gets last."""
    page = visit(order="By agent")
    seen = []
    while query(page) is not None:
        seen.append(query(page))
        press(page, "Right")

    assert seen == [plain(each) for each in QUERIES]


def test_a_long_queue_is_not_routed_up_front(visit, folder, monkeypatch):
    """Fifty thousand lines cost what the first few cost."""
    asked = []
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        asked.extend(queries)
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    lines = "\n".join(f"roses number {at}" for at in range(50_000))
    page = visit(queue="A file")
    asked.clear()
    page.file_uploader(key=uploader_key("queue")).upload(
        "q.txt", lines.encode(), "text/plain"
    ).run()
    press(page, "Right")

    assert len(asked) <= 3 * AHEAD
    assert "1 of 50,000 judged" in page.get("progress")[0].proto.text
    assert kept(folder)[0].query == "roses number 0"


def test_a_long_queue_is_ordered_in_parts(visit, monkeypatch):
    """The first part is in order at once, the rest when it is asked for."""
    monkeypatch.setattr(queue, "LOOKED_AT", 100)
    lines = "\n".join([*(f"roses number {at}" for at in range(150)), "iron horseshoes"])
    page = visit(queue="A file", order="By agent")
    page.file_uploader(key=uploader_key("queue")).upload(
        "q.txt", lines.encode(), "text/plain"
    ).run()
    told = words(page)
    press(page, "Look at the rest")

    assert "The first 100 are in order" in told
    assert "are in order" not in words(page)


def test_a_query_that_cannot_be_gathered_can_be_passed(visit, monkeypatch):
    """Its reason is told when its turn comes, and the next one follows."""
    real = Router.gather_many

    async def fail_on_bread(self, queries, trace):
        if any("bread" in each for each in queries):
            raise ProviderUnavailableError("No answer: try again later.")
        return await real(self, queries, trace)

    monkeypatch.setattr(ahead, "AHEAD", 1)
    page = visit(who="")
    monkeypatch.setattr(Router, "gather_many", fail_on_bread)
    page.session_state["check_gathered"] = {}
    page.text_input(key="check_who").set_value("Ada").run()
    told = words(page)
    press(page, "Next query")

    assert "No answer" in told
    assert query(page) == plain(QUERIES[1])


def test_judged_queries_become_cases(visit, folder):
    """New ones are added at the end, contradictions are told, and the rest stays as it was."""
    (folder / "cases.csv").write_text(CASES.replace("roses and flowers,florist", "roses,smith"))
    page = visit(queue="Pasted lines")
    page.text_area(key="check_pasted").set_value("roses\nflowers and roses\niron horseshoes")
    press(page, "Use these")
    for _ in range(3):
        press(page, "Right")
    before = (folder / "cases.csv").read_text()
    press(page, "Add to the cases")

    assert (folder / "cases.csv").read_text() == f"{before}flowers and roses,florist,\n"
    assert plain("1 query added to cases.csv; 1 were there already.") in words(page)
    assert plain("line 3 says Smith, Ada says Florist.") in words(page)


def test_the_first_case_makes_the_file(visit, folder):
    """Where there is no cases.csv it comes to stand beside the registry."""
    (folder / "cases.csv").unlink()
    page = visit(queue="Pasted lines")
    page.text_area(key="check_pasted").set_value("roses")
    press(page, "Use these")
    press(page, "Right")
    press(page, "Add to the cases")

    cases = load_cases(folder / "cases.csv", load_registry(folder / "agents.csv")).cases

    assert [(case.query, case.expected) for case in cases] == [("roses", "florist")]


def test_a_file_of_cases_that_is_broken_is_left_alone(visit, folder):
    """The sentence names the place; the verdicts are in the log."""
    page = visit()
    press(page, "Right")
    (folder / "cases.csv").write_text('query,expected\n"open')
    press(page, "Add to the cases")

    assert (folder / "cases.csv").read_text() == 'query,expected\n"open'
    assert plain("cases.csv, line 2") in words(page)
    assert len(kept(folder)) == 1


def test_regressions_are_listed(visit):
    """A route that was called right and ends elsewhere now is told, with where it goes."""
    page = visit()
    press(page, "Right")
    page.session_state["review_since"] = True
    page.run()
    before = words(page)
    page.slider(key="t").set_value(0.99).run()

    assert "still ends the same" in before
    assert "1 of 1 route" in words(page)


def test_the_verdicts_are_listed(visit):
    """The newest first; no cell is a formula."""
    page = visit()
    press(page, "Note")
    next(each for each in page.text_input if each.label == "Note").set_value("=1+1")
    press(page, "Keep it")
    press(page, "Right")
    page.session_state["review_past"] = True
    page.run()

    (row,) = page.dataframe[0].value.to_dict("records")

    assert (row["went to"], row["verdict"], row["note"]) == ("Baker", "right", "'=1+1")


def test_a_second_press_on_the_same_route_does_nothing(visit, folder):
    """What is pressed belongs to the route that was seen, not to the one that comes."""
    page = visit()
    right = next(button for button in page.button if button.label == "Right")
    press(page, "Right")
    right.click().run()

    assert [verdict.query for verdict in kept(folder)] == QUERIES[:1]
    assert query(page) == plain(QUERIES[1])


def test_a_long_visit_takes_no_new_keys(visit, folder):
    """Of every key that a session ever had Streamlit keeps its button's route: they come again."""
    rows = "".join(f"bread number {at},baker,\n" for at in range(40))
    (folder / "cases.csv").write_text(f"query,expected,chip\n{rows}")
    page = visit()
    keys = []

    for _ in range(33):
        keys.append({button.key for button in page.button if button.key})
        press(page, "Right")

    assert set().union(*keys[:16]) == set().union(*keys)
    assert all(one.isdisjoint(other) for one, other in pairwise(keys))
    assert len(kept(folder)) == 33
