"""Which example is named beside a route, and when none is."""

from dataclasses import replace

import numpy as np
import pytest
from route_word_samples import routed

from handoff.core.agent_rows import AgentRows
from handoff.core.learning import NO_OWNER, Lessons, learn, strongest_voice
from handoff.report.route_words import AUDIBLE, CARRIES, voice

AXES = np.eye(4, dtype=np.float32)
# Agents that are as like the examples as each other: only what is taught tells them apart.
AGENTS = AgentRows(AXES[[3, 3]], AXES[:0], np.array([], dtype=np.intp))
TAUGHT = learn(
    AGENTS,
    Lessons(
        ("fix this bug", "refund my order", "sing a song"),
        AXES[:3],
        np.array([0, 1, NO_OWNER], dtype=np.intp),
    ),
)
FIX = AXES[0]
NEARLY = (np.float32(0.35) * AXES[0] + np.float32(0.9) * AXES[3]).astype(np.float32)


def heard(vector, score, query="?"):
    """Say which example speaks for the first of two agents."""
    route = routed(score, score - 0.5)
    return voice(
        replace(route, evidence=replace(route.evidence, vector=vector, query=query)), TAUGHT
    )


def test_an_example_that_carries_the_score_is_named():
    """It is the same query, and adds most of what there is."""
    said = heard(FIX, 0.9, "fix this bug")

    assert said is not None
    assert said.startswith("Like the example 'fix this bug', which adds 0.")
    assert said.endswith(" for Coder.")


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        pytest.param(NEARLY, 0.02, id="next to nothing, though all of the score"),
        pytest.param(NEARLY, 0.9, id="little of the score"),
        pytest.param(NEARLY, -0.3, id="for an agent that is out of the question"),
    ],
)
def test_an_example_that_adds_little_is_not_named(vector, score):
    """The greatest of many little ones explains nothing."""
    added = strongest_voice(vector, "?", TAUGHT, 0)

    assert added is not None
    assert added.added < max(CARRIES * score, AUDIBLE)
    assert heard(vector, score) == "No single example carries the score of Coder."


def test_where_no_example_adds_anything_the_description_speaks():
    """The query is unlike all of them."""
    assert heard(AXES[3], 0.3) == "No example speaks for Coder; its description does."
