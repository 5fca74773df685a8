"""A routing workbench: which specialist agent should take a query, or nobody, and why.

Read `core/model.py` (the nouns), then `router.py` (the shell), then `bootstrap.py` (the joints).
"""

from handoff.core.decision import decide
from handoff.core.errors import HandoffError
from handoff.core.model import (
    Agent,
    Decision,
    Evidence,
    EvidenceSet,
    Outcome,
    Policy,
    Ranking,
    Registry,
    Score,
)
from handoff.core.ranking import rank
from handoff.core.texts import parse_query
from handoff.files.registry import load_registry
from handoff.router import Route, Router

__all__ = [
    "Agent",
    "Decision",
    "Evidence",
    "EvidenceSet",
    "HandoffError",
    "Outcome",
    "Policy",
    "Ranking",
    "Registry",
    "Route",
    "Router",
    "Score",
    "decide",
    "load_registry",
    "parse_query",
    "rank",
]
