"""How servers that speak OpenAI's format differ from OpenAI, and what they refuse.

A fault comes and goes; a quirk is how a server is. `FakeOpenAI(quirks=Quirks(...))` has some, and
`server.quirks` may be exchanged at any time, as by a server that changes its mind.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .wire import CHAT, EMBEDDINGS, Json, Reply, encoded

Endpoint = Literal["chat", "embeddings"]
Manner = Literal["openai", "pydantic", "google", "litellm", "nameless"]
Shape = Literal[
    "capitals",
    "changed_mind",
    "endless_fence",
    "fence",
    "list",
    "many",
    "object",
    "one_too_many",
    "prose",
    "six",
    "text",
    "think",
    "think_unannounced",
]
Streaming = Literal[
    "azure", "comments", "cut", "error", "no_done", "reasoning", "unfinished", "whole"
]
Indices = Literal["missing", "zero"]

PATHS: dict[str, str] = {"chat": CHAT, "embeddings": EMBEDDINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What is not as OpenAI has it; all at rest is OpenAI.

    Attributes:
        refuses: Fields that may not be sent, and "base64", "json_object", "json_schema", "maxItems"
            and "system" for what stands in one.
        always: Fields that are refused whether they are sent or not.
        status: Of such a refusal.
        manner: Whose words it is put in; "nameless" tells no field.
        most_texts: Of one request.
        most_tokens: Of one request's texts, a token being four characters.
        batch_status: Of a request with more.
        cannot_embed: A text with this in it fails, and its whole batch with it.
        failing_status: Of that: it is no number (500), or too long (400).
        lacks: Endpoints that are not there.
        lacking_status: What is said in their place.
        keyless: No key is needed, and any is ignored.
        deployments: An address names a model and a version, as at Azure, and a header has the key.
        loading_seconds: How long a first answer takes; who leaves earlier has it begin anew.
        loading_status: The model is never loaded, and each request is told so; 0 for it is.
        error_in_200: Endpoints whose answer is an error under a status of success.
        tags: What is chosen where no schema says what may be, but tags are spoken of.
        shape: What a chat's words look like.
        thinking_tokens: What thinking takes of a chat's limit; nothing is said with less.
        streaming: How a stream differs, "whole" being no stream at all.
        index: The numbers that rows of vectors carry.
        width: How long vectors are, at most 1,536; None for the model's own.
        narrowing: Each reply's vectors are one number shorter than those of the reply before.
        lists: Vectors are lists, whatever was asked for.
        unnormalised: Vectors are of any length.
        ignores_dimensions: Vectors are as long as they are.
        bare: No usage, object or model in a reply.
    """

    refuses: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    status: int = 400
    manner: Manner = "openai"
    most_texts: int | None = None
    most_tokens: int | None = None
    batch_status: int = 400
    cannot_embed: str | None = None
    failing_status: int = 500
    lacks: tuple[Endpoint, ...] = ()
    lacking_status: int = 404
    keyless: bool = False
    deployments: bool = False
    loading_seconds: float = 0.0
    loading_status: int = 0
    error_in_200: tuple[Endpoint, ...] = ()
    tags: tuple[str, ...] = ("billing",)
    shape: Shape | None = None
    thinking_tokens: int = 0
    streaming: Streaming | None = None
    index: Indices | None = None
    width: int | None = None
    narrowing: bool = False
    lists: bool = False
    unnormalised: bool = False
    ignores_dimensions: bool = False
    bare: bool = False


_DEPLOYED = re.compile(r"/openai/deployments/[^/]+(/chat/completions|/embeddings)")


def deployed(path: str, query: bytes, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return OpenAI's path and headers for those of Azure's older kind; nothing for any other."""
    match = _DEPLOYED.fullmatch(path)
    if match is None or b"api-version=" not in query or "authorization" in headers:
        return "", {}
    return f"/v1{match[1]}", {**headers, "authorization": headers.get("api-key", "")}


def refuse(quirks: Quirks, path: str, body: Json) -> Reply | None:
    """Return what a server with these quirks says in place of an answer; None for nothing."""
    if path in {PATHS[endpoint] for endpoint in quirks.lacks}:
        return _lacking(quirks)
    if quirks.loading_status:
        return told(quirks.loading_status, "Loading model")
    field = next(_refused(quirks, path, body), None)
    if field is not None:
        return _in_words(quirks, field)
    if path == EMBEDDINGS:
        return _too_much(quirks, body)
    return None


def _refused(quirks: Quirks, path: str, body: Json) -> Iterator[str]:
    """Yield the fields of a request that may not be in it."""
    yield from quirks.always
    asked = (body.get("response_format") or {}).get("type")
    within = {
        "base64": body.get("encoding_format") == "base64",
        "json_object": asked == "json_object",
        "json_schema": asked == "json_schema",
        "maxItems": '"maxItems"' in json.dumps(body.get("response_format")),
        "stream": bool(body.get("stream")),
        "system": path == CHAT
        and any(one.get("role") == "system" for one in body.get("messages") or []),
    }
    for field in quirks.refuses:
        if within.get(field, body.get(field) is not None):
            yield field


NAMED_FOR = {
    "base64": "encoding_format",
    "json_object": "response_format",
    "json_schema": "response_format",
    "maxItems": "response_format",
    "system": "messages",
}


def _in_words(quirks: Quirks, field: str) -> Reply:
    """Return a refusal as one of the known servers puts it."""
    name = NAMED_FOR.get(field, field)
    what = f"'{name}'" if name == field else f"'{field}' in '{name}'"
    if field == "system":
        what = "System role"
    match quirks.manner:
        case "pydantic":
            said: object = {"detail": [_located(field, name)]}
        case "google":
            message = f"Invalid JSON payload received. Unknown name {what}: Cannot find field."
            said = [{"error": {"code": quirks.status, "message": message, "status": "INVALID"}}]
        case "litellm":
            message = (
                f"litellm.UnsupportedParamsError: Setting {what} is not supported. To drop it from "
                "the call, set `litellm.drop_params = True`."
            )
            said = {"error": {"message": message, "type": None, "param": None, "code": "400"}}
        case "nameless":
            said = {"error": "Bad request"}
        case _:
            message = f"{what} is not supported with this model."
            said = {
                "error": {
                    "message": message,
                    "type": "invalid_request_error",
                    "param": name,
                    "code": "unsupported_parameter",
                }
            }
    return Reply((encoded(said),), quirks.status)


def _located(field: str, name: str) -> Json:
    if field == "system":
        return {
            "type": "literal_error",
            "loc": ["body", "messages", 0, "role"],
            "msg": "Input should be 'user' or 'assistant'",
            "input": "system",
        }
    return {
        "type": "extra_forbidden",
        "loc": ["body", name],
        "msg": f"Extra inputs are not permitted: {field}",
        "input": None,
    }


UNEMBEDDABLE = {
    200: "cannot embed this input",
    400: "the input length exceeds the context length",
    500: "failed to encode response: json: unsupported value: NaN",
}


def _too_much(quirks: Quirks, body: Json) -> Reply | None:
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    most, tokens = quirks.most_texts, sum(len(text) // 4 for text in texts)
    if most is not None and len(texts) > most:
        return told(
            quirks.batch_status, f"batch size {len(texts)} > maximum allowed batch size {most}"
        )
    if quirks.most_tokens is not None and tokens > quirks.most_tokens:
        return told(
            quirks.batch_status,
            f"input is too large: {tokens} tokens, {quirks.most_tokens} are the most",
        )
    if quirks.cannot_embed is not None and any(quirks.cannot_embed in text for text in texts):
        return told(quirks.failing_status, UNEMBEDDABLE[quirks.failing_status])
    return None


def _lacking(quirks: Quirks) -> Reply:
    if quirks.lacking_status == 404:
        return Reply((b"404 page not found",), 404, content_type="text/plain")
    return told(quirks.lacking_status, "This server does not support this endpoint.")


def told(status: int, message: str) -> Reply:
    """Return an error with no more than a message and its status."""
    return Reply((encoded({"error": {"message": message, "code": status}}),), status)


def asked_of(quirks: Quirks, body: Json) -> Json:
    """Return a request as the server takes it."""
    ignored = {"dimensions"} if quirks.ignores_dimensions or quirks.width else frozenset[str]()
    return dict(itertools.filterfalse(lambda pair: pair[0] in ignored, body.items()))
