"""Room for models that think before they answer: their thinking counts as part of the answer."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from handoff.core.errors import ProviderReplyError
from handoff.providers.openai.connection import OpenAIConnection
from handoff.providers.openai.dialect import LEFT_OUT, Field, Form, whole_words

THINKING_TOKENS = 4_000
"""What thinking may take beside the answer; with low effort a few hundred is usual."""

CHOOSE_ANOTHER = "choose another chat model with HANDOFF_OPENAI_CHAT_MODEL"

_TAKES_EFFORT = re.compile(r"(?:^|/)(?:o\d|gpt-5|gpt-oss)")
"""Models that are known to think, and to be told how much."""

_EFFORT = Field(
    "reasoning_effort",
    whole_words(r"reasoning[ _.]effort|reasoning"),
    (Form("low", {"reasoning_effort": "low"}), LEFT_OUT),
)

_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put thinking that they took out of an answer."""

Answer = TypeVar("Answer")


def effort(model: str) -> tuple[Field, ...]:
    """Return the wish to think little, for a model that takes it."""
    return (_EFFORT,) if _TAKES_EFFORT.search(model) else ()


async def ask_with_room(
    connection: OpenAIConnection, model: str, ask: Callable[[int], Awaitable[Answer | None]]
) -> Answer:
    """Ask, with room for thinking where the model is known to think, or turns out to.

    Args:
        connection: That asks; it remembers who thinks.
        model: Who is asked.
        ask: Asks with so many tokens for thinking; None says that thinking used them all.

    Raises:
        ProviderError: As `ask` raised it, or thinking used up even its own room.
    """
    dialect = connection.dialects.of("chat", model)
    if not (dialect.thinks or _TAKES_EFFORT.search(model)):
        answer = await ask(0)
        if answer is not None:
            return answer
        dialect.thinks = True
    answer = await ask(THINKING_TOKENS)
    if answer is None:
        who = connection.settings.server("chat").called
        raise ProviderReplyError(
            f"{who} thought until its {THINKING_TOKENS:,} tokens for it were used up, and did not "
            f"answer: {CHOOSE_ANOTHER}."
        )
    return answer


def refuse_silence(who: str, room: int, ending: str | None) -> None:
    """Raise ProviderReplyError where thinking had room, was not cut, and no answer followed.

    Without room it passes: some servers say that they stopped where a limit stopped them.
    """
    if room and ending != "length":
        raise ProviderReplyError(f"{who} thought, and did not answer: {CHOOSE_ANOTHER}.")


def withheld(who: str) -> ProviderReplyError:
    """Return the error for an answer of which a server's filter left nothing."""
    return ProviderReplyError(
        f"{who} let its content filter withhold the answer: put the query otherwise."
    )


def first_choice(choices: Sequence[Any] | None) -> Any:  # noqa: ANN401 - the SDK is not imported here
    """Return the choice with number 0, or the first without one; None where there is neither.

    One was asked for, and some servers send several.
    """
    numbered = ((getattr(choice, "index", None), choice) for choice in choices or ())
    return next((choice for number, choice in numbered if number in (0, None)), None)


def thought(part: Any, usage: Any = None) -> bool:  # noqa: ANN401 - the SDK is not imported here
    """Tell whether a message, or a piece of one, or what it used, shows thinking of its own."""
    details = getattr(usage, "completion_tokens_details", None)
    fields = (getattr(part, name, None) for name in _THOUGHTS)
    return bool(getattr(details, "reasoning_tokens", None)) or any(fields)


def thoughts_in(message: Any) -> Iterator[str]:  # noqa: ANN401 - the SDK is not imported here
    """Yield the texts beside a message's own, where some servers put all that a model wrote."""
    for name in _THOUGHTS:
        text = getattr(message, name, None)
        if isinstance(text, str) and text:
            yield text


def words_in(content: object) -> str:
    """Return the text of a message; some servers send parts, of which thinking is one.

    Raises:
        TypeError: It is no text.
    """
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(words_in(_text_of(part)) for part in content)
    if not isinstance(content, str):
        raise TypeError("a piece of an answer is no text")
    # Half a surrogate pair cannot be shown.
    return content.encode(errors="replace").decode()


def _text_of(part: object) -> object:
    return part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
