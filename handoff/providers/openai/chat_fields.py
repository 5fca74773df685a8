"""What is asked of a chat model beside its answer's form, in every way that some server knows."""

from collections.abc import Sequence
from typing import Any

from handoff.core.tagging import MOST_TAGS
from handoff.providers.openai.dialect import LEFT_OUT, Field, Form, whole_words

STORE = Field(
    "store", whole_words("store"), (Form("store", {"store": False}),), elsewhere=(LEFT_OUT,)
)
"""OpenAI keeps what it was asked unless it is told not to, so there it is never left out."""

_LIMIT = whole_words("max_completion_tokens|max_tokens")
_ROLE = whole_words(
    r"system\W+(?:role|messages?|prompts?|instructions?)|roles?\W+system"
    r"|messages role|developer instructions?|only user and assistant roles|roles must alternate"
)
_STRUCTURE = whole_words(
    r"response[ _]?format\w*|json[ _]?(?:schema|object|mode)|structured[ _]?outputs?|maxitems"
    r"|guided\w*|grammar|schema"
)

_STREAMED = Form("stream", {"stream": True})

STREAM = Field(
    "stream",
    whole_words("stream(?:ing|ed)?|stream_options|include_usage"),
    (
        Form("stream with usage", {"stream": True, "stream_options": {"include_usage": True}}),
        _STREAMED,
        LEFT_OUT,
    ),
    elsewhere=(_STREAMED, LEFT_OUT),
)
"""An answer in pieces; where nobody says what it used, the most that it can have is booked."""


def limit(tokens: int) -> Field:
    """Return how long an answer may be; OpenAI's own is never asked for one without end."""
    new = Form("max_completion_tokens", {"max_completion_tokens": tokens})
    old = Form("max_tokens", {"max_tokens": tokens})
    return Field(new.name, _LIMIT, (new, old), elsewhere=(old, new, LEFT_OUT))


def messages(role: str, query: str) -> Field:
    """Return who the model is and what it is asked, in two messages or in one."""
    own = {"role": "user", "content": query}
    apart = Form("system role", {"messages": [{"role": "system", "content": role}, own]})
    one = {"role": "user", "content": f"{role}\n\nThe user's message:\n{query}"}
    return Field(
        "system role",
        _ROLE,
        (apart, Form("before the query", {"messages": [one]})),
    )


def tags_of(choices: Sequence[str]) -> Field:
    """Return the form of an answer that names tags: only these, or only JSON, or as it comes."""

    def schema(name: str, **more: int) -> Form:
        tags = {"type": "array", "items": {"type": "string", "enum": list(choices)}, **more}
        form = {
            "type": "object",
            "properties": {"tags": tags},
            "required": ["tags"],
            "additionalProperties": False,
        }
        named: dict[str, Any] = {"name": "Tags", "strict": True, "schema": form}
        return Form(name, {"response_format": {"type": "json_schema", "json_schema": named}})

    unbounded = schema("json_schema without maxItems")
    json = Form("json_object", {"response_format": {"type": "json_object"}})
    return Field(
        "response_format",
        _STRUCTURE,
        (schema("json_schema", maxItems=MOST_TAGS), unbounded, json, LEFT_OUT),
        # Some refuse to count, and it is counted here again anyway.
        elsewhere=(unbounded, json, LEFT_OUT),
    )
