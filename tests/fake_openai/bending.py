"""What servers with quirks answer, made of what OpenAI would."""

import base64
import json
from collections.abc import Callable, Sequence

import numpy as np

from .quirks import PATHS, Quirks, told
from .wire import EMBEDDINGS, Json, Reply, encoded

THOUGHT = "An invoice, so I would say sales. Or is it billing?"


def bend(quirks: Quirks, path: str, body: Json, reply: Reply, number: int) -> Reply:
    """Return a good answer as a server with these quirks would give it.

    Args:
        quirks: How the server is.
        path: What was asked.
        body: The request.
        reply: OpenAI's answer to it.
        number: How many requests came to this path, this one among them.
    """
    if path in {PATHS[endpoint] for endpoint in quirks.error_in_200}:
        return told(200, "The model crashed.")
    if path == EMBEDDINGS:
        return _bent_vectors(quirks, json.loads(reply.body), number)
    if quirks == Quirks():
        return reply
    if body.get("stream"):
        return _bent_stream(quirks, body, reply)
    return _bent_chat(quirks, body, json.loads(reply.body))


def _bent_chat(quirks: Quirks, body: Json, answer: Json) -> Reply:
    choice = answer["choices"][0]
    words = choice["message"]["content"] or ""
    if not body.get("response_format") or body["response_format"]["type"] == "json_object":
        asked = json.dumps(body["messages"]).casefold()
        words = json.dumps({"tags": list(quirks.tags)}) if "tags" in asked else words
    words = _shaped(quirks, words)
    limit = _limit(body)
    if quirks.thinking_tokens and limit is not None and limit <= quirks.thinking_tokens:
        words = ""
        choice["finish_reason"] = "length"
        answer["usage"]["completion_tokens"] = limit
        answer["usage"]["completion_tokens_details"]["reasoning_tokens"] = limit
    choice["message"]["content"] = words
    if quirks.streaming == "reasoning":
        choice["message"]["reasoning_content"] = THOUGHT
    return _stripped(quirks, answer)


def _limit(body: Json) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            return int(body[name])
    return None


def _stripped(quirks: Quirks, answer: Json) -> Reply:
    if quirks.bare:
        answer = {key: answer[key] for key in answer if key in {"choices", "data"}}
    return Reply((encoded(answer),))


def _bent_stream(quirks: Quirks, body: Json, reply: Reply) -> Reply:
    *events, done = reply.parts
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    if quirks.bare:
        chunks = [{"choices": chunk["choices"]} for chunk in chunks]
    limit = _limit(body)
    if quirks.thinking_tokens and limit is not None and limit <= quirks.thinking_tokens:
        chunks = [one for one in chunks if not _words_of(one)]
        for chunk in chunks:
            for choice in chunk["choices"]:
                choice["finish_reason"] = choice["finish_reason"] and "length"
    elif quirks.shape == "think":
        chunks[1:1] = [_saying(chunks[0], word) for word in ("<thi", "nk>", THOUGHT, "</think>")]
    elif quirks.shape == "think_unannounced":
        chunks[1:1] = [_saying(chunks[0], word) for word in (THOUGHT, "\n</thi", "nk>\n")]
    parts = [_event(chunk) for chunk in chunks]
    return Reply(
        tuple(_streamed(quirks, chunks, parts, done)), content_type=_stream_type(quirks.streaming)
    )


def _stream_type(streaming: str | None) -> str:
    return "application/json" if streaming == "whole" else "text/event-stream"


def _streamed(
    quirks: Quirks, chunks: Sequence[Json], parts: list[bytes], done: bytes
) -> list[bytes]:
    """Return the events of a stream that differs."""
    half = parts[: len(parts) // 2]
    broken = {"error": {"message": "The model crashed.", "code": 502}}
    unending = [
        {**one, "choices": [{**each, "finish_reason": None} for each in one["choices"]]}
        for one in chunks
    ]
    forms: dict[str, list[bytes]] = {
        "azure": [_event({**chunks[0], "choices": [], "prompt_filter_results": []}), *parts, done],
        "comments": [piece for one in [*parts, done] for piece in (b": PROCESSING\n\n", one)],
        "cut": half,
        "error": [*half, _event(broken)],
        "no_done": parts,
        "reasoning": [
            parts[0],
            _event(_saying(chunks[0], THOUGHT, "reasoning_content")),
            *parts[1:],
            done,
        ],
        "unfinished": [*map(_event, unending), done],
        "whole": [_as_one(chunks)],
    }
    return forms.get(str(quirks.streaming), [*parts, done])


def _event(value: Json) -> bytes:
    return b"data: " + encoded(value) + b"\n\n"


def _as_one(chunks: Sequence[Json]) -> bytes:
    message = {"role": "assistant", "content": "".join(map(_words_of, chunks))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return encoded({**chunks[0], "object": "chat.completion", "choices": [choice], "usage": None})


def _words_of(chunk: Json) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


def _saying(head: Json, words: str, field: str = "content") -> Json:
    choice = {"index": 0, "delta": {field: words}, "finish_reason": None}
    return {**head, "choices": [choice]}


def _chosen(words: str) -> list[str]:
    """Return the tags that an answer holds."""
    (chosen,) = json.loads(words).values()
    return list(chosen)


SHAPES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "changed_mind": lambda words: f'{{"tags": ["nothing like it"]}}\n\nOr rather:\n{words}',
    "endless_fence": lambda words: f"```json\n{words}\n" + "```json\n" * 20_000,
    "fence": lambda words: f"```json\n{words}\n```",
    "list": lambda words: json.dumps(_chosen(words)),
    "many": lambda words: json.dumps(
        {"tags": [*_chosen(words), *(f"tag {number}" for number in range(10_000))]}
    ),
    "object": lambda words: json.dumps({"tags": dict.fromkeys(_chosen(words), True)}),
    "one_too_many": lambda words: json.dumps({"tags": [*_chosen(words), "no such tag"]}),
    "prose": lambda words: f"Sure, here you are: {words}\nAnything else?",
    "six": lambda words: json.dumps({"tags": _chosen(words) * 6}),
    "text": lambda words: json.dumps({"tags": ", ".join(_chosen(words))}),
    "think": lambda words: f"<think>\n{THOUGHT}\n</think>\n\n{words}",
    "think_unannounced": lambda words: f"{THOUGHT}\n</think>\n\n{words}",
}


def _shaped(quirks: Quirks, words: str) -> str:
    """Return a chat's words as the server's model writes them; an answer in words only thinks."""
    is_data = words.startswith("{")
    if quirks.shape is None or not (is_data or quirks.shape.startswith("think")):
        return words
    return SHAPES[quirks.shape](words)


def _bent_vectors(quirks: Quirks, answer: Json, number: int) -> Reply:
    width = quirks.width
    for at, row in enumerate(answer["data"]):
        packed = isinstance(row["embedding"], str)
        figures = (
            np.frombuffer(base64.b64decode(row["embedding"]), dtype="<f4")
            if packed
            else np.asarray(row["embedding"], dtype=np.float32)
        )[:width]
        if quirks.narrowing:
            figures = figures[: len(figures) - number % 100]
        if quirks.unnormalised:
            figures = figures * (at + 2)
        row["embedding"] = (
            figures.tolist()
            if quirks.lists or not packed
            else base64.b64encode(figures.astype("<f4").tobytes()).decode()
        )
        if quirks.index == "zero":
            row["index"] = 0
        elif quirks.index == "missing":
            del row["index"]
    return _stripped(quirks, answer)
