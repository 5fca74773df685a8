"""A policy as handoff.toml: what it may hold."""

from pathlib import Path

import pytest
from policies import configured

from handoff.core.errors import SettingsError
from handoff.core.model import Policy, ThresholdSource
from handoff.files.policy import load_policy, parse_threshold


def test_without_a_config_the_embedder_sets_the_threshold():
    """No handoff.toml leaves the embedder's default, no margin and no thresholds per agent."""
    assert load_policy(None, 0.23) == Policy(
        threshold=0.23,
        source=ThresholdSource.EMBEDDER,
        margin=0.0,
        use_tags=True,
        per_agent=False,
        known_scripts_only=True,
    )


def test_a_config_sets_the_policy(folder):
    """Each key of handoff.toml lands in the policy."""
    config = configured(
        folder, "threshold = 0.4\nmargin = 0.05\nper_agent = true\nknown_scripts_only = false\n"
    )

    assert load_policy(config, 0.23) == Policy(
        threshold=0.4,
        source=ThresholdSource.CONFIG,
        margin=0.05,
        use_tags=True,
        per_agent=True,
        known_scripts_only=False,
    )


def test_a_config_may_begin_with_a_byte_order_mark(folder):
    """A handoff.toml saved with a byte order mark reads like one without."""
    with_mark = load_policy(configured(folder, "\ufeffthreshold = 0.4\n"), 0.23)
    without = load_policy(configured(folder, "threshold = 0.4\n"), 0.23)

    assert with_mark == without
    assert with_mark.threshold == 0.4


def test_a_config_without_a_threshold_leaves_the_embedders(folder):
    """A key that is left out keeps its default."""
    policy = load_policy(configured(folder, "margin = 0.1\n"), 0.23)

    assert (policy.threshold, policy.source) == (0.23, ThresholdSource.EMBEDDER)
    assert policy.margin == 0.1


def test_an_empty_config_changes_nothing(folder):
    """A handoff.toml without a key gives what no handoff.toml gives."""
    assert load_policy(configured(folder, "# nothing yet\n"), 0.23) == load_policy(None, 0.23)


@pytest.mark.parametrize("written", ["0.0", "0", "-0.0"])
def test_a_threshold_of_zero_stays_zero(folder, written):
    """Zero in handoff.toml is a threshold, not the lack of one."""
    policy = load_policy(configured(folder, f"threshold = {written}\n"), 0.23)

    assert (policy.threshold, policy.source) == (0.0, ThresholdSource.CONFIG)
    assert isinstance(policy.threshold, float)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("threshold = nan", id="nan"),
        pytest.param("threshold = inf", id="inf"),
        pytest.param("threshold = -inf", id="minus inf"),
        pytest.param("threshold = 1.5", id="over one"),
        pytest.param("threshold = -1.5", id="under minus one"),
        pytest.param(f"threshold = 1{'0' * 400}", id="too large for a float"),
        pytest.param("threshold = true", id="a truth value"),
        pytest.param("threshold = 'high'", id="text"),
        pytest.param("threshold = '0.3'", id="a number in quotes"),
        pytest.param("threshold = [0.3]", id="a list"),
        pytest.param("threshold = 2024-01-01", id="a date"),
        pytest.param("[threshold]\na = 0.3", id="a table"),
    ],
)
def test_a_config_with_another_threshold_is_refused(folder, line):
    """A threshold in handoff.toml is a number from -1 to 1 and nothing else."""
    config = configured(folder, f"{line}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: threshold must be a number from -1 to 1."


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("-0.1", id="under zero"),
        pytest.param("2.1", id="over two"),
        pytest.param("nan", id="nan"),
        pytest.param("inf", id="inf"),
        pytest.param("false", id="a truth value"),
        pytest.param("'wide'", id="text"),
        pytest.param("'0.1'", id="a number in quotes"),
        pytest.param("[]", id="a list"),
    ],
)
def test_a_config_with_another_margin_is_refused(folder, value):
    """A margin in handoff.toml is a number from 0 to 2 and nothing else."""
    config = configured(folder, f"margin = {value}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: margin must be a number from 0 to 2."


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("-0.1", id="under zero"),
        pytest.param("1.1", id="over one"),
        pytest.param("nan", id="nan"),
        pytest.param("inf", id="inf"),
        pytest.param("true", id="a truth value"),
        pytest.param("'much'", id="text"),
        pytest.param("[0.5]", id="a list"),
    ],
)
def test_a_config_with_another_lexical_weight_is_refused(folder, value):
    """A lexical weight in handoff.toml is a number from 0 to 1 and nothing else."""
    config = configured(folder, f"lexical_weight = {value}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: lexical_weight must be a number from 0 to 1."


@pytest.mark.parametrize("value", ["0", "0.5", "1"])
def test_a_lexical_weight_is_a_number_from_zero_to_one(folder, value):
    """Both ends belong to it, and a whole number is taken as a float."""
    weight = load_policy(configured(folder, f"lexical_weight = {value}\n"), 0.23).lexical_weight

    assert weight == float(value)
    assert isinstance(weight, float)


@pytest.mark.parametrize("key", ["per_agent", "known_scripts_only"])
@pytest.mark.parametrize("value", ["1", "0", "'true'", "[true]"])
def test_a_config_with_another_switch_is_refused(folder, key, value):
    """What is switched is switched by true or false and nothing else."""
    config = configured(folder, f"{key} = {value}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: {key} must be true or false."


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("treshold = 0.3\n", "'treshold'", id="misspelt"),
        pytest.param("threshold = 0.3\nzeta = 1\nalpha = 2\n", "'alpha'", id="the first of two"),
        pytest.param("[policy]\nthreshold = 0.3\n", "'policy'", id="a heading"),
        pytest.param('"a\\nb" = 1\n', "'a\\nb'", id="with a line break"),
    ],
)
def test_a_config_with_an_unknown_key_is_refused(folder, text, key):
    """A key that means nothing is named, with those that do."""
    config = configured(folder, text)

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == (
        f"{config}: unknown key {key}, it may hold threshold, margin, per_agent, "
        "lexical_weight, known_scripts_only and found."
    )


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"threshold 0.3\n", id="no equals sign"),
        pytest.param(b"threshold = \n", id="no value"),
        pytest.param(b"threshold = 0.3\nthreshold = 0.4\n", id="a key twice"),
        pytest.param(b"# caf\xe9\n", id="not UTF-8"),
        pytest.param("\ufeffthreshold = 0.3\n".encode("utf-16-le"), id="UTF-16"),
        pytest.param("\ufeff\ufeffthreshold = 0.3\n".encode(), id="two byte order marks"),
        pytest.param(b"margin = " + b"[" * 3_000, id="nested without end"),
        pytest.param(b"margin = " + b"[" * 3_000 + b"]" * 3_000, id="nested deeply"),
        pytest.param(b"margin = " + b"{a = " * 3_000, id="tables nested without end"),
    ],
)
def test_a_config_that_is_no_toml_is_refused_in_one_line(folder, data):
    """A file that is not TOML is named in one sentence with what the reader says."""
    config = folder / "handoff.toml"
    config.write_bytes(data)

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    said = str(complaint.value)

    assert said.startswith(f"{config} is no valid TOML: ")
    assert said.isprintable()
    assert said.rstrip(".") + "." == said


def test_a_config_that_is_missing_is_named(folder):
    """A handoff.toml that is not there is an error, not a default."""
    config = folder / "strict.toml"

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == (
        f"{config} cannot be read (No such file or directory): name a TOML file."
    )


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        pytest.param("0.35", 0.35, id="typed"),
        pytest.param(" 0.35 ", 0.35, id="typed between spaces"),
        pytest.param("0.0", 0.0, id="typed zero"),
        pytest.param("-1", -1.0, id="the least"),
        pytest.param("1", 1.0, id="the highest"),
        pytest.param(str(0.1 + 0.2), 0.1 + 0.2, id="printed"),
        pytest.param("0", 0.0, id="a whole number"),
        pytest.param("+.5", 0.5, id="with a sign and no zero"),
        pytest.param("-5e-1", -0.5, id="with an exponent"),
    ],
)
def test_a_threshold_is_a_number_from_minus_one_to_one(text, threshold):
    """However it is typed, a number in range is taken as a float."""
    parsed = parse_threshold(text)

    assert parsed == threshold
    assert isinstance(parsed, float)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("abc", id="words"),
        pytest.param("", id="nothing"),
        pytest.param("0,3", id="a decimal comma"),
        pytest.param(" ", id="a space"),
        pytest.param("nan", id="nan"),
        pytest.param("inf", id="inf"),
        pytest.param("-inf", id="minus inf"),
        pytest.param("2", id="over one"),
        pytest.param("1.0000001", id="just over one"),
        pytest.param("-1.0000001", id="just under minus one"),
        pytest.param(str(10**400), id="too large for a float"),
        pytest.param("1e400", id="too large an exponent"),
        pytest.param("True", id="a truth value"),
        pytest.param("None", id="None"),
        pytest.param("[0.3]", id="a list"),
        pytest.param("'0.3'", id="a number in quotes"),
        pytest.param("0_1", id="as in a program"),
        pytest.param("\u0660", id="Arabic digits"),
    ],
)
def test_anything_else_is_no_threshold(text):
    """What is no number from -1 to 1 is refused in one sentence."""
    with pytest.raises(SettingsError) as complaint:
        parse_threshold(text)

    assert str(complaint.value) == "The threshold must be a number from -1 to 1."


def test_a_refused_threshold_goes_by_the_name_of_its_config(folder):
    """The sentence begins with the place where the threshold stands, as the user named it."""
    (folder / "team.toml").write_text("threshold = 7\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(Path("team.toml"), 0.23)

    assert str(complaint.value) == "team.toml: threshold must be a number from -1 to 1."
