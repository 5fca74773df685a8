"""What OpenAI would say: chats with or without a schema, vectors, models, and their faults."""

import base64
import functools
import hashlib
import itertools
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from .wire import (
    CHAT,
    ECHOED_CHARACTERS,
    HOST,
    MAX_INPUTS,
    MODEL_WIDTHS,
    MODELS,
    WIDTH,
    ApiError,
    Json,
    Queued,
    Reply,
    Vectors,
    encoded,
    tokens_in,
)

# Faults that are an HTTP status


def http_fault(queued: Queued, key: str, model: str) -> Reply:
    """Return the error that a fault of this kind stands for."""
    headers: dict[str, str] = {}
    match queued.fault:
        case "rate_limited":
            if "retry_after" in queued.details:
                headers["retry-after"] = str(queued.details["retry_after"])
            if "retry_after_ms" in queued.details:
                headers["retry-after-ms"] = str(queued.details["retry_after_ms"])
            error = ApiError(
                429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded"
            )
        case "quota":
            error = ApiError(
                429,
                "You exceeded your current quota.",
                kind="insufficient_quota",
                code="insufficient_quota",
            )
        case "server_error":
            status = queued.details.get("status", 500)
            error = ApiError(status, "The server had an error.", kind="server_error")
        case "redirect":
            where = queued.details.get("port")
            to = "/elsewhere" if where is None else f"http://{HOST}:{where}{CHAT}"
            return Reply((b"",), queued.details.get("status", 307), headers={"location": to})
        case "unauthorized":
            message = f"Incorrect API key provided: {key[:6]}***{key[-3:]}."
            error = ApiError(401, message, code="invalid_api_key")
        case "no_model":
            message = f"The model `{model}` does not exist or you do not have access to it."
            error = ApiError(404, message, code="model_not_found")
        case _:
            error = ApiError(400, "The request is not valid.", param="model")
    return error.reply(headers)


# Chat


def text_of(content: object) -> str:
    """Return a message's text, be it a string or a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def alternatives(schema: Json, root: Json) -> Iterator[Json]:
    """Yield the schemas that this one stands for, with references and unions resolved."""
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        yield from alternatives(target, root)
        return
    parts = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
    if not parts:
        yield schema
    for part in parts:
        yield from alternatives(part, root)


def allowed(schema: Json, root: Json) -> list[str]:
    """Return the strings that an enum, a const or a union of them permits."""
    found: list[str] = []
    for one in alternatives(schema, root):
        values = one.get("enum", [one["const"]] if "const" in one else [])
        found.extend(value for value in values if isinstance(value, str))
    return found


def tag_list(schema: Json) -> tuple[str, list[str], int | None]:
    """Return the name, the permitted values and the longest length of the list of enum values."""
    for root in alternatives(schema, schema):
        for name, declared in root.get("properties", {}).items():
            for one in alternatives(declared, schema):
                values = allowed(one.get("items", {}), schema)
                if one.get("type") == "array" and values:
                    return name, values, one.get("maxItems")
    raise ApiError(400, "The schema has no list of enum values.", param="response_format")


def in_words(text: str) -> str:
    """Return the words of a text in lower case, each with a space on either side."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def told_tags(body: Json) -> tuple[str, list[str], int | None] | None:
    """Return the tags that the messages list, where no schema permits any; see `tag_list`."""
    told = "\n".join(text_of(one.get("content")) for one in body["messages"])
    listed = re.search(r"The tags are: (\[.*\])", told)
    return None if listed is None else ("tags", json.loads(listed[1]), None)


def tags_for(permitted: tuple[str, list[str], int | None], text: str, fault: str | None) -> str:
    """Return the JSON object whose tags are the permitted values that the text mentions."""
    name, values, most = permitted
    # Who was refused the system role puts it before the query.
    text = text.rpartition("The user's message:\n")[2]
    said = in_words(text)
    chosen = [one for one in values if in_words(one).strip() and in_words(one) in said][:most]
    if fault == "wrong_tag":
        chosen = ["no such tag"]
    elif fault == "many_tags":
        longest = len(values) if most is None else most
        chosen = list(itertools.islice(itertools.cycle(values), longest + 1))
    return json.dumps({name: chosen}, ensure_ascii=False)


def chat_message(body: Json, text: str, fault: str | None) -> tuple[Json, str]:
    """Return the message and the reason why it ends."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        content = tags_for(tag_list(schema), text, fault)
    elif (told := told_tags(body)) is not None:
        content = tags_for(told, text, fault)
    else:
        content = f"You asked: {text[:ECHOED_CHARACTERS]}"
    message: Json = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    match fault:
        case "refusal":
            return message | {"content": None, "refusal": "I cannot help with that."}, "stop"
        case "length":
            return message | {"content": content[: len(content) // 2]}, "length"
        case "content_filter":
            return message | {"content": ""}, "content_filter"
        case "not_json":
            return message | {"content": "Happy to help: it is about an invoice."}, "stop"
    return message, "stop"


def chat_reply(body: Json, fault: str | None, number: int) -> Reply:
    """Return the answer to a chat request, as one object or as events."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise ApiError(400, "`messages` is a list of objects.", param="messages")
    if not messages:
        raise ApiError(400, "A chat needs at least one message.", param="messages")
    asked = [one for one in messages if one.get("role") == "user"]
    text = text_of(asked[-1].get("content")) if asked else ""
    message, reason = chat_message(body, text, fault)
    prompt = tokens_in("".join(text_of(one.get("content")) for one in messages))
    completion = tokens_in(message["content"] or message["refusal"] or "")
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    head = {
        "id": f"chatcmpl-{number:08d}",
        "created": int(time.time()),
        "model": body["model"],
        "service_tier": "default",
    }
    if body.get("stream"):
        counted = bool((body.get("stream_options") or {}).get("include_usage"))
        events = chat_events(head, message, reason, usage if counted else None)
        return Reply(tuple(events), content_type="text/event-stream", tokens=prompt + completion)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return Reply((encoded(answer),), tokens=prompt + completion)


def chat_events(head: Json, message: Json, reason: str, usage: Json | None) -> Iterator[bytes]:
    """Yield the server-sent events of a streamed message, word by word."""
    kind = "content" if message["refusal"] is None else "refusal"
    opening = {"role": "assistant", "content": "", "refusal": None}
    words = ({kind: word} for word in re.findall(r"\s*\S+", message[kind]))
    endings = itertools.repeat(None)
    deltas = [*zip(itertools.chain([opening], words), endings, strict=False), ({}, reason)]
    last: Json = {} if usage is None else {"usage": None}
    for delta, ending in deltas:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": ending}
        yield event({**head, "object": "chat.completion.chunk", "choices": [choice], **last})
    if usage is not None:
        yield event({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def event(value: Json) -> bytes:
    """Return one server-sent event."""
    return b"data: " + encoded(value) + b"\n\n"


# Embeddings


@functools.lru_cache(maxsize=8192)
def direction(word: str, width: int) -> Vectors:
    """Return the direction of a word, the same in every process."""
    digest = hashlib.sha256(word.encode(errors="surrogatepass")).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    return generator.standard_normal(width, dtype=np.float32)


def vector_of(text: str, width: int, dimensions: int) -> Vectors:
    """Return the unit vector of a text: the sum of its words' directions, cut to size."""
    words = re.findall(r"\w+", text.casefold()) or [text]
    total = np.sum([direction(word, width)[:dimensions] for word in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def embedding_inputs(body: Json) -> list[str]:
    """Return the texts to embed, or refuse what OpenAI refuses."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise ApiError(400, "`input` is a text or a list of texts.", param="input")
    if len(texts) > MAX_INPUTS:
        message = f"`input` holds {len(texts)} texts, and {MAX_INPUTS} are the most."
        raise ApiError(400, message, param="input", code="array_above_max_length")
    if not all(isinstance(text, str) and text for text in texts):
        raise ApiError(400, "`input` holds an empty text or no text.", param="input")
    return texts


def spoiled(rows: Vectors, fault: str | None) -> Vectors:
    """Return the rows with the fault in their figures; the last row carries it."""
    match fault:
        case "wrong_dimension":
            return rows[:, : rows.shape[1] // 2] if rows.shape[1] > 1 else np.hstack([rows, rows])
        case "nan":
            rows[-1, 0] = np.nan
        case "zero_row":
            rows[-1] = 0.0
        case "missing_rows":
            return rows[:-1]
    return rows


def embeddings_reply(body: Json, fault: str | None) -> Reply:
    """Return the answer to an embeddings request."""
    texts = embedding_inputs(body)
    width = MODEL_WIDTHS.get(body["model"], WIDTH)
    dimensions = width if body.get("dimensions") is None else body["dimensions"]
    if not isinstance(dimensions, int) or not 1 <= dimensions <= width:
        raise ApiError(400, f"`dimensions` is from 1 to {width}.", param="dimensions")
    rows = spoiled(np.stack([vector_of(text, width, dimensions) for text in texts]), fault)
    packed = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": (
                base64.b64encode(row.astype("<f4").tobytes()).decode() if packed else row.tolist()
            ),
        }
        for index, row in enumerate(rows)
    ]
    if fault == "shuffled_rows":
        data.reverse()
    used = sum(tokens_in(text) for text in texts)
    usage = {"prompt_tokens": used, "total_tokens": used}
    answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    return Reply((encoded(answer),), tokens=used)


def models_reply() -> Reply:
    """Return the list of models."""
    rows = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "openai"}
        for name in MODELS
    ]
    return Reply((encoded({"object": "list", "data": rows}),))
