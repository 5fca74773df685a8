"""A threshold that an evaluation saves, and where it may be used."""

import json
import tomllib
from pathlib import Path

import pytest
from labelled_desks import CASES, OTHER_AGENTS, write
from three_desks import AGENTS


def save(handoff, *arguments):
    """Save a recommended threshold and return what the file holds."""
    code, _, err = handoff("eval", "cases.csv", "--save", *arguments)
    assert (code, err) == (0, "")
    return tomllib.loads(Path("handoff.toml").read_text())


def test_a_saved_threshold_is_the_recommended_one(handoff, answer):
    """What is written beside the registry is what was recommended, with where it came from."""
    asked = ("--goal", "balanced", "--threshold", "1")
    found = answer("eval", "cases.csv", *asked)["recommended"]

    saved = save(handoff, *asked)

    assert saved["threshold"] == found["threshold"]
    assert saved["found"]["goal"] == "balanced"
    assert saved["found"]["embedder"] == "scripted-embedder-1-64"
    assert saved["found"]["cases"] == found["held_out_cases"] == 24
    assert saved["found"]["accuracy"] == pytest.approx(found["accuracy"], abs=1e-4)


def test_a_saved_threshold_judges_the_next_route(handoff):
    """A route takes the saved threshold and says where it comes from."""
    saved = save(handoff)

    answered = json.loads(handoff("route", "--json", "rain wind")[1])

    assert (answered["threshold"], answered["threshold_source"]) == (saved["threshold"], "config")


def test_saving_says_where(handoff, folder):
    """The last note names threshold and file."""
    _, out, _ = handoff("eval", "cases.csv", "--threshold", "1", "--save")

    threshold = tomllib.loads((folder / "handoff.toml").read_text())["threshold"]
    assert f"The threshold {threshold:.4g} was saved to handoff.toml." in out


def test_saving_says_where_in_json(answer):
    """It is a note as well."""
    answered = answer("eval", "cases.csv", "--threshold", "1", "--save")

    threshold = answered["recommended"]["threshold"]
    assert answered["notes"] == [f"The threshold {threshold:.4g} was saved to handoff.toml."]


def test_saving_keeps_a_threshold_that_serves_better(handoff, answer, folder):
    """Where the chosen one does worse held out, the one in use is written, and the note says so."""
    answered = answer("eval", "cases.csv", "--save")
    found = answered["recommended"]
    _, out, _ = handoff("eval", "cases.csv")

    saved = tomllib.loads((folder / "handoff.toml").read_text())
    assert found["keep_yours"]
    assert found["accuracy"] < found["accuracy_at_present"]
    assert saved["threshold"] == 0.3 != found["threshold"]
    assert saved["found"]["accuracy"] == pytest.approx(answered["accuracy"], abs=1e-4)
    chosen = f"{found['threshold']:.4g}"
    said = f"kept and saved to handoff.toml: the one chosen, {chosen}, does worse held out."
    assert answered["notes"] == [f"The threshold in use, 0.3, was {said}"]
    assert "Keep yours: the threshold in use (from handoff.toml), 0.3, gives accuracy 79.17 %" in (
        out
    )


def test_saving_keeps_the_rest_of_the_policy(handoff, folder):
    """Margin, own thresholds and lexical help that a person chose stay."""
    (folder / "handoff.toml").write_text(
        "margin = 0.01\nper_agent = true\nlexical_weight = 0.1\nknown_scripts_only = false\n"
    )

    saved = save(handoff)

    assert (saved["margin"], saved["per_agent"], saved["lexical_weight"]) == (0.01, True, 0.1)
    assert saved["known_scripts_only"] is False


def test_without_save_nothing_is_written(handoff, folder):
    """An evaluation alone leaves no file."""
    handoff("eval", "cases.csv")

    assert not (folder / "handoff.toml").exists()


def test_saving_replaces_a_stale_file(handoff, folder):
    """The way that a refusal names leads out of it."""
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    save(handoff)

    assert handoff("route", "rain wind sunshine")[0] == 0


def test_saving_alone_passes_a_stale_file_over(handoff, answer, folder):
    """What is to be replaced has no say; the embedder's default is compared with."""
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    answered = answer("eval", "cases.csv", "--save")

    assert (answered["threshold"], answered["threshold_source"]) == (0.3, "embedder")


def test_saving_by_force_takes_a_stale_files_word(handoff, folder):
    """Whoever insists keeps the rest of the policy that the file holds."""
    (folder / "handoff.toml").write_text("margin = 0.01\n")
    save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    assert save(handoff, "--force")["margin"] == 0.01


def test_saving_to_a_new_config_works(handoff, folder):
    """A file that is named and not there yet is made, and the one beside the registry stays."""
    (folder / "handoff.toml").write_text("threshold = 0.9\n")

    code, _, err = handoff("eval", "cases.csv", "--save", "--config", "new.toml")

    assert (code, err) == (0, "")
    assert "threshold" in tomllib.loads((folder / "new.toml").read_text())
    assert (folder / "handoff.toml").read_text() == "threshold = 0.9\n"


def test_a_config_that_is_missing_is_an_error_unless_it_is_to_be_written(refused):
    """Only `--save` may name a file that does not exist."""
    refused("new.toml cannot be read", "eval", "cases.csv", "--config", "new.toml")


def test_a_config_that_cannot_be_written_ends_with_two_and_one_sentence(handoff):
    """A folder that does not exist is told, and no figures are printed as if all went well."""
    code, out, err = handoff("eval", "cases.csv", "--save", "--config", "none/new.toml")

    assert (code, out) == (2, "")
    assert err.startswith("handoff: none/new.toml cannot be written (")
    assert err.count("\n") == 1


def test_too_few_cases_to_recommend_are_not_saved(handoff, folder):
    """Nine cases give figures, but no threshold to save."""
    write("few.csv", CASES[::3][:9])

    assert handoff("eval", "few.csv")[0] == 0
    assert handoff("eval", "few.csv", "--save") == (
        2,
        "",
        "handoff: There are too few cases to recommend a threshold: nothing was saved.\n",
    )
    assert not (folder / "handoff.toml").exists()


def test_what_a_file_cannot_hold_is_not_saved(handoff, folder):
    """A threshold found without the tag filter would be used with it."""
    code, out, err = handoff("eval", "cases.csv", "--no-tags", "--save")

    assert (code, out) == (2, "")
    assert err == (
        "handoff: handoff.toml does not say whether the tag filter is on: leave --no-tags out to "
        "save.\n"
    )
    assert not (folder / "handoff.toml").exists()


SHOWING = [
    pytest.param(["route", "rain wind sunshine"], id="route"),
    pytest.param(["explain", "rain wind sunshine"], id="explain"),
    pytest.param(["overlap", "--cases", "cases.csv"], id="overlap"),
    pytest.param(["eval", "cases.csv"], id="eval"),
    pytest.param(["compare", "agents.csv", "other.csv", "cases.csv"], id="compare"),
]
GATES = [pytest.param(["check", "cases.csv", "--min-accuracy", "0"], id="check")]


@pytest.mark.parametrize("command", SHOWING)
def test_a_stale_threshold_does_not_keep_from_looking(handoff, folder, command):
    """What only shows takes the embedder's default, and says why and what to do."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("Rain wind", "Rain storm wind"))

    code, out, err = handoff(*command)

    told = out + err
    assert code in (0, 1)
    assert "handoff.toml was found on other agents" in told
    assert "default threshold stands in its place. Find one again with" in told


@pytest.mark.parametrize("command", GATES)
def test_a_threshold_of_another_registry_is_refused(handoff, folder, command):
    """After an edit of the registry a gate names the reason and the two ways out."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("Rain wind", "Rain storm wind"))

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert err.startswith("handoff: handoff.toml: its threshold was found on other agents")
    assert "`handoff eval CASES --save`" in err
    assert "--force" in err


@pytest.mark.parametrize("command", GATES)
def test_a_threshold_of_another_embedder_is_refused(handoff, monkeypatch, command):
    """Scores of two embedders do not compare, and both are named."""
    save(handoff)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local-fast")

    code, out, err = handoff(*command)

    assert (code, out) == (2, "")
    assert err.startswith(
        "handoff: handoff.toml: its threshold was found with the embedder "
        "'scripted-embedder-1-64', not with 'wordllama-"
    )
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", SHOWING + GATES)
def test_a_stale_threshold_passes_when_it_is_forced(handoff, folder, command):
    """Who insists is believed."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("Rain wind", "Rain storm wind"))

    code, out, err = handoff(*command, "--force")

    assert (code, err) == (0, "")
    assert out


def test_a_forced_threshold_is_the_one_that_judges(handoff, answer, folder):
    """Forcing takes the stale file's word, and not the default's."""
    saved = save(handoff)
    (folder / "agents.csv").write_text(OTHER_AGENTS)

    answered = answer("eval", "cases.csv", "--force")

    assert (answered["threshold"], answered["threshold_source"]) == (saved["threshold"], "config")


def test_an_agents_own_threshold_may_change_without_making_a_file_stale(handoff, folder):
    """Own thresholds are no part of what a common one stands on."""
    save(handoff)
    (folder / "agents.csv").write_text(AGENTS.replace("0.9", "0.8"))

    assert handoff("eval", "cases.csv")[0] == 0


@pytest.mark.parametrize(
    ("table", "named"),
    [
        pytest.param("threshhold = 0.3", "unknown key 'threshhold'", id="a key"),
        pytest.param('[found]\nauthor = "me"', "unknown key 'author'", id="a key of the table"),
    ],
)
def test_an_unknown_key_of_handoff_toml_is_named(refused, folder, table, named):
    """A mistyped key is an error of an evaluation as of a route."""
    (folder / "handoff.toml").write_text(table)

    assert "handoff.toml: " in refused(named, "eval", "cases.csv")
