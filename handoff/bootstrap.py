"""The only place where parts are chosen and joined."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from handoff.core.errors import SettingsError
from handoff.core.lexical import build_lexicon
from handoff.core.model import Registry
from handoff.core.texts import agent_text
from handoff.files.examples import Examples, load_examples
from handoff.files.registry import load_registry
from handoff.files.settings import EMBEDDED, Settings
from handoff.index.exact import ExactIndex
from handoff.index.learned import HeldOutIndex, LearnedIndex
from handoff.protocols import AgentRunner, Embedder, TagExtractor, VectorIndex
from handoff.providers.cached import CachedEmbedder, CachedTagExtractor
from handoff.providers.embedded import choose_embedded
from handoff.providers.openai.connection import OpenAIConnection, load_sdk
from handoff.providers.openai.embedder import OpenAIEmbedder
from handoff.providers.openai.prices import load_prices
from handoff.providers.openai.runner import OpenAIRunner
from handoff.providers.openai.tagger import OpenAITagExtractor, Shortlist
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.providers.similarity_tagger import LocalTagExtractor
from handoff.resilience.cache import VectorCache
from handoff.resilience.spending import SpendingCap
from handoff.router import Router

CACHE_NAME = "vectors-1.sqlite"
LEARNED_NAME = "learned-1"

EMBEDDERS: Mapping[str, Callable[[OpenAIConnection | None], Embedder]] = {
    "openai": lambda connection: OpenAIEmbedder(_with_key(connection)),
    "scripted": lambda _: ScriptedEmbedder(),
}
"""By what `HANDOFF_EMBEDDER` calls them; beside the embedded ones, which tags rest on as well."""

TAGGERS: Mapping[str, Callable[[OpenAIConnection | None, Registry, Shortlist], TagExtractor]] = {
    "openai": lambda connection, registry, shortlist: OpenAITagExtractor(
        _with_key(connection), registry, shortlist
    ),
    "scripted": lambda _, registry, __: ScriptedTagExtractor(registry),
}
"""By what `HANDOFF_TAGGER` calls them; beside the one that rests on similarity."""


def open_registry(settings: Settings) -> tuple[Registry, Examples]:
    """Read the agents and the examples that the settings name.

    Returns:
        The registry with its examples, and what the file of examples held.

    Raises:
        RegistryError: The agents cannot be read.
        ExamplesError: The examples cannot be read.
    """
    registry = load_registry(settings.registry)
    if settings.examples is None:
        return registry, Examples()
    found = load_examples(settings.examples, registry)
    return Registry(registry.agents, found.examples), found


def preload(settings: Settings) -> None:
    """Load what a first query would wait for; raises ProviderError where it is not installed."""
    if settings.embedder in EMBEDDED or settings.tagger == "local" or settings.fall_back:
        choose_embedded(settings.embedded).load()
    if "openai" in (settings.embedder, settings.tagger):
        load_sdk()


def build_connection(settings: Settings) -> OpenAIConnection | None:
    """Make ready to call OpenAI; None with neither a key nor an address.

    Breakers, limits and the spending cap belong to it, so a process needs one.

    Raises:
        SettingsError: The price table cannot be read.
    """
    if settings.openai is None:
        return None
    cap = SpendingCap(settings.spending_cap_usd, name="This process")
    return OpenAIConnection(settings.openai, load_prices(settings.prices), cap)


def build_router(
    settings: Settings,
    registry: Registry,
    connection: OpenAIConnection | None,
    *,
    on_disk: bool = True,
) -> Router:
    """Join the parts that the settings name; nothing is embedded yet.

    Args:
        settings: Which parts.
        registry: The agents.
        connection: To OpenAI, shared by all routers of a process; None without a key.
        on_disk: Keep vectors and tags in the cache; False for what a visitor lends for a while.

    Raises:
        SettingsError: The settings of OpenAI do not fit together.
    """
    cache = VectorCache(settings.cache_dir / CACHE_NAME) if on_disk else None
    kept_in = settings.cache_dir / LEARNED_NAME if on_disk else None
    model = choose_embedded(settings.embedded)
    local: Embedder = model if cache is None else CachedEmbedder(model, cache)
    context = _index(registry, local, kept_in)
    similar: TagExtractor = LocalTagExtractor(registry, model, context, local)
    simulated = SimulatedRunner()
    lexicon = build_lexicon([agent_text(agent) for agent in registry.agents])
    embedder, tagger = local, similar
    if settings.embedder not in EMBEDDED:
        embedder = EMBEDDERS[settings.embedder](connection)
        if cache is not None and embedder.paid:
            embedder = CachedEmbedder(embedder, cache)
    if settings.tagger != "local":
        # By the descriptions alone: tags are kept, and examples come and go.
        bare = ExactIndex(Registry(registry.agents), local)
        shortlist = LocalTagExtractor(registry, model, bare, local).shortlist
        tagger = TAGGERS[settings.tagger](connection, registry, shortlist)
        if cache is not None and tagger.paid:
            tagger = CachedTagExtractor(tagger, cache, registry.vocabulary)
    fallback = None
    if settings.fall_back and embedder.paid:
        fallback = Router(registry, local, similar, context, lexicon, simulated)
    runner: AgentRunner = simulated
    if connection is not None and connection.settings.serves("chat"):
        runner = OpenAIRunner(connection)
    index = context if embedder is local else _index(registry, embedder, kept_in)
    held_out = None
    if registry.examples:
        held_out_tagger = tagger
        if tagger is similar:
            held_out_tagger = LocalTagExtractor(registry, model, HeldOutIndex(context), local)
        held_out = Router(
            registry, embedder, held_out_tagger, HeldOutIndex(index), lexicon, simulated
        )
    return Router(registry, embedder, tagger, index, lexicon, runner, fallback, held_out)


def _index(registry: Registry, embedder: Embedder, kept_in: Path | None) -> VectorIndex:
    exact = ExactIndex(registry, embedder)
    return LearnedIndex(exact, registry, embedder, kept_in) if registry.examples else exact


def _with_key(connection: OpenAIConnection | None) -> OpenAIConnection:
    if connection is None:
        raise SettingsError("OpenAI needs a key: set OPENAI_API_KEY.")
    return connection


def build_batch_router(router: Router, settings: Settings) -> Router:
    """Return a router for very many queries.

    A model that embeds a query faster than its vector is looked up or kept remembers none.
    """
    if settings.embedder not in EMBEDDED:
        return router
    model = choose_embedded(settings.embedder)
    return replace(router, embedder=model) if model.quick else router
