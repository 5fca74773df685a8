"""A policy that was saved: written whole, and refused on another ground."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policies import configured

from handoff.core.errors import SettingsError, StalePolicyError
from handoff.core.model import Policy, ThresholdSource
from handoff.files.policy import Found, Ground, load_policy, save_policy

GROUND = Ground("wordy-1-256", "f" * 64)

FOUND = Found(GROUND, date(2024, 2, 29), "wrong=0.02", 150, 0.9123456, 0.75)

POLICY = Policy(0.375, ThresholdSource.CONFIG, margin=0.05, per_agent=True, lexical_weight=0.25)

MEND = "find one again with `handoff eval CASES --save`, or force this one with --force."


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    policy=st.builds(
        Policy,
        threshold=st.floats(-1, 1),
        source=st.just(ThresholdSource.CONFIG),
        margin=st.floats(0, 2),
        per_agent=st.booleans(),
        lexical_weight=st.floats(0, 1),
        known_scripts_only=st.booleans(),
    )
)
def test_a_saved_policy_loads_as_it_was(folder, policy):
    """Every figure to the last bit, on the ground that it was found on."""
    config = folder / "handoff.toml"

    save_policy(config, policy, FOUND)

    assert load_policy(config, 0.23, GROUND) == policy


def test_a_saved_policy_says_where_it_came_from(folder):
    """A person who opens the file reads embedder, registry, date, goal and figures."""
    save_policy(folder / "handoff.toml", POLICY, FOUND)

    values = tomllib.loads((folder / "handoff.toml").read_text(encoding="utf-8"))

    assert values == {
        "threshold": 0.375,
        "margin": 0.05,
        "per_agent": True,
        "lexical_weight": 0.25,
        "known_scripts_only": True,
        "found": {
            "date": date(2024, 2, 29),
            "embedder": "wordy-1-256",
            "registry": "f" * 64,
            "goal": "wrong=0.02",
            "cases": 150,
            "accuracy": 0.9123,
            "coverage": 0.75,
        },
    }


def test_saving_replaces_a_config_wholly(folder):
    """Nothing of the old file is left, not even what is not replaced."""
    config = configured(folder, "# by hand\nthreshold = 0.9\nmargin = 0.4\n")

    save_policy(config, replace(POLICY, margin=0.0), FOUND)

    assert "by hand" not in config.read_text(encoding="utf-8")
    assert load_policy(config, 0.23) == replace(POLICY, margin=0.0)


def test_saving_where_there_is_no_folder_is_one_sentence(folder):
    """It is refused as a setting that cannot be written."""
    with pytest.raises(SettingsError) as complaint:
        save_policy(folder / "team" / "handoff.toml", POLICY, FOUND)

    assert str(complaint.value) == (
        f"{folder / 'team' / 'handoff.toml'} cannot be written (No such file or directory): "
        "choose another place."
    )


def test_a_policy_of_another_embedder_is_refused_with_both_names(folder):
    """Scores of two embedders do not compare, and the sentence says so."""
    save_policy(folder / "handoff.toml", POLICY, FOUND)

    with pytest.raises(StalePolicyError) as complaint:
        load_policy(Path("handoff.toml"), 0.23, replace(GROUND, embedder="other-2-64"))

    assert str(complaint.value) == (
        "handoff.toml: its threshold was found with the embedder 'wordy-1-256', not with "
        f"'other-2-64', and scores of two embedders do not compare: {MEND}"
    )


def test_a_policy_of_another_registry_is_refused(folder):
    """A registry that was edited is another one."""
    save_policy(folder / "handoff.toml", POLICY, FOUND)

    with pytest.raises(StalePolicyError) as complaint:
        load_policy(Path("handoff.toml"), 0.23, replace(GROUND, registry="0" * 64))

    assert str(complaint.value) == (
        "handoff.toml: its threshold was found on other agents or examples than the ones in use: "
        f"{MEND}"
    )
    assert complaint.value.passed_over == (
        "handoff.toml was found on other agents or examples than the ones in use. The embedder's "
        "default threshold stands in its place."
    )


@pytest.mark.parametrize(
    "ground",
    [
        pytest.param(Ground("other-2-64", "f" * 64), id="of another embedder"),
        pytest.param(Ground("wordy-1-256", "0" * 64), id="of another registry"),
    ],
)
def test_a_stale_policy_passes_by_force(folder, ground):
    """Whoever forces it gets the file's word."""
    config = folder / "handoff.toml"
    save_policy(config, POLICY, FOUND)

    assert load_policy(config, 0.23, ground, force=True) == POLICY


def test_a_stale_policy_passes_where_nothing_is_routed(folder):
    """Without a ground to compare with there is nothing to refuse."""
    config = folder / "handoff.toml"
    save_policy(config, POLICY, FOUND)

    assert load_policy(config, 0.23) == POLICY


def test_force_covers_up_no_mistake(folder):
    """A threshold out of range stays refused."""
    config = configured(folder, "threshold = 7\n[found]\nembedder = 'other'\n")

    with pytest.raises(SettingsError, match="threshold must be a number from -1 to 1"):
        load_policy(config, 0.23, GROUND, force=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("threshold = 0.4\n", id="without the table"),
        pytest.param("threshold = 0.4\n[found]\n", id="with an empty one"),
        pytest.param("threshold = 0.4\n[found]\ngoal = 'mine'\n", id="with the goal only"),
        pytest.param(
            "threshold = 0.4\n[found]\nembedder = 'wordy-1-256'\n", id="with this embedder"
        ),
    ],
)
def test_a_file_that_a_person_wrote_passes(folder, text):
    """What says nothing about its ground is taken at its word."""
    assert load_policy(configured(folder, text), 0.23, GROUND).threshold == 0.4


@pytest.mark.parametrize("force", [False, True])
def test_an_unknown_key_of_the_table_found_is_named(folder, force):
    """With those that it may hold; force or not."""
    config = configured(folder, "[found]\nembeder = 'wordy-1-256'\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23, GROUND, force=force)

    assert str(complaint.value) == (
        f"{config}: the table found has an unknown key 'embeder', it may hold date, embedder, "
        "registry, goal, cases, accuracy and coverage."
    )


@pytest.mark.parametrize("value", ["3", "'here'", "[1]", "true"])
def test_found_is_a_table_or_nothing(folder, value):
    """Another value under its name is refused."""
    config = configured(folder, f"found = {value}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: found must be a table."


@pytest.mark.parametrize("value", ["3", "['wordy-1-256']", "true"])
def test_an_embedder_that_is_no_text_is_another_one(folder, value):
    """What a person broke is refused, not compared."""
    config = configured(folder, f"[found]\nembedder = {value}\n")

    with pytest.raises(StalePolicyError):
        load_policy(config, 0.23, GROUND)
