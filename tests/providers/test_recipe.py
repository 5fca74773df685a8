"""The recipe "Add a provider" of CONTRIBUTING.md, followed to the letter by a double."""

import asyncio
from pathlib import Path

import pytest

from handoff import bootstrap
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.files import settings as settings_file
from handoff.files.settings import load_settings
from handoff.report.route_words import answered_by
from tests.providers.small_provider import SmallEmbedder, SmallTagExtractor

REGISTRY = Registry(
    (
        Agent("baker", "Baker", "Bakes bread and cakes.", ("bread",)),
        Agent("florist", "Florist", "Binds flowers.", ("flowers",)),
    )
)
SMALL = {"HANDOFF_EMBEDDER": "small", "HANDOFF_TAGGER": "small"}


@pytest.fixture
def router(monkeypatch, tmp_path):
    """Join the double as the recipe says: a name in the settings, a line in bootstrap."""
    monkeypatch.setattr(settings_file, "EMBEDDERS", (*settings_file.EMBEDDERS, "small"))
    monkeypatch.setattr(settings_file, "TAGGERS", (*settings_file.TAGGERS, "small"))
    monkeypatch.setitem(bootstrap.EMBEDDERS, "small", lambda _: SmallEmbedder())
    monkeypatch.setitem(
        bootstrap.TAGGERS, "small", lambda _, registry, __: SmallTagExtractor(registry)
    )
    (tmp_path / "agents.csv").touch()
    environ = SMALL | {"HANDOFF_CACHE_DIR": str(tmp_path)}
    settings = load_settings(environ, tmp_path / "agents.csv")
    return bootstrap.build_router(settings, REGISTRY, None)


def routed(router):
    """Route a query by the embedder's default."""
    policy = Policy(router.embedder.default_threshold, ThresholdSource.EMBEDDER)
    return asyncio.run(router.route("bread and cakes for Baker", policy))


def test_a_query_is_routed_with_it(router):
    """Its vectors, its tags and its default threshold."""
    route = routed(router)

    assert route.decision.agent == REGISTRY.agents[0]
    assert route.evidence.tags == ("bread",)
    assert route.evidence.embedder == "small-embedder-1"
    assert route.decision.threshold == 0.5


def test_it_is_told_by_its_label(router):
    """Nobody else has to know its name."""
    told = answered_by(routed(router), router)

    assert told.startswith("Vectors and tags by Smallwood. Threshold 0.50")


def test_its_price_is_its_own(router):
    """What asks before it spends asks the provider, once for two of one house."""
    assert router.paid_by_query == ("Smallwood",)
    assert router.embedder.cost_usd(["one", "two"]) == pytest.approx(0.02)


def test_what_is_paid_is_cached(router, monkeypatch):
    """The same query is not paid twice, nor is the registry."""
    first = routed(router)

    async def refuse(_, texts):
        pytest.fail(f"{texts} were embedded again")

    monkeypatch.setattr(SmallEmbedder, "embed", refuse)

    assert routed(router).evidence.vector.tolist() == first.evidence.vector.tolist()


def test_the_recipe_names_what_was_done():
    """The files that this test stands for are those of the recipe."""
    text = Path(__file__).parents[2].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")
    recipe = text[text.index("**Add a provider.**") :].split("\n\n")[0]

    for named in (
        "handoff/providers/",
        "handoff/files/settings.py",
        "handoff/bootstrap.py",
        "tests/providers/test_contract.py",
        "tests/providers/test_recipe.py",
    ):
        assert named in recipe
