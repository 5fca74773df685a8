"""A score that just misses its threshold: nothing that is shown says that it reaches it."""

from route_figure_samples import TYPICAL, routed

from handoff.core.model import Outcome, Policy, ThresholdSource
from handoff.report.charts import Mark, mark_names
from handoff.report.route_figures import similarity_chart
from handoff.report.route_tables import side_by_side
from handoff.report.route_text import route_to_text

CLOSE = routed(0.2296, 0.1, 0.0, policy=Policy(0.23, ThresholdSource.EMBEDDER))


def test_the_chart_tells_a_near_miss_from_a_hit():
    """Label and line have the digits that it takes; far scores keep two."""
    figure = similarity_chart(CLOSE, TYPICAL)
    labels = figure["layout"]["yaxis"]["ticktext"]

    assert CLOSE.decision.outcome is Outcome.BELOW_THRESHOLD
    assert "0.2296" in labels[0]
    assert "0.10" in labels[1]
    assert figure["layout"]["annotations"][0]["text"] == "<b>threshold 0.2300</b>"


def test_the_terminal_and_the_comparison_do_too():
    """The same digits as in the sentence."""
    assert "0.2296" in route_to_text(CLOSE).partition("score")[2]
    facts = {row[""]: row["this route"] for row in side_by_side(CLOSE, CLOSE)}

    assert facts["best"].endswith("0.2296")
    assert facts["threshold"] == "0.2300"


def test_two_marks_that_are_close_read_differently():
    """A recommendation beside the threshold in use is another number."""
    first, second = mark_names(
        [Mark(0.2843, "threshold", "dash"), Mark(0.2801, "recommended", "dot")], (0, 1)
    )

    assert (first["text"], second["text"]) == (
        "<b>threshold 0.284</b>",
        "<b>recommended 0.280</b>",
    )
