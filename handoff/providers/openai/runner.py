"""An agent that answers: a chat model in the selected agent's role."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handoff.core.model import Agent
from handoff.protocols import OnText
from handoff.providers.openai.chat_fields import STORE, USAGE, limit, messages
from handoff.providers.openai.connection import Call, OpenAIConnection

MOST_ANSWER_TOKENS = 400


@dataclass(frozen=True, slots=True)
class _Answer:
    """A streamed answer, whole, and what it used."""

    text: str
    finished: bool
    usage: Any


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
        most = len(role.encode()) + len(query.encode())
        call = Call(
            "chat",
            model,
            {"stream": True},
            (messages(role, query), limit(MOST_ANSWER_TOKENS), STORE, USAGE),
            most,
            MOST_ANSWER_TOKENS,
        )

        async def send(body: dict[str, Any], client: Any) -> _Answer:  # noqa: ANN401 - the SDK is not imported here
            pieces: list[str] = []
            usage = None
            finished = False
            stream = await client.chat.completions.create(**body)
            async with stream:
                async for chunk in stream:
                    usage = chunk.usage or usage
                    for choice in chunk.choices:
                        finished = finished or choice.finish_reason is not None
                        if choice.delta.content:
                            piece = _shown(choice.delta.content)
                            pieces.append(piece)
                            if on_text is not None:
                                on_text(piece)
            return _Answer("".join(pieces), finished, usage)

        def read(answer: _Answer) -> str:
            if not answer.finished:
                raise ValueError("a stream that does not say that it ended")
            return answer.text

        return await self._connection.call(call, send, read)


def _shown(piece: object) -> str:
    """Return a piece of an answer as text that can be shown: half a surrogate pair cannot.

    Raises:
        TypeError: It is no text; the SDK checks none of this.
    """
    if not isinstance(piece, str):
        raise TypeError("a piece of an answer is no text")
    return piece.encode(errors="replace").decode()
