"""A route on the command line: its exit code, and what it prints."""

import json
import subprocess
import tomllib

import pytest
from three_desks import COMMAND, NOBODY, SELECTED


def test_a_hand_off_ends_with_zero(handoff):
    """A query that somebody takes is a success with nothing on standard error."""
    code, out, err = handoff("route", SELECTED)

    assert code == 0
    assert out.startswith("Hand off to Weather Desk\n")
    assert err == ""


def test_nobody_ends_with_one(handoff):
    """A query that nobody takes is no error, and the best of the rest is named."""
    code, out, err = handoff("route", NOBODY)

    assert code == 1
    assert out.startswith("Hand off to nobody\nThe best, Garden Desk, has similarity 0.10, ")
    assert err == ""


def test_too_close_to_call_ends_with_one(handoff, folder):
    """Two agents nearer to each other than the margin leave the query with nobody."""
    (folder / "handoff.toml").write_text("margin = 2\n")

    code, out, _ = handoff("route", SELECTED)

    assert code == 1
    assert out.startswith("Hand off to nobody: too close")


def test_json_ends_with_the_same_codes(handoff):
    """The form of the output does not change the verdict."""
    codes = [handoff("route", "--json", query)[0] for query in (SELECTED, NOBODY)]

    assert codes == [0, 1]


def test_the_version_is_told(handoff, root):
    """The version option prints the name and pyproject.toml's version, and that is a success."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert handoff("--version") == (0, f"handoff, version {project['version']}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_commands(handoff, option):
    """Help goes to standard output and is a success."""
    code, out, err = handoff(option)

    assert code == 0
    assert "route" in out
    assert err == ""


def test_the_simulated_hand_off_says_that_it_is_one(handoff):
    """The last line leaves no doubt that no agent answered."""
    _, out, _ = handoff("route", "--answer", SELECTED)

    assert out.splitlines()[-1] == (
        "Simulated hand-off: Weather Desk would answer now; no agent is connected."
    )


def test_nobody_means_no_hand_off(handoff):
    """Where nobody is selected, nothing is said to be handed off."""
    _, out, _ = handoff("route", "--answer", NOBODY)

    assert "Simulated" not in out


def test_the_ranking_is_printed_best_first(handoff):
    """Each agent stands with its score, whether the tags kept it, and the tags it matched."""
    _, out, _ = handoff("route", "forecast rain wind")

    assert out.splitlines()[2:8] == [
        "Tags: forecast. 1 of 3 agents kept.",
        "",
        "agent    score  kept  matched tags",
        "weather   0.59  yes   forecast",
        "garden    0.01  no",
        "money    -0.08  no",
    ]


def test_top_shortens_the_printed_ranking(handoff):
    """The rows that are left out are counted."""
    _, out, _ = handoff("route", SELECTED, "--top", "1")

    assert out.splitlines()[4:7] == [
        "agent    score  kept  matched tags",
        "weather   0.77  yes",
        "and 2 more",
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "Analyze sales data and create a dashboard",
            (0, "selected", "data-analyst"),
            id="taken",
        ),
        pytest.param("what is the weather on mars", (1, "below_threshold", None), id="nobody"),
    ],
)
def test_the_embedded_model_routes_the_projects_own_agents(root, monkeypatch, query, expected):
    """The installed command needs no setting, no key and no network for a sound verdict."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.delenv("HANDOFF_TAGGER")

    ended = subprocess.run(
        [COMMAND, "route", "--json", query],
        cwd=root,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )

    assert ended.stderr == ""
    answered = json.loads(ended.stdout)
    assert (ended.returncode, answered["outcome"], answered["agent"]) == expected
