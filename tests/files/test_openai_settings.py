"""What the environment and secrets.toml say about OpenAI."""

import pytest

from handoff.core.errors import SettingsError
from handoff.files.servers import Server
from handoff.files.settings import OpenAISettings, load_settings

KEY = "sk-test-SECRETKEY123"
OTHER_KEY = "sk-test-OTHERKEY456"
NO_KEY_CHARACTERS = "OPENAI_API_KEY holds characters that no key has: copy it again."

NUMBERS = (
    "HANDOFF_OPENAI_DIMENSIONS",
    "HANDOFF_OPENAI_TIMEOUT_SECONDS",
    "HANDOFF_OPENAI_DEADLINE_SECONDS",
    "HANDOFF_OPENAI_FIRST_SECONDS",
    "HANDOFF_CONCURRENCY",
    "HANDOFF_OPENAI_REQUESTS_PER_MINUTE",
    "HANDOFF_OPENAI_TOKENS_PER_MINUTE",
    "HANDOFF_SPENDING_CAP_USD",
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds nothing but agents.csv, and return it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.csv").write_text("id,name,description,tags\na,A,Does a.,x\n")
    return tmp_path


@pytest.fixture
def secrets(folder):
    """Return a function that writes .streamlit/secrets.toml."""

    def write(text):
        path = folder / ".streamlit" / "secrets.toml"
        path.parent.mkdir()
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def with_key(**variables):
    """Return an environment with a key and these variables."""
    return {"OPENAI_API_KEY": KEY, **variables}


def test_without_a_key_there_is_no_openai():
    """Everything stays with the embedded model."""
    settings = load_settings({})

    assert settings.openai is None
    assert (settings.embedder, settings.tagger) == ("local", "local")


def test_a_key_in_the_environment_switches_both_parts_over():
    """With a key, embedder and tagger are OpenAI's unless something else was chosen."""
    settings = load_settings(with_key())

    assert settings.openai == OpenAISettings(KEY)
    assert (settings.embedder, settings.tagger) == ("openai", "openai")


def test_a_key_in_the_secrets_file_is_found(secrets):
    """The file of the page's secrets serves in place of the variable."""
    secrets(f'OPENAI_API_KEY = "{KEY}"\n')

    settings = load_settings({})

    assert settings.openai == OpenAISettings(KEY)
    assert (settings.embedder, settings.tagger) == ("openai", "openai")


def test_the_environment_comes_before_the_secrets_file(secrets):
    """Where both name a key, the variable's counts."""
    secrets(f'OPENAI_API_KEY = "{OTHER_KEY}"\n')

    settings = load_settings(with_key())

    assert settings.openai == OpenAISettings(KEY)


def test_an_empty_variable_leaves_the_word_to_the_secrets_file(secrets):
    """A variable that is empty counts as unset."""
    secrets(f'OPENAI_API_KEY = "{OTHER_KEY}"\n')

    settings = load_settings({"OPENAI_API_KEY": ""})

    assert settings.openai == OpenAISettings(OTHER_KEY)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('OPENAI_API_KEY = ""\n', id="empty key"),
        pytest.param("OPENAI_API_KEY = 5\n", id="a number"),
        pytest.param('[OPENAI_API_KEY]\na = "b"\n', id="a table"),
        pytest.param("OPENAI_API_KEY = sk", id="no TOML"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param('openai_api_key = "sk-1"\n', id="another name"),
    ],
)
def test_a_secrets_file_without_a_key_is_passed_over(secrets, text):
    """Whatever else the file holds, it only means that there is no key."""
    secrets(text)

    assert load_settings({}).openai is None


@pytest.mark.parametrize(
    "value",
    [pytest.param("", id="empty"), pytest.param("  \n", id="blank")],
)
def test_an_empty_key_is_no_key(value):
    """A variable that was set to nothing does not choose OpenAI."""
    settings = load_settings({"OPENAI_API_KEY": value})

    assert settings.openai is None
    assert settings.embedder == "local"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"{KEY}\n", id="line break behind"),
        pytest.param(f"  {KEY} ", id="spaces around"),
    ],
)
def test_blanks_around_a_key_do_no_harm(value):
    """Copying brings a space or a line break along, which is taken off."""
    assert load_settings({"OPENAI_API_KEY": value}).openai == OpenAISettings(KEY)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(" ", id="space"),
        pytest.param("\n", id="line break"),
        pytest.param("\r\n", id="windows line break"),
        pytest.param("\t", id="tab"),
        pytest.param("\0", id="nul"),
        pytest.param("\u00a0", id="no-break space"),
        pytest.param("\u2026", id="ellipsis"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "secrets"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(secrets, place, between):
    """The sentence names the variable and holds no part of the key."""
    broken = f"sk-test-{between}SECRETKEY123"
    if place == "secrets":
        escaped = "".join(f"\\u{ord(character):04x}" for character in broken)
        secrets(f'OPENAI_API_KEY = "{escaped}"\n')

    with pytest.raises(SettingsError) as complaint:
        load_settings({"OPENAI_API_KEY": broken} if place == "environment" else {})

    assert str(complaint.value) == NO_KEY_CHARACTERS
    assert "SECRETKEY" not in repr(complaint.value)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("http://127.0.0.1:11434/v1", id="http"),
        pytest.param("https://models.example/v1", id="https"),
    ],
)
def test_a_servers_address_is_taken(address):
    """A compatible server is reached where OPENAI_BASE_URL says."""
    openai = load_settings(with_key(OPENAI_BASE_URL=f" {address}\n")).openai

    assert openai is not None
    assert openai.base_url == address


@pytest.mark.parametrize("address", [pytest.param("", id="empty"), pytest.param("  ", id="blank")])
def test_an_empty_address_is_openais_own(address):
    """A variable that was set to nothing changes nothing."""
    openai = load_settings(with_key(OPENAI_BASE_URL=address)).openai

    assert openai == OpenAISettings(KEY)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("localhost:11434/v1", id="no scheme"),
        pytest.param("ftp://models.example", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("//models.example", id="half a scheme"),
    ],
)
def test_an_address_that_is_not_http_is_refused(address):
    """The sentence says how the address must begin, and does not repeat it."""
    with pytest.raises(SettingsError) as complaint:
        load_settings(with_key(OPENAI_BASE_URL=address))

    assert str(complaint.value) == "OPENAI_BASE_URL must begin with http:// or https://."


def test_a_servers_name_does_not_show_its_address():
    """Identities hold a short digest, since an address may hold a password."""
    server = Server(KEY, "https://user:hidden@models.example/v1")

    assert "hidden" not in f"{server!r} {server.identity} {server.called}"
    assert "models" not in f"{server!r} {server.identity} {server.called}"
    assert server.identity != Server(KEY, "https://other.example/v1").identity
    assert OpenAISettings(KEY).server("chat").identity == "api"


@pytest.mark.parametrize(
    ("address", "is_openai"),
    [
        pytest.param(None, True, id="none"),
        pytest.param("https://api.openai.com/v1", True, id="by its name"),
        pytest.param("https://eu.api.openai.com/v1", True, id="region"),
        pytest.param("https://user:pass@API.OpenAI.com:443/v1/", True, id="in full"),
        pytest.param("https://api.openai.com.example/v1", False, id="looks like it"),
        pytest.param("https://notapi.openai.com/v1", False, id="ends like it"),
        pytest.param("https://mine.openai.azure.com/openai/v1", False, id="azure"),
        pytest.param("http://[::1/v1", False, id="no address"),
        pytest.param("http://", False, id="no host"),
    ],
)
def test_openais_own_is_known_by_its_host(address, is_openai):
    """Nobody else is taken for it, whatever an address looks like."""
    assert Server(KEY, address).is_openai is is_openai


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param({"HANDOFF_EMBEDDER": "local"}, id="embedder"),
        pytest.param({"HANDOFF_TAGGER": "local"}, id="tagger"),
        pytest.param({"HANDOFF_EMBEDDER": "local", "HANDOFF_TAGGER": "local"}, id="both"),
    ],
)
def test_a_key_does_not_overrule_a_choice(chosen):
    """A part that was named stays, and only the other follows the key."""
    settings = load_settings(with_key(**chosen))

    assert settings.embedder == chosen.get("HANDOFF_EMBEDDER", "openai")
    assert settings.tagger == chosen.get("HANDOFF_TAGGER", "openai")


@pytest.mark.parametrize("name", ["HANDOFF_EMBEDDER", "HANDOFF_TAGGER"])
def test_openai_without_a_key_is_refused_in_one_sentence(name):
    """Choosing OpenAI without a key says how to give one, and what else to choose."""
    with pytest.raises(SettingsError) as complaint:
        load_settings({name: "openai"})

    assert (
        str(complaint.value) == "There is no key for OpenAI: set OPENAI_API_KEY, or choose local."
    )


def test_every_variable_lands_in_its_setting(tmp_path):
    """The models, the limits, the prices and the cap are read."""
    settings = load_settings(
        with_key(
            OPENAI_BASE_URL="http://127.0.0.1:1/v1",
            HANDOFF_OPENAI_CHAT_MODEL="gpt-5-nano",
            HANDOFF_OPENAI_EMBEDDING_MODEL="text-embedding-3-large",
            HANDOFF_OPENAI_DIMENSIONS="256",
            HANDOFF_OPENAI_TIMEOUT_SECONDS="1.5",
            HANDOFF_OPENAI_DEADLINE_SECONDS="4",
            HANDOFF_OPENAI_FIRST_SECONDS="90",
            HANDOFF_CONCURRENCY="3",
            HANDOFF_OPENAI_REQUESTS_PER_MINUTE="60",
            HANDOFF_OPENAI_TOKENS_PER_MINUTE="2e5",
            HANDOFF_SPENDING_CAP_USD="0.25",
            HANDOFF_PRICES=str(tmp_path / "mine.toml"),
        )
    )

    assert settings.openai == OpenAISettings(
        api_key=KEY,
        base_url="http://127.0.0.1:1/v1",
        chat_model="gpt-5-nano",
        embedding_model="text-embedding-3-large",
        dimensions=256,
        timeout_seconds=1.5,
        deadline_seconds=4.0,
        first_seconds=90.0,
        concurrency=3,
        requests_per_minute=60.0,
        tokens_per_minute=200_000.0,
    )
    assert settings.spending_cap_usd == 0.25
    assert settings.prices == tmp_path / "mine.toml"


def test_variables_of_openai_that_are_empty_count_as_unset():
    """An empty variable changes nothing."""
    names = (*NUMBERS, "HANDOFF_OPENAI_CHAT_MODEL", "HANDOFF_OPENAI_EMBEDDING_MODEL")

    settings = load_settings(with_key(**dict.fromkeys((*names, "HANDOFF_PRICES"), "")))

    assert settings == load_settings(with_key())


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("0", id="zero"),
        pytest.param("-1", id="negative"),
        pytest.param("ten", id="word"),
        pytest.param("nan", id="not a number"),
        pytest.param("inf", id="infinite"),
        pytest.param("1e99", id="huge"),
    ],
)
def test_a_number_must_be_above_zero(name, value):
    """Each limit is a plain number above 0, and the sentence names the variable."""
    with pytest.raises(SettingsError) as complaint:
        load_settings(with_key(**{name: value}))

    assert str(complaint.value) == f"{name} must be a number above 0."


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("HANDOFF_CONCURRENCY", id="calls at a time"),
        pytest.param("HANDOFF_OPENAI_DIMENSIONS", id="dimensions"),
        pytest.param("HANDOFF_OPENAI_REQUESTS_PER_MINUTE", id="requests a minute"),
    ],
)
def test_half_of_what_comes_in_wholes_is_refused(name):
    """Half a call, half a dimension or half a request can never be had."""
    with pytest.raises(SettingsError, match=name):
        load_settings(with_key(**{name: "0.5"}))


def test_the_key_is_not_shown():
    """Neither the settings nor the part about OpenAI show the key."""
    settings = load_settings(with_key())

    assert "SECRETKEY" not in repr(settings)
    assert "SECRETKEY" not in str(settings.openai)
