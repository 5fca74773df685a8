"""One server for each job: addresses, keys, and what is chosen where."""

import pytest

from handoff.core.errors import SettingsError
from handoff.files.settings import load_settings

KEY = "sk-test-SECRETKEY123"
OTHER_KEY = "sk-test-OTHERKEY456"
HERE = "http://127.0.0.1:11434/v1"
THERE = "https://vectors.example/v1"
ADDRESS = "HANDOFF_OPENAI_EMBEDDING_BASE_URL"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds nothing but agents.csv, and return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.csv").write_text("id,name,description,tags\na,A,Does a.,x\n")
    return tmp_path


def server(endpoint, **variables):
    """Return who answers an endpoint under these variables."""
    return load_settings(variables).openai.server(endpoint)


def test_an_address_without_a_key_is_used_with_none():
    """Ollama and LM Studio need no key, so none has to be made up."""
    settings = load_settings({"OPENAI_BASE_URL": HERE})

    assert (settings.embedder, settings.tagger) == ("openai", "openai")
    for endpoint in ("chat", "embeddings"):
        assert settings.openai.server(endpoint).address == HERE
        assert settings.openai.server(endpoint).key == ""


def test_without_an_address_for_vectors_one_server_does_both():
    """As ever, with its one key."""
    chat, embeddings = (
        server(endpoint, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=HERE)
        for endpoint in ("chat", "embeddings")
    )

    assert chat == embeddings
    assert chat.key == KEY


@pytest.mark.parametrize(
    ("variables", "key", "named_by"),
    [
        pytest.param({}, "", "HANDOFF_OPENAI_EMBEDDING_API_KEY", id="another host"),
        pytest.param(
            {"HANDOFF_OPENAI_EMBEDDING_API_KEY": OTHER_KEY},
            OTHER_KEY,
            "HANDOFF_OPENAI_EMBEDDING_API_KEY",
            id="a key of its own",
        ),
        pytest.param(
            {"OPENAI_BASE_URL": "https://vectors.example:81/chat"},
            KEY,
            "OPENAI_API_KEY",
            id="the same host",
        ),
    ],
)
def test_a_key_is_sent_to_the_host_that_it_is_for(variables, key, named_by):
    """OpenAI's key is not given to whoever makes vectors."""
    embeddings = server("embeddings", OPENAI_API_KEY=KEY, **{ADDRESS: THERE}, **variables)

    assert embeddings.address == THERE
    assert (embeddings.key, embeddings.key_named_by) == (key, named_by)
    assert embeddings.called == f"The server of {ADDRESS}"


def test_a_key_for_vectors_may_stand_in_the_pages_secrets(folder):
    """Beside the other one."""
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(
        f'HANDOFF_OPENAI_EMBEDDING_API_KEY = "{OTHER_KEY}"\n'
    )

    assert server("embeddings", **{ADDRESS: THERE}).key == OTHER_KEY


def test_vectors_alone_leave_tags_to_the_embedded_model():
    """A server that makes vectors is no reason to ask OpenAI for tags, without a key too."""
    settings = load_settings({ADDRESS: THERE})

    assert (settings.embedder, settings.tagger) == ("openai", "local")
    assert not settings.openai.serves("chat")
    with pytest.raises(SettingsError, match="There is no key for OpenAI: set OPENAI_API_KEY"):
        load_settings({ADDRESS: THERE, "HANDOFF_TAGGER": "openai"})


def test_nothing_secret_is_in_a_representation():
    """Neither keys nor addresses, which may hold a password."""
    settings = load_settings(
        {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": "https://user:hidden@models.example/v1",
            ADDRESS: "https://user:hidden@vectors.example/v1",
            "HANDOFF_OPENAI_EMBEDDING_API_KEY": OTHER_KEY,
        }
    )
    shown = f"{settings!r} {settings.openai.server('chat')!r}"
    shown += f"{settings.openai.server('embeddings')!r}"

    assert not any(part in shown for part in ("SECRETKEY", "OTHERKEY", "hidden", ".example"))


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", ADDRESS])
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("localhost:11434/v1", "{} must begin with http:// or https://."),
        ("http://a b/v1", "{} holds characters that no address has: write it again."),
        ("http://a/\udcff", "{} holds characters that no address has: write it again."),
        ("http://[::1/v1", "{} is no address: write it as http://127.0.0.1:11434/v1."),
        (
            "https://mine.openai.azure.com/",
            (
                "{} names a resource at Azure without a path: add /openai/v1, and name models by "
                "their deployments."
            ),
        ),
        (
            "https://mine.openai.azure.com/openai/deployments/talks/chat/completions",
            (
                "{} is of Azure's older kind, which wants to know the version of its interface: "
                "add ?api-version= and the version, or name Azure's newer address, which ends in "
                "/openai/v1."
            ),
        ),
    ],
    ids=["no scheme", "space", "no text", "no address", "azure's resource", "no version"],
)
def test_an_address_that_cannot_be_used_is_told_and_not_shown(name, address, sentence):
    """Each with what to do about it."""
    with pytest.raises(SettingsError) as complaint:
        load_settings({"OPENAI_API_KEY": KEY, name: address})

    assert str(complaint.value) == sentence.format(name)


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        (f"{HERE}/chat/completions", HERE),
        (f"{HERE}/embeddings/", HERE),
        (
            "https://mine.openai.azure.com/openai/deployments/talks/chat/completions?api-version=1",
            "https://mine.openai.azure.com/openai/deployments/talks?api-version=1",
        ),
    ],
    ids=["chat", "embeddings", "azure"],
)
def test_an_endpoints_address_is_cut_to_what_lies_before(written, taken):
    """A provider's example may be copied whole."""
    settings = load_settings({"OPENAI_BASE_URL": written, "HANDOFF_EMBEDDER": "local"})

    assert settings.openai.server("chat").address == taken


def test_azures_address_of_one_model_does_one_job():
    """Vectors need an address of their own, or the embedded model."""
    talks = "https://mine.openai.azure.com/openai/deployments/talks?api-version=2024-06-01"
    variables = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": talks}

    with pytest.raises(SettingsError, match=f"with {ADDRESS}, or set HANDOFF_EMBEDDER=local"):
        load_settings(variables)

    assert load_settings({**variables, "HANDOFF_EMBEDDER": "local"}).tagger == "openai"
    assert server("embeddings", **variables, **{ADDRESS: talks}).is_deployment


def test_a_models_name_may_have_spaces_within_but_must_be_text():
    """Those around it were copied along."""
    variables = {"OPENAI_API_KEY": KEY, "HANDOFF_OPENAI_CHAT_MODEL": " Meta Llama 3 \n"}

    assert load_settings(variables).openai.chat_model == "Meta Llama 3"
    with pytest.raises(SettingsError, match="HANDOFF_OPENAI_CHAT_MODEL holds characters that no"):
        load_settings({**variables, "HANDOFF_OPENAI_CHAT_MODEL": "llama\udcff"})
