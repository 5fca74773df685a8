"""The double keeps to the schemas that OpenAI publishes."""

import json
from typing import Any

import jsonschema
import openai
import pytest

from fake_openai import CHAT_FAULTS, EMBEDDINGS_FAULTS
from fake_openai.calls import CHAT_MODEL, EMBEDDING_MODEL, QUERY, TEXTS, ask, reply_model, tag

SCHEMA = reply_model().model_json_schema()


@pytest.fixture
def check(data):
    """Return a function that validates a value against one of OpenAI's schemas."""
    contract = json.loads((data / "openai-schemas.json").read_text("utf-8"))

    def validate(name: str, value: Any) -> None:
        schema = {**contract, "$ref": f"#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema).validate(value)

    return validate


def exempted(answer: dict) -> dict:
    """Return an answer without its base64 vectors, which the schema does not know."""
    plain = [
        {**row, "embedding": [] if isinstance(row["embedding"], str) else row["embedding"]}
        for row in answer["data"]
    ]
    return {**answer, "data": plain}


@pytest.mark.parametrize("fault", [None, *CHAT_FAULTS])
@pytest.mark.parametrize("structured", [True, False], ids=["tags", "words"])
def test_chat_keeps_to_the_published_schemas(server, check, fault, structured):
    """Requests of the SDK as well as replies, faults of content among them."""
    wanted = {"type": "json_schema", "json_schema": {"name": "Reply", "schema": SCHEMA}}
    options = {"response_format": wanted} if structured else {}
    if fault is not None:
        server.fail("chat", fault)
    reply = ask(
        server,
        lambda client: client.chat.completions.with_raw_response.create(
            model=CHAT_MODEL, messages=[{"role": "user", "content": QUERY}], **options
        ),
    )

    check("CreateChatCompletionRequest", server.requests[0].body)
    check("CreateChatCompletionResponse", json.loads(reply.text))


def test_the_requests_of_parse_keep_to_the_published_schema(server, check):
    """With the strict schema that the SDK makes of a model."""
    ask(server, tag())

    check("CreateChatCompletionRequest", server.requests[0].body)
    assert server.requests[0].body["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize("fault", [None, *EMBEDDINGS_FAULTS])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_keep_to_the_published_schemas(server, check, fault, encoding):
    """Requests of the SDK as well as replies, but for base64, which the schema does not know."""
    if fault is not None:
        server.fail("embeddings", fault)
    reply = ask(
        server,
        lambda client: client.embeddings.with_raw_response.create(
            model=EMBEDDING_MODEL, input=TEXTS, dimensions=64, encoding_format=encoding
        ),
    )

    check("CreateEmbeddingRequest", server.requests[0].body)
    check("CreateEmbeddingResponse", exempted(json.loads(reply.text)))


@pytest.mark.parametrize(
    "fault", ["rate_limited", "quota", "server_error", "unauthorized", "no_model", "bad_request"]
)
def test_errors_keep_to_the_published_schema(server, check, fault):
    """Whatever the status."""
    server.fail("chat", fault)

    with pytest.raises(openai.APIStatusError) as caught:
        ask(server, tag())

    check("ErrorResponse", caught.value.response.json())
