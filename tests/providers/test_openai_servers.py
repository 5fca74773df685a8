"""One server for each job, with a key of its own or with none."""

import base64

import pytest
from fake_openai import CHAT, EMBEDDINGS, FakeOpenAI, Quirks
from openai_routes import KEY, QUERY, SECRET, WHO, chain, counted, embedded, routed

from handoff.core.errors import ProviderError, ProviderRejectedError, ProviderUnavailableError

OTHER_KEY = "sk-test-OTHERKEY456"


@pytest.fixture
def other():
    """Serve vectors beside the first server, and no chats."""
    with FakeOpenAI(quirks=Quirks(lacks=("chat",))) as running:
        yield running


def keys(server):
    """Return the keys with which a server was asked; None where it was with none."""
    return {one.headers.get("authorization") for one in server.requests}


def test_chats_and_vectors_come_from_two_servers(server, other, configure):
    """Each is asked for its own with its own key, and neither knows the other's."""
    server.quirks = Quirks(lacks=("embeddings",))

    route = routed(configure(embedding_base_url=other.base_url, embedding_api_key=OTHER_KEY))

    assert route.evidence.degraded == ()
    assert counted(server) == {CHAT: 1}
    assert counted(other) == {EMBEDDINGS: 2}
    assert keys(server) == {f"Bearer {KEY}"}
    assert keys(other) == {f"Bearer {OTHER_KEY}"}


@pytest.mark.parametrize("status", [404, 501])
def test_an_endpoint_that_is_not_there_is_asked_once(server, configure, status):
    """Neither smaller batches nor another attempt would find it, and the sentence says so."""
    server.quirks = Quirks(lacks=("embeddings",), lacking_status=status)

    with pytest.raises(ProviderRejectedError, match="has nothing at /v1/embeddings"):
        embedded(configure(), ["one text", "another text"])

    assert counted(server) == {EMBEDDINGS: 1}


def test_what_one_server_fails_at_is_told_of_that_one(other, configure):
    """The sentences name the setting of the address, and of the key."""
    settings = configure(embedding_base_url=other.base_url, embedding_api_key=OTHER_KEY)
    other.fail("embeddings", "unauthorized", times=None)

    with pytest.raises(ProviderRejectedError) as trouble:
        routed(settings)

    assert str(trouble.value).startswith("The server of HANDOFF_OPENAI_EMBEDDING_BASE_URL ")
    assert "HANDOFF_OPENAI_EMBEDDING_API_KEY" in str(trouble.value)
    with pytest.raises(ProviderUnavailableError, match="and HANDOFF_OPENAI_EMBEDDING_BASE_URL"):
        routed(configure(embedding_base_url="http://127.0.0.1:9/v1"))


def test_vectors_of_two_servers_do_not_meet(other, configure):
    """The address of the embedding server is part of the embedder's identity."""
    one = routed(configure())
    two = routed(configure(embedding_base_url=other.base_url))

    assert counted(other) == {EMBEDDINGS: 2}
    assert one.evidence.embedder != two.evidence.embedder
    assert one.evidence.tagger == two.evidence.tagger


def test_no_key_is_sent_where_none_is_set(server, configure):
    """A server that needs none is asked without the header, and routes."""
    server.quirks = Quirks(keyless=True)

    route = routed(configure(api_key=""))

    assert route.evidence.degraded == ()
    assert keys(server) == {None}


def test_a_server_that_wants_a_key_is_told_as_such(configure):
    """Nobody is told to check a key that is not there."""
    with pytest.raises(ProviderRejectedError, match="wants a key: set OPENAI_API_KEY"):
        embedded(configure(api_key=""), ["fresh bread"])


def test_a_name_and_a_password_in_an_address_are_used_and_not_shown(server, configure):
    """They go where they belong, and into no error, identity or representation."""
    settings = configure(
        api_key="", base_url=server.base_url.replace("//", f"//somebody:{SECRET}@")
    )

    route = routed(settings)

    packed = base64.b64encode(f"somebody:{SECRET}".encode()).decode()
    assert keys(server) == {f"Basic {packed}"}
    assert SECRET not in f"{settings!r} {route.evidence.embedder} {route.evidence.tagger}"
    for fault in ("unauthorized", "no_model", "bad_request", "server_error", "drop", "html"):
        server.mend()
        server.fail("embeddings", fault, times=None)
        with pytest.raises(ProviderError) as trouble:
            embedded(settings, [f"fresh bread {fault}"])
        for error in chain(trouble.value):
            assert SECRET not in f"{error!s} {error!r} {error.args!r}"


def test_addresses_of_azures_older_kind_work(server, configure):
    """Version and key stand where Azure looks for them, and each model has its address."""
    server.quirks = Quirks(deployments=True)
    root = server.base_url.removesuffix("/v1") + "/openai/deployments"

    route = routed(
        configure(
            base_url=f"{root}/talks?api-version=2024-06-01",
            embedding_base_url=f"{root}/numbers?api-version=2024-06-01",
        )
    )

    assert route.evidence.degraded == ()
    assert counted(server) == {CHAT: 1, EMBEDDINGS: 2}


def test_a_model_with_spaces_in_its_name_is_asked_by_it(server, configure):
    """Nothing is cut off or escaped."""
    name = "Meta Llama 3 8B (Q4)"

    route = routed(configure(chat_model=name, embedding_model=name, dimensions=8))

    assert {one.body["model"] for one in server.requests} == {name}
    assert route.evidence.degraded == ()
    assert route.evidence.query == QUERY
    assert WHO not in route.evidence.embedder
