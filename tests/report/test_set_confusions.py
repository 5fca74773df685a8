"""What of a large registry's confusions is drawn and listed."""

import numpy as np

from handoff.core.model import Agent, EvidenceSet, Policy, Registry, ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.flips import find_flips
from handoff.evaluation.judged import label
from handoff.report.charts import BEST
from handoff.report.set_figures import confusion_chart, confusion_note
from handoff.report.set_groups import group_cases, pair_key
from handoff.report.set_tables import pair_rows

AGENTS = 60
REGISTRY = Registry(tuple(Agent(f"a{at}", f"Agent {at}", f"does {at}") for at in range(AGENTS)))


def analyse_pairs(*pairs):
    """Analyse cases by who should get them, who gets them, and how many there are of the kind."""
    expected = [f"a{should}" for should, _, cases in pairs for _ in range(cases)]
    got = [gets for _, gets, cases in pairs for _ in range(cases)]
    scores = np.zeros((len(got), AGENTS), dtype=np.float32)
    scores[np.arange(len(got)), got] = 0.9
    evidence = EvidenceSet(
        queries=tuple(f"q{at}" for at in range(len(got))),
        embedder="e",
        tagger="t",
        fingerprint=REGISTRY.fingerprint,
        tags=((),) * len(got),
        vectors=np.zeros((len(got), 2), dtype=np.float32),
        similarities=scores,
        lexical=np.zeros_like(scores),
        degraded=((),) * len(got),
    )
    return analyse(label(evidence, REGISTRY, expected), Policy(0.5, ThresholdSource.CONFIG))


# Agent 58 loses all of its own to 59; each of thirty others loses more, but no five to one agent.
MANY = analyse_pairs(
    (58, 59, 5),
    *((at, (at + step) % 30, 3) for at in range(30) for step in range(1, 4)),
    *((at, at, 20) for at in range(30)),
)


def test_the_worst_confusion_is_drawn():
    """However much goes astray elsewhere, one cell at a time."""
    keys = confusion_chart(MANY, None)["data"][0]["customdata"]

    assert pair_key(58, 59) in keys


def test_a_chart_that_leaves_agents_out_says_so():
    """How many are drawn, of how many that get or should get something."""
    assert confusion_note(MANY) == "24 of 32 agents shown: those that are confused most often."
    assert confusion_note(analyse_pairs((0, 1, 1), (1, 1, 2))) is None


def test_the_colour_tells_how_many():
    """What is right has one colour; of what goes astray, few and many look different."""
    for ink in (None, "#566074"):
        trace = confusion_chart(analyse_pairs((0, 1, 1), (1, 0, 20), (1, 1, 9)), ink)["data"][0]
        color = dict(zip(trace["customdata"], trace["marker"]["color"], strict=True))

        assert color[pair_key(1, 1)] == BEST
        assert len({color[pair_key(0, 1)], color[pair_key(1, 0)], BEST}) == 3


def test_the_table_has_confusions_alone_worst_first():
    """A right pair is no row; each row says of how many that is."""
    rows, keys = pair_rows(MANY, 4)

    assert (rows[0]["should get it"], rows[0]["gets it"]) == ("Agent 58", "Agent 59")
    assert (rows[0]["cases"], rows[0]["of"]) == (5, 5)
    assert [row["cases"] for row in rows] == [5, 3, 3, 3]
    assert len(keys) == 4


def test_every_drawn_cell_leads_to_its_cases():
    """Though many agents get what they should, no confusion is without a group."""
    busy = analyse_pairs(
        *((at, at, 9) for at in range(AGENTS)),
        *((at, (at + step) % 24, 1) for at in range(24) for step in range(1, 10)),
    )
    groups = group_cases(busy, find_flips(busy.ended, busy.got, busy.ended, busy.got))

    for key in confusion_chart(busy, None)["data"][0]["customdata"]:
        assert len(groups[key].rows)
