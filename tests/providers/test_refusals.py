"""What is said of a status of failure."""

import json

import pytest

from handoff.core.errors import (
    ProviderRejectedError,
    ProviderUnavailableError,
    RateLimitedError,
)
from handoff.files.servers import Server
from handoff.providers.openai.refusals import Refusal, translate_refusal

KEY = "sk-test-SECRETKEY123"

ELSEWHERE = Server(KEY, "http://me:hunter2SECRET@127.0.0.1:11434/v1", "OPENAI_BASE_URL")

OPENAI = Server(KEY)


def told(status, said="", path="/v1/embeddings", server=ELSEWHERE, code=None):
    """Return the error of a refusal with this body."""
    body = said if isinstance(said, str) else json.dumps(said)
    return translate_refusal(Refusal(status, code, path, body), server, "bge-m3")


@pytest.mark.parametrize(
    ("said", "path", "sentence"),
    [
        pytest.param(
            "404 page not found",
            "/embeddings",
            "has nothing at /embeddings, says status 404, “404 page not found”: is /v1 missing at "
            "the end of OPENAI_BASE_URL?",
            id="no version",
        ),
        pytest.param(
            {"detail": "Not Found"},
            "/v1/embeddings",
            "has nothing at /v1/embeddings, says status 404, “Not Found”: name a server or a model "
            "that has.",
            id="no embeddings",
        ),
        pytest.param(
            "",
            "/chat/completions",
            "has nothing at /chat/completions, says status 404: is /v1 missing at the end of "
            "OPENAI_BASE_URL?",
            id="no words",
        ),
        pytest.param(
            {"error": {"message": 'model "bge-m3" not found, try pulling it first'}},
            "/v1/embeddings",
            'does not know the model bge-m3, “model "bge-m3" not found, try pulling it first”: '
            "name another.",
            id="Ollama",
        ),
    ],
)
def test_an_address_that_is_not_there_is_told_from_a_model_that_is_not(said, path, sentence):
    """With the path that was asked for, and the server's own words."""
    error = told(404, said, path)

    assert type(error) is ProviderRejectedError
    assert str(error) == f"The server of OPENAI_BASE_URL {sentence}"


def test_openais_own_lacks_models_alone():
    """By the code that it gives."""
    error = told(404, {"error": {"message": "Gone."}}, server=OPENAI, code="model_not_found")

    assert str(error) == "OpenAI does not know the model bge-m3, “Gone”: name another."


def test_what_is_not_built_in_is_not_tried_again():
    """As of a llama.cpp that was started without embeddings: it is no outage."""
    error = told(501, {"error": {"message": "This server does not support embeddings."}})

    assert type(error) is ProviderRejectedError
    assert "has nothing at /v1/embeddings, says status 501" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ProviderRejectedError),
        (400, ProviderRejectedError),
        (401, ProviderRejectedError),
        (403, ProviderRejectedError),
        (413, ProviderRejectedError),
        (429, RateLimitedError),
        (500, ProviderUnavailableError),
        (503, ProviderUnavailableError),
        (529, ProviderUnavailableError),
    ],
)
def test_no_status_tells_a_secret(status, kind):
    """Neither the key nor the password of the address, whoever repeats them."""
    said = f"Bearer {KEY} at http://me:hunter2SECRET@127.0.0.1 was not good"

    error = told(status, {"error": {"message": said}})

    assert type(error) is kind
    assert "SECRET" not in str(error)
    assert str(error).endswith(".")
