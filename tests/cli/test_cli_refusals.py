"""What the command line refuses, with two and one line."""

import socket

import pytest
from three_desks import SELECTED

BAD_INPUT = [
    pytest.param(
        ["route", " \t\n"],
        "The query is empty",
        id="a blank query",
    ),
    pytest.param(
        ["route", "", " "],
        "The query is empty",
        id="blank words",
    ),
    pytest.param(
        ["route", "x" * 2_000, "x" * 2_000],
        "4,001 characters",
        id="words over 4,000 characters",
    ),
    pytest.param(
        ["route", "x" * 4_001],
        "4,001 characters",
        id="a query over 4,000 characters",
    ),
    pytest.param(
        ["route", "rain \udcff"],
        "not UTF-8",
        id="a query with a lone surrogate",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "abc"],
        "The threshold must",
        id="a threshold in words",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "nan"],
        "The threshold must",
        id="a threshold of nan",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", "2"],
        "The threshold must",
        id="a threshold over one",
    ),
    pytest.param(
        ["route", SELECTED, "--threshold", ""],
        "The threshold must",
        id="an empty threshold",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "missing.csv"],
        "missing.csv",
        id="a missing registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "sub"],
        "sub is",
        id="a folder as registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "."],
        ": . is",
        id="this folder as registry",
    ),
    pytest.param(
        ["route", SELECTED, "--registry", "broken.csv"],
        "broken.csv, line 2, column 2 (name)",
        id="a broken registry",
    ),
    pytest.param(
        ["route", SELECTED, "--config", "missing.toml"],
        "missing.toml",
        id="a missing config",
    ),
    pytest.param(
        ["route", SELECTED, "--config", "broken.toml"],
        "broken.toml: threshold",
        id="a broken config",
    ),
    pytest.param(
        ["ui", "--registry", "missing.csv"],
        "missing.csv",
        id="a page on a missing registry",
    ),
]


@pytest.mark.parametrize(("arguments", "named"), BAD_INPUT)
def test_bad_input_ends_with_two_and_one_line(refused, folder, arguments, named):
    """What is wrong stands in one line on standard error, and nothing on standard output."""
    (folder / "sub").mkdir()
    (folder / "broken.csv").write_text("id,name,description,tags\na,,Does a.,x\n")
    (folder / "broken.toml").write_text("threshold = 7\n")

    refused(named, *arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["rout", SELECTED], "'rout'", id="an unknown command"),
        pytest.param(["--loud"], "--loud", id="an unknown option"),
        pytest.param(["route", SELECTED, "--loud"], "--loud", id="an unknown option of route"),
        pytest.param(["route"], "QUERY", id="no query"),
        pytest.param(["route", SELECTED, "--threshold"], "--threshold", id="no threshold"),
        pytest.param(["route", SELECTED, "--top", "0"], "--top", id="none of the ranking"),
        pytest.param(["route", SELECTED, "--top", "two"], "--top", id="top in words"),
        pytest.param(["ui", "--port", "0"], "--port", id="no port"),
        pytest.param(["ui", "--port", "65536"], "--port", id="a port too high"),
    ],
)
def test_a_wrong_call_ends_with_two_and_one_line(handoff, arguments, named):
    """A wrong argument is named in one line on standard error, without a traceback."""
    code, out, err = handoff(*arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("handoff: ")
    assert named in err
    assert err.count("\n") == 1


def test_no_command_ends_with_two_and_one_line(handoff):
    """A call without a command is an error like any other."""
    assert handoff() == (2, "", "handoff: Missing command.\n")


def test_an_unknown_embedder_ends_with_two_and_one_line(handoff, monkeypatch):
    """A variable with an unknown value is an error of the command line too."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", "gpt")

    assert handoff("route", SELECTED) == (
        2,
        "",
        (
            "handoff: HANDOFF_EMBEDDER is 'gpt': choose local, local-fast, local-minilm, openai or "
            "scripted.\n"
        ),
    )


@pytest.mark.parametrize("arguments", [["route", SELECTED], ["ui"]], ids=["route", "ui"])
def test_a_folder_without_agents_csv_ends_with_two_and_one_line(refused, folder, arguments):
    """Where no registry is named and none is here, the line says how to name one."""
    (folder / "agents.csv").unlink()

    assert "--registry or HANDOFF_REGISTRY" in refused("There is no agents.csv", *arguments)


def test_a_line_break_in_an_argument_does_not_break_the_line(handoff):
    """An error that repeats an argument is still one line."""
    code, out, err = handoff("route", SELECTED, "--registry", "two\nlines.csv")

    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_port_in_use_ends_with_two_and_one_line(handoff):
    """A taken port is told before the page is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = handoff("ui", "--port", str(port))

    assert ended == (
        2,
        "",
        f"handoff: Port {port} is in use or not allowed: choose another with --port.\n",
    )
