"""What the environment and handoff.toml say, and who comes first."""

from pathlib import Path

import pytest

from handoff.core.errors import SettingsError
from handoff.core.model import Policy, ThresholdSource
from handoff.settings import load_policy, load_settings, parse_threshold

AGENTS = "id,name,description,tags\na,A,Does a.,x\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds nothing but agents.csv, and return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.csv").write_text(AGENTS)
    return tmp_path


def configured(folder, text):
    """Return a handoff.toml with this text."""
    config = folder / "handoff.toml"
    config.write_text(text, encoding="utf-8")
    return config


def test_an_empty_environment_gives_the_defaults():
    """Without any variable: agents.csv here, no cases, no config, the embedded model."""
    settings = load_settings({})

    assert settings.registry == Path("agents.csv")
    assert settings.cases is None
    assert settings.config is None
    assert settings.embedder == "local"
    assert settings.tagger == "local"


def test_the_cache_lies_in_the_users_cache_folder():
    """Without a variable, vectors are kept under the project's name."""
    settings = load_settings({})

    assert "handoff" in settings.cache_dir.parts


def test_the_environment_is_read():
    """Each variable lands in its setting."""
    settings = load_settings(
        {
            "HANDOFF_REGISTRY": "team/staff.csv",
            "HANDOFF_CASES": "team/questions.csv",
            "HANDOFF_EMBEDDER": "scripted",
            "HANDOFF_TAGGER": "scripted",
            "HANDOFF_CACHE_DIR": "team/cache",
        }
    )

    assert settings.registry == Path("team/staff.csv")
    assert settings.cases == Path("team/questions.csv")
    assert settings.embedder == "scripted"
    assert settings.tagger == "scripted"
    assert settings.cache_dir == Path("team/cache")


def test_variables_that_are_empty_count_as_unset():
    """An empty variable changes nothing."""
    names = ("REGISTRY", "CASES", "EMBEDDER", "TAGGER", "CACHE_DIR")

    settings = load_settings({f"HANDOFF_{name}": "" for name in names})

    assert settings == load_settings({})


def test_embedder_and_tagger_are_chosen_apart():
    """One may be scripted while the other is not."""
    settings = load_settings({"HANDOFF_TAGGER": "scripted"})

    assert (settings.embedder, settings.tagger) == ("local", "scripted")


def test_a_registry_on_the_command_line_wins_over_the_variable():
    """What is given to the command comes before the environment."""
    settings = load_settings({"HANDOFF_REGISTRY": "theirs.csv"}, registry=Path("mine.csv"))

    assert settings.registry == Path("mine.csv")


def test_the_variable_wins_over_the_registry_here():
    """A named registry comes before agents.csv in the working directory."""
    settings = load_settings({"HANDOFF_REGISTRY": "theirs.csv"})

    assert settings.registry == Path("theirs.csv")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        pytest.param(
            "HANDOFF_EMBEDDER",
            "gpt",
            "HANDOFF_EMBEDDER is 'gpt': choose local, openai or scripted.",
            id="embedder",
        ),
        pytest.param(
            "HANDOFF_EMBEDDER",
            "Local",
            "HANDOFF_EMBEDDER is 'Local': choose local, openai or scripted.",
            id="embedder with a capital",
        ),
        pytest.param(
            "HANDOFF_TAGGER",
            "none\n",
            "HANDOFF_TAGGER is 'none\\n': choose local, openai or scripted.",
            id="tagger with a line break",
        ),
    ],
)
def test_an_unknown_choice_is_refused(name, value, sentence):
    """A variable with an unknown value is named, with what may be chosen."""
    with pytest.raises(SettingsError) as complaint:
        load_settings({name: value})

    assert str(complaint.value) == sentence


def test_without_agents_csv_here_the_user_is_told_how_to_name_one(folder):
    """Where nothing names a registry and none is here, the sentence lists what helps."""
    (folder / "agents.csv").unlink()

    with pytest.raises(SettingsError) as complaint:
        load_settings({})

    assert str(complaint.value) == (
        "There is no agents.csv in the working directory: change to its folder, "
        "or name a registry with --registry or HANDOFF_REGISTRY."
    )


@pytest.mark.parametrize("named", [pytest.param(".", id="here"), pytest.param("/", id="the root")])
def test_a_folder_without_a_name_is_left_to_the_registrys_reader(named):
    """Settings take any path for a registry, and reading it tells what is wrong."""
    settings = load_settings({}, registry=Path(named))

    assert settings.registry == Path(named)


def test_cases_beside_the_registry_are_found(folder):
    """A cases.csv in the registry's folder is used without being named."""
    (folder / "team").mkdir()
    (folder / "team" / "cases.csv").write_text("query,expected\n")

    settings = load_settings({}, registry=Path("team/agents.csv"))

    assert settings.cases == Path("team/cases.csv")


def test_cases_in_the_variable_win_over_those_beside_the_registry(folder):
    """A named file of cases comes first."""
    (folder / "cases.csv").write_text("query,expected\n")

    settings = load_settings({"HANDOFF_CASES": "other.csv"})

    assert settings.cases == Path("other.csv")


def test_a_config_beside_the_registry_is_found(folder):
    """A handoff.toml in the registry's folder is used without being named."""
    (folder / "team").mkdir()
    (folder / "team" / "handoff.toml").touch()

    settings = load_settings({}, registry=Path("team/agents.csv"))

    assert settings.config == Path("team/handoff.toml")


def test_a_config_here_does_not_speak_for_a_registry_elsewhere(folder):
    """A handoff.toml in the working directory is no part of another folder's registry."""
    (folder / "handoff.toml").touch()

    settings = load_settings({}, registry=Path("team/agents.csv"))

    assert settings.config is None


def test_a_named_config_wins_over_the_one_beside_the_registry(folder):
    """What is given to the command comes first."""
    (folder / "handoff.toml").touch()

    settings = load_settings({}, config=Path("strict.toml"))

    assert settings.config == Path("strict.toml")


def test_without_a_config_the_embedder_sets_the_threshold():
    """No handoff.toml leaves the embedder's default, no margin and no thresholds per agent."""
    assert load_policy(None, 0.23) == Policy(
        threshold=0.23,
        source=ThresholdSource.EMBEDDER,
        margin=0.0,
        use_tags=True,
        per_agent=False,
    )


def test_a_config_sets_the_policy(folder):
    """Each key of handoff.toml lands in the policy."""
    config = configured(folder, "threshold = 0.4\nmargin = 0.05\nper_agent = true\n")

    assert load_policy(config, 0.23) == Policy(
        threshold=0.4,
        source=ThresholdSource.CONFIG,
        margin=0.05,
        use_tags=True,
        per_agent=True,
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


@pytest.mark.parametrize("value", ["1", "0", "'true'", "[true]"])
def test_a_config_with_another_per_agent_is_refused(folder, value):
    """Thresholds per agent are switched by true or false and nothing else."""
    config = configured(folder, f"per_agent = {value}\n")

    with pytest.raises(SettingsError) as complaint:
        load_policy(config, 0.23)

    assert str(complaint.value) == f"{config}: per_agent must be true or false."


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
        f"{config}: unknown key {key}, it may hold threshold, margin and per_agent."
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
