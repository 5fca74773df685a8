"""What the environment says, where handoff.toml is looked for, and who comes first."""

from pathlib import Path

import pytest

from handoff.core.errors import SettingsError
from handoff.files.settings import load_settings

AGENTS = "id,name,description,tags\na,A,Does a.,x\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds nothing but agents.csv, and return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.csv").write_text(AGENTS)
    return tmp_path


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
            "HANDOFF_EMBEDDER is 'gpt': choose local, local-fast, local-minilm, openai or "
            "scripted.",
            id="embedder",
        ),
        pytest.param(
            "HANDOFF_EMBEDDER",
            "Local",
            "HANDOFF_EMBEDDER is 'Local': choose local, local-fast, local-minilm, openai or "
            "scripted.",
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
