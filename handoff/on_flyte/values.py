"""What crosses a boundary of Flyte: small, flat, and versioned."""

import base64
import json
from dataclasses import asdict, dataclass

import numpy as np

from handoff.core.errors import SettingsError
from handoff.core.model import FloatArray, Policy, ThresholdSource
from handoff.files.policy import Ground
from handoff.report.route_json import plain_score
from handoff.report.route_words import headline, reason
from handoff.router import Route, Router, Scored

SHOWN = 10
"""So many agents of a ranking are in a result."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How similar a query is to agents; arrays are packed, see `unpack`.

    Attributes:
        version: Of this form.
        vector: The query's, shape (dimensions,).
        similarities: One an agent that was asked for, in that order.
        lexical: The same.
    """

    version: int
    vector: str
    similarities: str
    lexical: str


@dataclass(frozen=True, slots=True)
class HandoffResult:
    """What became of a query.

    Attributes:
        version: Of this form.
        query: As it was embedded.
        outcome: `selected`, `below_threshold` or `ambiguous`.
        selected_agent: Its id; None where nobody takes the query.
        best_score: The best candidate's.
        threshold: The one that judged it.
        margin: Best minus second candidate; None with a single candidate.
        extracted_tags: Best first.
        filtered_count: How many agents are candidates.
        all_scores: The best ones' scores by id, candidates first.
        degraded: The stages that were skipped because their provider failed.
        handoff_successful: Whether somebody takes it.
        error_message: Why nobody does; empty where somebody does.
        answer: The agent's; None where it was not asked.
    """

    version: int
    query: str
    outcome: str
    selected_agent: str | None
    best_score: float
    threshold: float
    margin: float | None
    extracted_tags: list[str]
    filtered_count: int
    all_scores: dict[str, float]
    degraded: list[str]
    handoff_successful: bool
    error_message: str
    answer: str | None


def result_of(route: Route) -> HandoffResult:
    """Return a route as a result."""
    decision, ranking = route.decision, route.ranking
    best = [ranking[rank] for rank in range(min(SHOWN, len(ranking)))]
    taken = decision.agent is not None
    return HandoffResult(
        version=1,
        query=route.evidence.query,
        outcome=decision.outcome.value,
        selected_agent=None if decision.agent is None else decision.agent.id,
        best_score=plain_score(decision.best.score),
        threshold=decision.threshold,
        margin=None if decision.margin is None else plain_score(decision.margin),
        extracted_tags=list(route.evidence.tags),
        filtered_count=ranking.candidates,
        all_scores={score.agent.id: plain_score(score.score) for score in best},
        degraded=list(route.evidence.degraded),
        handoff_successful=taken,
        error_message="" if taken else f"{headline(decision)}. {reason(route)}",
        answer=route.answer,
    )


def pack(vectors: FloatArray) -> str:
    """Return numbers as one text: base64 of little-endian float32."""
    return base64.b64encode(vectors.astype("<f4").tobytes()).decode()


def unpack(packed: str) -> FloatArray:
    """Return what `pack` was given, flat, float32."""
    return np.frombuffer(base64.b64decode(packed), dtype="<f4").astype(np.float32)


def scores_of(scores: Scores) -> Scored:
    """Return what was packed, as rows of one query."""
    return Scored(
        vectors=unpack(scores.vector)[None, :],
        similarities=unpack(scores.similarities)[None, :],
        lexical=unpack(scores.lexical)[None, :],
    )


def pack_policy(policy: Policy, router: Router) -> str:
    """Return a policy as JSON, with what it was made for."""
    ground = Ground(router.embedder.identity, router.registry.fingerprint)
    return json.dumps({"policy": asdict(policy), "ground": asdict(ground)})


def unpack_policy(packed: str, router: Router) -> Policy:
    """Read a policy; a worker with another registry or embedder is refused."""
    values = json.loads(packed)
    ground = Ground(router.embedder.identity, router.registry.fingerprint)
    if values["ground"] != asdict(ground):
        raise SettingsError(
            "This worker has another registry or embedder than the batch was begun with: deploy "
            "again from where you start it."
        )
    fields = values["policy"]
    return Policy(**{**fields, "source": ThresholdSource(fields["source"])})
