"""Verdicts from the command line: out, in, counted, and held against today's registry."""

import json
import sqlite3
from contextlib import closing

import pytest
from verdict_samples import given, refused, taken_back

from handoff.verdicts.log import LOG_NAME, VerdictLog
from handoff.verdicts.record import VerdictKind

AGENTS = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
"""
RIGHT = (given(0), given(1, query="roses and flowers", agent="florist"))


@pytest.fixture
def registry():
    """Return the text of agents.csv."""
    return AGENTS


@pytest.fixture(autouse=True)
def log(folder, monkeypatch):
    """Keep verdicts beside the registry."""
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(folder / "state"))


def keep(folder, *entries):
    """Put entries into a folder's log."""
    with closing(VerdictLog(folder / "state")) as log:
        log.append(entries)


def read(folder):
    """Return a folder's entries."""
    with closing(VerdictLog(folder / "state")) as log:
        return log.read()[0]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["csv", "json"])
def test_a_log_moves_to_another_folder(handoff, folder, monkeypatch, options):
    """An export, imported into a fresh folder, is the same log, and exports the same."""
    keep(folder, *RIGHT, refused(note="=HYPERLINK(0)"), taken_back(RIGHT[0]))
    before = read(folder)
    code, text, _ = handoff("verdicts", "export", *options)
    (folder / "log.out").write_text(text)
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(folder / "elsewhere" / "state"))

    imported = handoff("verdicts", "import", folder / "log.out")

    assert code == 0
    assert imported == (0, "4 new of 4 entries.\n", "")
    assert read(folder / "elsewhere") == before
    assert handoff("verdicts", "export", *options) == (0, text, "")


def test_importing_again_adds_nothing(handoff, folder):
    """Each entry is there once, however often its file comes."""
    keep(folder, *RIGHT)
    handoff("verdicts", "export", "--to", "log.csv")

    assert handoff("verdicts", "import", "log.csv") == (0, "0 new of 2 entries.\n", "")
    assert read(folder) == list(RIGHT)


def test_an_export_may_go_to_a_file(handoff, folder):
    """It says how many entries it wrote."""
    keep(folder, RIGHT[0])

    code, told, _ = handoff("verdicts", "export", "--json", "--to", "log.json")

    assert (code, told) == (0, "1 entry written to log.json.\n")
    assert len(json.loads((folder / "log.json").read_text())["entries"]) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "handoff: log.csv does not"),
        ("", "handoff: log.csv is empty"),
        ("id,what\n", "handoff: log.csv, line 1, column 3 (undoes): the header lacks"),
        ('{"schema": 1}', "handoff: log.csv holds no list of entries: export it again.\n"),
    ],
    ids=["no file", "empty", "another shape", "another JSON"],
)
def test_a_file_that_cannot_be_imported_is_one_sentence(handoff, folder, content, sentence):
    """The exit code is 2, and nothing was added."""
    if content is not None:
        (folder / "log.csv").write_text(content)

    code, out, err = handoff("verdicts", "import", "log.csv")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(sentence)
    assert read(folder) == []


def test_verdicts_are_counted(handoff, folder):
    """By what they say and by who gave them; what was taken back is told apart."""
    keep(folder, *RIGHT, given(2, who="Bob", what=VerdictKind.WRONG), taken_back(RIGHT[1]))

    code, told, _ = handoff("verdicts", "stats")
    counted = json.loads(handoff("verdicts", "stats", "--json")[1])

    assert code == 0
    assert told.splitlines() == [
        "2 verdicts on 1 query: right 1, wrong 1, unsure 0, skip 0.",
        "1 verdict taken back.",
        "  Ada: right 1, wrong 0, unsure 0, skip 0; last on 2026-01-31 12:00 UTC",
        "  Bob: right 0, wrong 1, unsure 0, skip 0; last on 2026-01-31 12:02 UTC",
        "Made on 1 registry; 0 routes last called right.",
    ]
    assert counted == {
        "entries": 4,
        "verdicts": 2,
        "right": 1,
        "wrong": 1,
        "unsure": 0,
        "skip": 0,
        "by": {"Ada": 1, "Bob": 1},
    }


def test_an_empty_log_says_where_verdicts_come_from(handoff):
    """No file is made by asking."""
    code, told, _ = handoff("verdicts", "stats")

    assert (code, told) == (0, "No verdicts yet: judge some on the page, under Check by hand.\n")


def test_no_regression_is_success(handoff, folder):
    """All that was called right still ends the same."""
    keep(folder, *RIGHT)

    code, told, _ = handoff("verdicts", "regressions")

    assert code == 0
    assert told.startswith("All 2 routes")


def test_a_changed_registry_is_found_out(handoff, folder):
    """Whatever goes elsewhere now is listed, and the exit code is 1."""
    keep(folder, *RIGHT)
    (folder / "agents.csv").write_text(AGENTS.replace("bread from the oven,bread;oven", "fish,sea"))

    code, told, _ = handoff("verdicts", "regressions")
    as_json = json.loads(handoff("verdicts", "regressions", "--json")[1])

    assert code == 1
    assert told.splitlines()[0].startswith("1 of 2 routes")
    assert told.splitlines()[1].startswith(
        "bread from the oven please: called right for baker by Ada, goes to nobody now. Best: "
    )
    assert as_json["tried"] == 2
    assert as_json["regressions"][0]["verdict"]["agent"] == "baker"
    assert as_json["regressions"][0]["agent"] is None


def test_a_higher_threshold_is_found_out(handoff, folder):
    """The option and handoff.toml count just the same."""
    keep(folder, *RIGHT)
    (folder / "handoff.toml").write_text("threshold = 0.99\n")

    assert handoff("verdicts", "regressions")[0] == 1
    assert handoff("verdicts", "regressions", "--threshold", "0.1")[0] == 0


def test_examples_teach_the_routes_that_are_held_against_verdicts(handoff, folder):
    """What examples.csv sends to an agent is no regression, and is one without it."""
    (folder / "examples.csv").write_text("query,agent\nsomething sweet,baker\nmarzipan,baker\n")
    keep(folder, given(0, query="something sweet"))

    assert handoff("verdicts", "regressions", "--threshold", "0.3")[0] == 0
    assert handoff("verdicts", "regressions", "--threshold", "0.3", "--no-examples")[0] == 1


def test_a_policy_that_was_found_with_examples_holds_for_regressions(handoff, folder):
    """`eval --save` and `verdicts regressions` route on the same registry."""
    (folder / "examples.csv").write_text("query,agent\nsomething sweet,baker\n")
    queries = (f"{word} {number}" for word in ("bread", "roses") for number in range(10))
    cases = [f"{query},{'baker' if query < 'c' else 'florist'}" for query in queries]
    (folder / "cases.csv").write_text("\n".join(["query,expected", *cases]))

    assert handoff("eval", "cases.csv", "--save")[0] == 0
    assert handoff("verdicts", "regressions")[::2] == (0, "")


def test_nothing_called_right_is_no_regression(handoff):
    """There is nothing to fall back from."""
    code, told, _ = handoff("verdicts", "regressions")

    assert code == 0
    assert told.startswith("No route")


def test_a_newer_log_is_one_sentence(handoff, folder):
    """Every command says the same and ends with 2."""
    keep(folder, *RIGHT)
    with closing(sqlite3.connect(folder / "state" / LOG_NAME)) as other:
        other.execute("PRAGMA user_version=7")

    for command in (("export",), ("stats",), ("regressions",)):
        code, out, err = handoff("verdicts", *command)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "update handoff" in err


def test_a_damaged_log_is_told_beside_the_output(handoff, folder):
    """Its new name stands on standard error; the output stays clean."""
    (folder / "state").mkdir()
    (folder / "state" / LOG_NAME).write_text("no database" * 100)

    code, out, err = handoff("verdicts", "export")

    assert code == 0
    assert out.startswith("id,what,undoes,query,")
    assert err.startswith("handoff: the verdict log was damaged and is kept as ")
    assert "verdicts.damaged-" in err
