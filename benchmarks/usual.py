"""The usual design, which `python benchmarks/remote.py` compares ours with."""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from openai import AsyncOpenAI
from pydantic import Field, create_model

from handoff.core.model import Agent, Registry
from handoff.core.texts import agent_text
from handoff.providers.openai.tagger import PROMPT

CHAT_MODEL, EMBEDDING_MODEL = "gpt-4o-mini", "text-embedding-3-small"


@dataclass(frozen=True, slots=True)
class Usual:
    """Tags, then the query's vector, then a request for each agent's; nothing is kept."""

    client: AsyncOpenAI
    registry: Registry

    async def hand_off(self, query: str) -> Agent:
        """Return the most similar agent of those with a fitting tag."""
        one_of: Any = Literal.__getitem__(self.registry.vocabulary)
        tags: Any = (list[one_of], Field(max_length=5))
        answer = await self.client.chat.completions.parse(
            model=CHAT_MODEL,
            messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": query}],
            response_format=create_model("Tags", tags=tags),
        )
        parsed: Any = answer.choices[0].message.parsed
        vector = await self.embed(query)
        vectors = await asyncio.gather(
            *(self.embed(agent_text(agent)) for agent in self.registry.agents)
        )
        scored = zip(np.stack(vectors) @ vector, self.registry.agents, strict=True)
        ranked = [agent for _, agent in sorted(scored, key=lambda pair: -pair[0])]
        fitting = (agent for agent in ranked if set(agent.tags) & set(parsed.tags))
        return next(fitting, ranked[0])

    async def embed(self, text: str) -> Any:  # noqa: ANN401 - an array of whatever came
        """Return the vector of one text."""
        reply = await self.client.embeddings.create(model=EMBEDDING_MODEL, input=text)
        return np.array(reply.data[0].embedding, dtype=np.float32)
