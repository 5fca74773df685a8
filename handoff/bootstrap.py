"""The only place where parts are chosen and joined."""

from handoff.core.model import Registry
from handoff.index.exact import ExactIndex
from handoff.protocols import Embedder, TagExtractor
from handoff.providers.cached import CachedEmbedder
from handoff.providers.local import LocalEmbedder, LocalTagExtractor, load_model
from handoff.providers.scripted import ScriptedEmbedder, ScriptedTagExtractor, SimulatedRunner
from handoff.resilience.cache import VectorCache
from handoff.router import Router
from handoff.settings import Settings

CACHE_NAME = "vectors-1.sqlite"


def preload(settings: Settings) -> None:
    """Load what a first query would wait for; raises ProviderError where it is not installed."""
    if "local" in (settings.embedder, settings.tagger):
        load_model()


def build_router(settings: Settings, registry: Registry, *, on_disk: bool = True) -> Router:
    """Join the parts that the settings name; nothing is embedded yet.

    Args:
        settings: Which parts.
        registry: The agents.
        on_disk: Keep vectors in the cache; False for what a visitor lends for a while.
    """
    local: Embedder = LocalEmbedder()
    if on_disk:
        local = CachedEmbedder(local, VectorCache(settings.cache_dir / CACHE_NAME))
    embedder = local if settings.embedder == "local" else ScriptedEmbedder()
    index = ExactIndex(registry, embedder)
    tagger: TagExtractor
    if settings.tagger == "local":
        context = index if embedder is local else ExactIndex(registry, local)
        tagger = LocalTagExtractor(registry, local, context)
    else:
        tagger = ScriptedTagExtractor(registry)
    return Router(registry, embedder, tagger, index, SimulatedRunner())
