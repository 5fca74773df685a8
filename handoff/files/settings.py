"""What the environment and handoff.toml say, as frozen values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff.core.errors import SettingsError
from handoff.core.texts import parse_number, shorten
from handoff.files.servers import Server

CONFIG_NAME = "handoff.toml"
EXAMPLES_NAME = "examples.csv"
LOG_NAME = "verdicts.sqlite"
_HUGE = 1e9
SECRETS = Path(".streamlit") / "secrets.toml"
EMBEDDED = ("local", "local-fast", "local-minilm")
EMBEDDERS = (*EMBEDDED, "openai", "scripted")
TAGGERS = ("local", "openai", "scripted")


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """How to reach OpenAI and what may be asked of it.

    Attributes:
        api_key: Never shown.
        base_url: Of a compatible server, not shown since it may hold a password; None for
            OpenAI's own.
        chat_model: Extracts tags.
        embedding_model: Makes vectors.
        dimensions: Of the vectors; None for the model's own.
        timeout_seconds: For one attempt.
        deadline_seconds: For a whole call with its retries; waiting for our own limits is free.
        concurrency: Calls at a time, an endpoint.
        requests_per_minute: None for no limit.
        tokens_per_minute: None for no limit.
    """

    api_key: str = field(repr=False)
    base_url: str | None = field(default=None, repr=False)
    chat_model: str = "gpt-4o-mini"
    embedding_model: str = "text-embedding-3-small"
    dimensions: int | None = None
    timeout_seconds: float = 8.0
    deadline_seconds: float = 20.0
    concurrency: int = 10
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def server(self, endpoint: str) -> Server:
        """Return who answers `chat` or `embeddings`."""
        del endpoint
        return Server(self.api_key, self.base_url)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and which parts to join.

    Attributes:
        registry: The file of agents.
        cases: The file of labelled queries; None where there is none.
        config: handoff.toml; None where there is none.
        embedder: One of `EMBEDDERS`.
        tagger: One of `TAGGERS`.
        cache_dir: Where vectors are kept.
        openai: How to reach OpenAI; None without a key.
        prices: A price table of the user's own.
        spending_cap_usd: What this process may spend; None for no cap.
        visitor_cap_usd: What one visitor of the page may spend; None for no cap.
        fall_back: Use the embedded model, wholly, while the embedder cannot be reached.
        examples: The file of queries to learn from; None where there is none.
        state_dir: Where verdicts are kept.
    """

    registry: Path
    cases: Path | None
    config: Path | None
    embedder: str
    tagger: str
    cache_dir: Path
    openai: OpenAISettings | None = None
    prices: Path | None = None
    spending_cap_usd: float | None = None
    visitor_cap_usd: float | None = None
    fall_back: bool = False
    examples: Path | None = None
    state_dir: Path = field(default_factory=lambda: load_state_dir({}))

    @property
    def embedded(self) -> str:
        """Which of `EMBEDDED` tags rest on, and the fallback."""
        return self.embedder if self.embedder in EMBEDDED else "local"

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files that routing reads, and the log: no output may replace one of them."""
        named = (self.registry, self.cases, self.config, self.examples, self.prices)
        return (*(path for path in named if path is not None), self.state_dir / LOG_NAME)

    @property
    def config_to_save(self) -> Path:
        """Where a policy is saved: the handoff.toml in use, else the one beside the registry."""
        return self.config or self.registry.parent / CONFIG_NAME


def load_settings(
    environ: Mapping[str, str], registry: Path | None = None, config: Path | None = None
) -> Settings:
    """Read the environment; what is given here comes first.

    Args:
        environ: The variables that the README lists; one that is empty counts as unset. The key
            may stand in .streamlit/secrets.toml instead.
        registry: The file of agents, from the command line.
        config: handoff.toml, from the command line.

    Raises:
        SettingsError: There is no registry, or a value is unknown.
    """
    agents = registry or Path(environ.get("HANDOFF_REGISTRY") or "agents.csv")
    if registry is None and not environ.get("HANDOFF_REGISTRY") and not agents.exists():
        raise SettingsError(
            "There is no agents.csv in the working directory: change to its folder, or name a "
            "registry with --registry or HANDOFF_REGISTRY."
        )
    cases = agents.parent / "cases.csv"
    examples = agents.parent / EXAMPLES_NAME
    named_cases = environ.get("HANDOFF_CASES")
    beside = agents.parent / CONFIG_NAME
    openai = _openai(environ)
    preferred = "local" if openai is None else "openai"
    embedder = _choice(environ, "HANDOFF_EMBEDDER", EMBEDDERS, preferred)
    tagger = _choice(environ, "HANDOFF_TAGGER", TAGGERS, preferred)
    if openai is None and "openai" in (embedder, tagger):
        raise SettingsError("There is no key for OpenAI: set OPENAI_API_KEY, or choose local.")
    prices = environ.get("HANDOFF_PRICES")
    return Settings(
        registry=agents,
        cases=Path(named_cases) if named_cases else cases if cases.exists() else None,
        examples=examples if examples.exists() else None,
        config=config or (beside if beside.exists() else None),
        embedder=embedder,
        tagger=tagger,
        cache_dir=_cache_dir(environ),
        openai=openai,
        prices=Path(prices) if prices else None,
        spending_cap_usd=_positive(environ, "HANDOFF_SPENDING_CAP_USD"),
        visitor_cap_usd=_positive(environ, "HANDOFF_VISITOR_CAP_USD"),
        fall_back=_choice(environ, "HANDOFF_FALLBACK", ("none", "local"), "none") == "local",
        state_dir=load_state_dir(environ),
    )


def load_state_dir(environ: Mapping[str, str]) -> Path:
    """Return where verdicts are kept; no registry is needed to know it."""
    named = environ.get("HANDOFF_STATE_DIR")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - only who names no folder pays for it

    return Path(platformdirs.user_data_dir("handoff", appauthor=False))


def _openai(environ: Mapping[str, str]) -> OpenAISettings | None:
    """Read how to reach OpenAI; None without a key."""
    key = environ.get("OPENAI_API_KEY", "").strip() or (_secret("OPENAI_API_KEY") or "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError("OPENAI_API_KEY holds characters that no key has: copy it again.")
    base_url = (environ.get("OPENAI_BASE_URL") or "").strip() or None
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise SettingsError("OPENAI_BASE_URL must begin with http:// or https://.")
    preset = OpenAISettings(key)
    return OpenAISettings(
        api_key=key,
        base_url=base_url,
        chat_model=environ.get("HANDOFF_OPENAI_CHAT_MODEL") or preset.chat_model,
        embedding_model=environ.get("HANDOFF_OPENAI_EMBEDDING_MODEL") or preset.embedding_model,
        dimensions=_whole(environ, "HANDOFF_OPENAI_DIMENSIONS"),
        timeout_seconds=_positive(environ, "HANDOFF_OPENAI_TIMEOUT_SECONDS")
        or preset.timeout_seconds,
        deadline_seconds=_positive(environ, "HANDOFF_OPENAI_DEADLINE_SECONDS")
        or preset.deadline_seconds,
        concurrency=_whole(environ, "HANDOFF_CONCURRENCY") or preset.concurrency,
        requests_per_minute=_whole(environ, "HANDOFF_OPENAI_REQUESTS_PER_MINUTE"),
        tokens_per_minute=_whole(environ, "HANDOFF_OPENAI_TOKENS_PER_MINUTE"),
    )


def _secret(name: str) -> str | None:
    """Return a value of .streamlit/secrets.toml, if it is there, and a regular file."""
    if not SECRETS.is_file():
        return None
    try:
        value = tomllib.loads(SECRETS.read_text(encoding="utf-8-sig")).get(name)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def _positive(environ: Mapping[str, str], name: str) -> float | None:
    """Return a number above 0; None where the variable is unset."""
    text = environ.get(name)
    if not text:
        return None
    number = parse_number(text)
    if not 0 < number < _HUGE:
        raise SettingsError(f"{name} must be a number above 0.")
    return number


def _cache_dir(environ: Mapping[str, str]) -> Path:
    named = environ.get("HANDOFF_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - only who names no folder pays for it

    return Path(platformdirs.user_cache_dir("handoff", appauthor=False))


def _whole(environ: Mapping[str, str], name: str) -> int | None:
    """Return a whole number above 0; None where the variable is unset."""
    number = _positive(environ, name)
    if number is not None and number != int(number):
        raise SettingsError(f"{name} must be a whole number above 0.")
    return None if number is None else int(number)


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...], preferred: str) -> str:
    """Return a variable's value; the preferred choice where it is unset."""
    value = environ.get(name) or preferred
    if value not in choices:
        listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise SettingsError(f"{name} is '{shorten(value)}': choose {listed}.")
    return value
