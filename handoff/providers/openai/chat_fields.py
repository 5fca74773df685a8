"""What is asked of a chat model beside its answer's form, in every way that some server knows."""

from handoff.providers.openai.dialect import LEFT_OUT, Field, Form

STORE = Field("store", "store", (Form("store", {"store": False}),), elsewhere=(LEFT_OUT,))
"""OpenAI keeps what it was asked unless it is told not to, so there it is never left out."""

USAGE = Field(
    "stream_options",
    "stream_options|include_usage",
    (Form("stream_options", {"stream_options": {"include_usage": True}}), LEFT_OUT),
    elsewhere=(LEFT_OUT,),
)
"""What a streamed answer used; where nobody says it, the most that it can have used is booked."""


def limit(tokens: int) -> Field:
    """Return how long an answer may be; OpenAI's own is never asked for one without end."""
    new = Form("max_completion_tokens", {"max_completion_tokens": tokens})
    old = Form("max_tokens", {"max_tokens": tokens})
    words = f"{new.name}|{old.name}"
    return Field(new.name, words, (new, old), elsewhere=(old, new, LEFT_OUT))


def messages(role: str, query: str) -> Field:
    """Return who the model is and what it is asked, in two messages or in one."""
    own = {"role": "user", "content": query}
    apart = Form("system role", {"messages": [{"role": "system", "content": role}, own]})
    one = {"role": "user", "content": f"{role}\n\nThe user's message:\n{query}"}
    return Field(
        "system role",
        r"system\W+(?:role|messages?|prompts?|instructions?)|roles?\W+system"
        r"|developer instructions?|only user and assistant roles|roles must alternate",
        (apart, Form("before the query", {"messages": [one]})),
    )
