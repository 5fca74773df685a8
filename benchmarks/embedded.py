"""Which embedded model a benchmark measures: the one that ships, or what HANDOFF_EMBEDDER names."""

import os

from handoff.providers.embedded import EmbeddedModel, choose_embedded

NAME = os.environ.get("HANDOFF_EMBEDDER", "local")
LOCAL = {"HANDOFF_EMBEDDER": NAME, "HANDOFF_TAGGER": "local"}


def embedded() -> EmbeddedModel:
    """Return the model that is measured."""
    return choose_embedded(NAME)
