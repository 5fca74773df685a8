"""What the environment and handoff.toml say, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handoff.core.errors import SettingsError
from handoff.files.openai_settings import OpenAISettings, load_openai
from handoff.files.variables import choice, positive

CONFIG_NAME = "handoff.toml"
EXAMPLES_NAME = "examples.csv"
LOG_NAME = "verdicts.sqlite"
EMBEDDED = ("local", "local-fast", "local-minilm")
EMBEDDERS = (*EMBEDDED, "openai", "scripted")
TAGGERS = ("local", "openai", "scripted")


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
        openai: How to reach OpenAI; None with neither a key nor an address.
        prices: A price table of the user's own.
        spending_cap_usd: What this process may spend; None for no cap.
        visitor_cap_usd: What one visitor of the page may spend; None for no cap.
        fall_back: Use the embedded model, wholly, while the embedder cannot be reached.
        examples: The file of queries to learn from; None where there is none.
        state_dir: Where verdicts are kept, and for a day what visitors have not saved.
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
    openai = load_openai(environ)
    embedder = choice(environ, "HANDOFF_EMBEDDER", EMBEDDERS, _preferred(openai, "embeddings"))
    tagger = choice(environ, "HANDOFF_TAGGER", TAGGERS, _preferred(openai, "chat"))
    _check_served(openai, embedder, tagger)
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
        spending_cap_usd=positive(environ, "HANDOFF_SPENDING_CAP_USD"),
        visitor_cap_usd=positive(environ, "HANDOFF_VISITOR_CAP_USD"),
        fall_back=choice(environ, "HANDOFF_FALLBACK", ("none", "local"), "none") == "local",
        state_dir=load_state_dir(environ),
    )


def load_state_dir(environ: Mapping[str, str]) -> Path:
    """Return where verdicts are kept; no registry is needed to know it."""
    named = environ.get("HANDOFF_STATE_DIR")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - only who names no folder pays for it

    return Path(platformdirs.user_data_dir("handoff", appauthor=False))


def _preferred(openai: OpenAISettings | None, endpoint: str) -> str:
    """Return who does a job where nobody chose."""
    return "openai" if openai is not None and openai.serves(endpoint) else "local"


def _check_served(openai: OpenAISettings | None, embedder: str, tagger: str) -> None:
    """Refuse what is wished of OpenAI and nobody can be asked for.

    Raises:
        SettingsError: There is neither a key nor an address, or one that makes no vectors.
    """
    for endpoint, chosen in (("embeddings", embedder), ("chat", tagger)):
        if chosen == "openai" and (openai is None or not openai.serves(endpoint)):
            raise SettingsError("There is no key for OpenAI: set OPENAI_API_KEY, or choose local.")
    if openai is None or openai.embedding_base_url is not None or embedder != "openai":
        return
    if openai.server("embeddings").is_deployment:
        raise SettingsError(
            "OPENAI_BASE_URL is Azure's address of one model, which does not both chat and make "
            "vectors: name that of the embedding model with HANDOFF_OPENAI_EMBEDDING_BASE_URL, or "
            "set HANDOFF_EMBEDDER=local."
        )


def _cache_dir(environ: Mapping[str, str]) -> Path:
    named = environ.get("HANDOFF_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs  # noqa: PLC0415 - only who names no folder pays for it

    return Path(platformdirs.user_cache_dir("handoff", appauthor=False))
