"""An agent that answers: a chat model in the selected agent's role."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from handoff.core.errors import (
    ProviderReplyError,
    ProviderUnavailableError,
    RestingError,
    TimedOutError,
)
from handoff.core.model import Agent
from handoff.protocols import OnText
from handoff.providers.openai.chat_fields import STORE, STREAM, limit, messages
from handoff.providers.openai.complaints import refuse_error
from handoff.providers.openai.connection import Call, OpenAIConnection, load_sdk
from handoff.providers.openai.room import (
    CHOOSE_ANOTHER,
    ask_with_room,
    effort,
    first_choice,
    refuse_silence,
    thought,
    withheld,
    words_in,
)
from handoff.providers.openai.thinking import Spoken
from handoff.trace import note

MOST_ANSWER_TOKENS = 400

_CUT = {
    "length": "(The answer is cut off here: it reached its limit of tokens.)",
    "content_filter": "(The answer is cut off here, by the server's content filter.)",
}
"""What is said under an answer that ended so."""


class _Answer:
    """An answer as it comes, in pieces or whole.

    Attributes:
        spoken: What is said aloud.
        thinks: Whether the server tells of thinking beside it.
        began: Whether a stream was opened for it.
        ending: Why it ended; None where nobody said that it did.
        usage: What it used, as far as the server says.
    """

    def __init__(self, on_text: OnText | None, *, unannounced: bool) -> None:
        self.spoken = Spoken(unannounced=unannounced)
        self.thinks = False
        self.began = False
        self.ending: str | None = None
        self.usage: Any = None
        self._on_text = on_text

    def take(self, choices: Sequence[Any] | None, usage: Any) -> None:  # noqa: ANN401 - the SDK is not imported here
        """Take what one piece, or the whole, brings."""
        self.usage = usage or self.usage
        choice = first_choice(choices)
        if choice is not None:
            part = choice.delta if hasattr(choice, "delta") else choice.message
            self.thinks = self.thinks or thought(part, usage)
            self._show(self.spoken.hear(words_in(getattr(part, "content", None))))
            self.ending = getattr(choice, "finish_reason", None) or self.ending

    def end(self) -> str:
        """Take that nothing more comes; return the answer, with a note where it was cut."""
        self._show(self.spoken.end())
        text = self.spoken.text
        if text.strip() and self.ending in _CUT:
            cut = f"\n\n{_CUT[self.ending]}"
            self._show(cut)
            text += cut
        return text

    def _show(self, piece: str) -> None:
        if piece and self._on_text is not None:
            self._on_text(piece)


async def _unstreamed(response: Any) -> Any:  # noqa: ANN401 - the SDK is not imported here
    """Return an answer that came whole where a stream was asked for; None for a stream.

    Raises:
        ValueError: It is neither.
    """
    kind = response.headers.get("content-type", "")
    if "json" not in kind and "html" not in kind:
        return None
    text = await response.aread()
    return json.loads(text, object_hook=lambda fields: SimpleNamespace(**fields))


class OpenAIRunner:
    """Answers in the role that an agent's name and description give; see `AgentRunner`."""

    def __init__(self, connection: OpenAIConnection) -> None:
        """Call nobody yet."""
        self._connection = connection

    async def run(
        self, handoffs: Sequence[tuple[Agent, str]], on_text: OnText | None = None
    ) -> list[str]:
        """Return one answer a handoff, in order."""
        return [await self._answer(agent, query, on_text) for agent, query in handoffs]

    async def _answer(self, agent: Agent, query: str, on_text: OnText | None) -> str:
        model = self._connection.settings.chat_model
        role = (
            f"You are {agent.name}, one of several specialists. What you do: {agent.description} "
            "Answer the user's request briefly, in that role."
        )
        return await ask_with_room(
            self._connection, model, lambda room: self._ask(role, query, on_text, room)
        )

    async def _ask(self, role: str, query: str, on_text: OnText | None, room: int) -> str | None:
        """Ask for an answer, and once more where it broke off; None where thinking left nothing.

        What was shown of the first is not shown again: the second comes whole.
        """
        heard: list[_Answer] = []
        try:
            return await self._ask_once(role, query, on_text, room, heard)
        except (TimedOutError, RestingError):
            raise
        except (ProviderReplyError, ProviderUnavailableError):
            if not (heard and heard[-1].began and heard[-1].ending is None):
                raise
        note(retries=1)
        return await self._ask_once(role, query, None, room, heard)

    async def _ask_once(
        self, role: str, query: str, on_text: OnText | None, room: int, heard: list[_Answer]
    ) -> str | None:
        """Ask for an answer; add to `heard` what comes of it, also where it fails."""
        settings = self._connection.settings
        model = settings.chat_model
        dialect = self._connection.dialects.of("chat", model)
        most = MOST_ANSWER_TOKENS + room
        call = Call(
            "chat",
            model,
            {},
            (messages(role, query), limit(most), STORE, STREAM, *effort(model)),
            len(role.encode()) + len(query.encode()),
            most,
        )

        async def send(body: dict[str, Any], client: Any) -> _Answer:  # noqa: ANN401 - the SDK is not imported here
            answer = _Answer(on_text, unannounced=dialect.unannounced)
            heard.append(answer)
            reply = await client.chat.completions.create(**body)
            whole = reply
            if body.get("stream"):
                whole = await _unstreamed(reply.response)
            if whole is not None:
                refuse_error(whole, settings.server("chat"))
                answer.take(whole.choices, getattr(whole, "usage", None))
                answer.ending = answer.ending or "stop"
                return answer
            answer.began = True
            async with reply as stream:
                async for chunk in stream:
                    answer.take(chunk.choices, chunk.usage)
            if answer.ending is None and load_sdk().said_done():
                answer.ending = "stop"
            return answer

        def read(answer: _Answer) -> str | None:
            return self._read(answer, room)

        return await self._connection.call(call, send, read)

    def _read(self, answer: _Answer, room: int) -> str | None:
        """Return the text of an answer that has come; None where thinking left nothing of it."""
        settings = self._connection.settings
        who = settings.server("chat").called
        dialect = self._connection.dialects.of("chat", settings.chat_model)
        spoken = answer.spoken
        if answer.ending is None:
            raise ProviderReplyError(f"{who} broke off amid its answer: try again.")
        is_cut = answer.ending == "length"
        if is_cut and dialect.unannounced and not spoken.thought:
            return None
        text = answer.end()
        dialect.thinks = dialect.thinks or answer.thinks or spoken.thought
        dialect.unannounced = dialect.unannounced or spoken.unannounced
        if text.strip():
            return text
        if answer.ending == "content_filter":
            raise withheld(who)
        if is_cut or answer.thinks or spoken.thought:
            refuse_silence(who, room, answer.ending)
            return None
        raise ProviderReplyError(f"{who} gave an empty answer: ask again, or {CHOOSE_ANOTHER}.")
