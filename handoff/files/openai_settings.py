"""How to reach OpenAI, or servers that speak its format: one for each job, if wished."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff.core.errors import SettingsError
from handoff.files.servers import Server, parse_address
from handoff.files.variables import positive, whole

SECRETS = Path(".streamlit") / "secrets.toml"
EMBEDDING_ADDRESS = "HANDOFF_OPENAI_EMBEDDING_BASE_URL"
EMBEDDING_KEY = "HANDOFF_OPENAI_EMBEDDING_API_KEY"


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """How to reach OpenAI and what may be asked of it.

    Attributes:
        api_key: Never shown; empty where the server needs none.
        base_url: Of a compatible server, not shown since it may hold a password; None for
            OpenAI's own.
        chat_model: Extracts tags.
        embedding_model: Makes vectors.
        dimensions: Of the vectors; None for the model's own.
        timeout_seconds: For one attempt.
        deadline_seconds: For a whole call with its retries; waiting for our own limits is free.
        first_seconds: For the first answer of a model that may have to be loaded, on a server that
            is not OpenAI's own; not more than `deadline_seconds` for no more time than the others.
        concurrency: Calls at a time, an endpoint.
        requests_per_minute: None for no limit.
        tokens_per_minute: None for no limit.
        embedding_base_url: Of the server that makes vectors, not shown; None for the same.
        embedding_api_key: Its own, never shown; empty where it has none.
    """

    api_key: str = field(repr=False)
    base_url: str | None = field(default=None, repr=False)
    chat_model: str = "gpt-4o-mini"
    embedding_model: str = "text-embedding-3-small"
    dimensions: int | None = None
    timeout_seconds: float = 8.0
    deadline_seconds: float = 20.0
    first_seconds: float = 60.0
    concurrency: int = 10
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    embedding_base_url: str | None = field(default=None, repr=False)
    embedding_api_key: str = field(default="", repr=False)

    def server(self, endpoint: str) -> Server:
        """Return who answers `chat` or `embeddings`."""
        chat = Server(self.api_key, self.base_url)
        if endpoint == "chat":
            return chat
        own = self.embedding_api_key
        named_by = EMBEDDING_KEY if own or self.embedding_base_url else chat.key_named_by
        if self.embedding_base_url is None:
            return Server(own or self.api_key, self.base_url, chat.named_by, named_by)
        server = Server(own, self.embedding_base_url, EMBEDDING_ADDRESS, named_by)
        # A key is known to the host it was made for, and is nobody else's business.
        if own or server.host != chat.host:
            return server
        return Server(self.api_key, server.address, server.named_by, chat.key_named_by)

    def serves(self, endpoint: str) -> bool:
        """Tell whether anybody can be asked: OpenAI's own wants a key, others may not."""
        server = self.server(endpoint)
        return bool(server.key) or server.address is not None


def load_openai(environ: Mapping[str, str]) -> OpenAISettings | None:
    """Read how to reach OpenAI; None where there is neither a key nor an address.

    Raises:
        SettingsError: A value cannot be used.
    """
    preset = OpenAISettings(_key(environ, "OPENAI_API_KEY"))
    settings = OpenAISettings(
        api_key=preset.api_key,
        base_url=parse_address(environ.get("OPENAI_BASE_URL") or "", "OPENAI_BASE_URL"),
        chat_model=_model(environ, "HANDOFF_OPENAI_CHAT_MODEL", preset.chat_model),
        embedding_model=_model(environ, "HANDOFF_OPENAI_EMBEDDING_MODEL", preset.embedding_model),
        dimensions=whole(environ, "HANDOFF_OPENAI_DIMENSIONS"),
        timeout_seconds=positive(environ, "HANDOFF_OPENAI_TIMEOUT_SECONDS")
        or preset.timeout_seconds,
        deadline_seconds=positive(environ, "HANDOFF_OPENAI_DEADLINE_SECONDS")
        or preset.deadline_seconds,
        first_seconds=positive(environ, "HANDOFF_OPENAI_FIRST_SECONDS") or preset.first_seconds,
        concurrency=whole(environ, "HANDOFF_CONCURRENCY") or preset.concurrency,
        requests_per_minute=whole(environ, "HANDOFF_OPENAI_REQUESTS_PER_MINUTE"),
        tokens_per_minute=whole(environ, "HANDOFF_OPENAI_TOKENS_PER_MINUTE"),
        embedding_base_url=parse_address(environ.get(EMBEDDING_ADDRESS) or "", EMBEDDING_ADDRESS),
        embedding_api_key=_key(environ, EMBEDDING_KEY),
    )
    return settings if settings.serves("chat") or settings.serves("embeddings") else None


def _key(environ: Mapping[str, str], name: str) -> str:
    """Return a key, from the page's secrets where no variable names it; empty where nobody does."""
    key = environ.get(name, "").strip() or (_secret(name) or "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{name} holds characters that no key has: copy it again.")
    return key


def _model(environ: Mapping[str, str], name: str, preset: str) -> str:
    """Return a model's name, which may have spaces within."""
    model = (environ.get(name) or "").strip() or preset
    if not model.isprintable():
        raise SettingsError(f"{name} holds characters that no model's name has: write it again.")
    return model


def _secret(name: str) -> str | None:
    """Return a value of .streamlit/secrets.toml, if it is there, and a regular file."""
    if not SECRETS.is_file():
        return None
    try:
        value = tomllib.loads(SECRETS.read_text(encoding="utf-8-sig")).get(name)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None
