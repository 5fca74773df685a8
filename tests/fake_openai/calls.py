"""Calls of the real SDK to the double, and what they ask."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import numpy as np
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel, Field, create_model

from fake_openai import FakeOpenAI

KEY = "sk-abcdefghijklmnopxyz"

CHAT_MODEL = "gpt-4o-mini"

EMBEDDING_MODEL = "text-embedding-3-small"

TAGS = ("billing", "web search", "sales", "credit_card")

QUERY = "Sales sent me two invoices: is it billing?"

TEXTS = ["an invoice", "a refund", "a delivery"]

# A client that loads the system's certificates takes 40 ms to make, and loopback needs none.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Call = Callable[[AsyncOpenAI], Awaitable[Any]]


def client_of(server: FakeOpenAI, *, timeout: float = 5, retries: int = 0) -> AsyncOpenAI:
    """Return a client of this server."""
    return AsyncOpenAI(
        base_url=server.base_url,
        api_key=KEY,
        max_retries=retries,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(verify=TLS),
    )


def ask(server: FakeOpenAI, call: Call, **options: float) -> Any:
    """Make calls with a client of their own, on a loop of their own."""

    async def made():
        async with client_of(server, **options) as client:
            return await call(client)

    return asyncio.run(made())


def reply_model(tags: tuple[str, ...] = TAGS, most: int = 2) -> type[BaseModel]:
    """Return a reply with a list of these tags, as a provider builds it."""
    tag = StrEnum("Tag", {f"tag_{number}": name for number, name in enumerate(tags)})
    return create_model("Reply", tags=(list[tag], Field(max_length=most)))


def tag(query: str = QUERY, model: type[BaseModel] | None = None) -> Call:
    """Return a call that asks for the tags of a query."""
    messages = [
        {"role": "system", "content": "Pick the tags."},
        {"role": "user", "content": query},
    ]
    wanted = reply_model() if model is None else model
    return lambda client: client.chat.completions.parse(
        model=CHAT_MODEL, messages=messages, response_format=wanted
    )


def talk(query: str = QUERY) -> Call:
    """Return a call that asks a question in words."""
    messages = [{"role": "user", "content": query}]
    return lambda client: client.chat.completions.create(model=CHAT_MODEL, messages=messages)


def embed(texts: str | list[str] | None = None, **options: Any) -> Call:
    """Return a call that embeds texts."""
    given = TEXTS if texts is None else texts
    return lambda client: client.embeddings.create(model=EMBEDDING_MODEL, input=given, **options)


def stream(query: str = QUERY, **options: Any) -> Call:
    """Return a call that collects the chunks of a streamed answer."""
    messages = [{"role": "user", "content": query}]

    async def collect(client: AsyncOpenAI) -> list[ChatCompletionChunk]:
        chunks = await client.chat.completions.create(
            model=CHAT_MODEL, messages=messages, stream=True, **options
        )
        async with chunks:
            return [chunk async for chunk in chunks]

    return collect


def rows(answer: Any) -> np.ndarray:
    """Return the vectors of an answer, in the order in which they came."""
    return np.array([figures(row.embedding) for row in answer.data])


def figures(vector: list[float] | str) -> np.ndarray:
    """Return a vector's figures, decoded where they came as base64."""
    if isinstance(vector, str):
        return np.frombuffer(base64.b64decode(vector), "<f4")
    return np.array(vector)


CALLS = {"chat": tag(), "embeddings": embed()}
