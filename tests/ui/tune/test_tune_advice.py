"""What the Tune page recommends, and what is saved of it."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from app_pages import open_page
from ten_cases import (
    CASES,
    EMBEDDER,
    FINGERPRINT,
    REGISTRY,
    buttons,
    figures,
    press,
    sentences,
    table,
)

from handoff.evaluation.recommend import OwnThresholds
from handoff.ui.tune import advice


def test_the_recommendation_moves_the_slider(page):
    """`Use it` takes the threshold over, and there is nothing left to use."""
    page.run()
    recommended = page.metric[0]
    press(page, "Use it")
    used = next(each for each in page.button if each.label == "Use it")

    assert recommended.label == "Threshold"
    assert page.slider(key="t").value == pytest.approx(float(recommended.value), abs=0.0005)
    assert used.disabled
    assert f"at the threshold {page.slider(key='t').value:.4g} (as asked for)" in sentences(page)


def test_a_recommendation_comes_with_its_price(page):
    """Held-out accuracy, its interval, the other policies, and what is too small to say."""
    page.run()
    said = sentences(page)

    assert "a fold left out, 10 in all," in said
    assert "(95 %: " in said
    assert "the threshold in use (the embedder's default) gives accuracy" in said
    assert "and handing off every query" in said
    assert "The set has 3 cases that nobody should take" in said
    assert "would narrow the interval to 10 points" in said


def test_a_better_threshold_in_use_is_kept(page, folder):
    """One sentence says so with both figures, once, and there is nothing to take over."""
    rows = "".join(f"bread from the oven {number},baker\n" for number in range(40))
    (folder / "cases.csv").write_text(f"query,expected\n{rows}")
    page.run()
    page.selectbox(key="goal").select("Few wrong hand-offs").run()
    use = next(each for each in page.button if each.label == "Use it")

    assert not page.exception
    said = sentences(page)
    assert said.count("Keep yours: the threshold in use (the embedder's default), 0.3,") == 1
    assert "at coverage 100.0 %; the one that the cases would choose" in said
    assert use.disabled


def test_the_spread_of_the_choice_stands_beside_it(page):
    """The lowest and the highest threshold that a fold chose."""
    page.run()
    low, high = (float(each) for each in page.metric[0].delta.split(" to "))

    assert low <= float(page.metric[0].value) <= high


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("Highest accuracy", "For the highest accuracy: the threshold"),
        ("Balanced accuracy", "both kinds of cases weighing the same:"),
        ("Few wrong hand-offs", "For at most 5.0 % of all queries handed off wrongly:"),
        ("High coverage", "For at least 80.0 % of all queries handed off:"),
    ],
)
def test_each_goal_is_said_in_words(page, goal, words, asked):
    """The sentence of a recommendation names its goal; no provider is called for another one."""
    page.run()
    page.selectbox(key="goal").select(goal).run()

    assert not page.exception
    assert words in sentences(page)
    assert len(asked) == 1


def test_a_goal_has_a_share_of_its_own(page):
    """The fewer wrong hand-offs, the higher the threshold; the sentence has the share."""
    page.run()
    page.selectbox(key="goal").select("Few wrong hand-offs").run()
    page.number_input(key="share_wrong").set_value(100.0).run()
    any_number = float(page.metric[0].value)
    page.number_input(key="share_wrong").set_value(0.0).run()

    assert "For at most 0.0 % of all queries handed off wrongly" in sentences(page)
    assert float(page.metric[0].value) > any_number


def test_a_share_that_the_set_cannot_promise_is_told(page, folder):
    """Forty cases without an error promise no 5 %, and the page says how many would."""
    rows = "".join(f"bread from the oven {number},baker\n" for number in range(40))
    (folder / "cases.csv").write_text(f"query,expected\n{rows}")
    page.run()
    page.selectbox(key="goal").select("Few wrong hand-offs").run()

    assert "The share 5.0 % holds" in sentences(page)
    assert "too few to promise it" in sentences(page)
    assert "more labelled queries" in sentences(page)


def test_nine_cases_get_no_recommendation(page, folder):
    """Below ten cases the page judges, and says why it recommends nothing."""
    (folder / "cases.csv").write_text(CASES.replace("rent a plane,\n", ""))
    page.run()

    assert "at least 10 cases" in sentences(page)
    assert figures(page)["Accuracy"][0] == "55.6 %"
    assert "Use it" not in buttons(page)
    assert "Save" in buttons(page)


def test_saving_writes_what_the_threshold_stands_on(page, folder):
    """handoff.toml holds the policy, its ground, the day, the goal, and the set's figures."""
    (folder / "handoff.toml").write_text("known_scripts_only = false\n")
    page.run()
    page.slider(key="t").set_value(0.65)
    page.slider(key="m").set_value(0.1)
    page.slider(key="l").set_value(0.05).run()
    accuracy = figures(page)["Accuracy"][0]
    press(page, "Save")
    saved = tomllib.loads((folder / "handoff.toml").read_text())
    found = saved.pop("found")

    assert saved == {
        "threshold": 0.65,
        "margin": 0.1,
        "per_agent": False,
        "lexical_weight": 0.05,
        "known_scripts_only": False,
    }
    assert (found["embedder"], found["registry"]) == (EMBEDDER, FINGERPRINT)
    assert found["date"] == datetime.now(UTC).date()
    assert (found["goal"], found["cases"]) == ("by hand", 10)
    assert f"{100 * found['accuracy']:.1f} %" == accuracy
    assert "Saved to handoff.toml." in sentences(page)


def test_a_recommendation_is_saved_with_its_held_out_figures(page, folder):
    """What is kept of a recommended threshold was counted on cases that did not choose it."""
    page.run()
    page.selectbox(key="goal").select("Few wrong hand-offs").run()
    held_out = page.metric[1].value
    press(press(page, "Use it"), "Save")
    found = tomllib.loads((folder / "handoff.toml").read_text())["found"]

    assert (found["goal"], found["cases"]) == ("wrong=0.05", 10)
    assert f"{100 * found['accuracy']:.1f} %" == held_out


def test_a_saved_policy_is_the_new_baseline(page):
    """After saving nothing is flipped, and what moves is compared with the file."""
    page.run()
    page.slider(key="t").set_value(0.2).run()
    press(page, "Save")
    after_saving = sentences(page)
    page.slider(key="t").set_value(0.3).run()

    assert "at the threshold 0.2 (from handoff.toml)" in after_saving
    assert "Move a control" in after_saving
    assert "Against handoff.toml: 1 better, 1 worse" in sentences(page)
    assert table(page, "Worse")["query"].tolist() == ["fresh bread"]


def test_a_saved_policy_is_taken_up_by_the_next_visitor(page, root):
    """A new visit starts at the saved threshold."""
    page.run()
    page.slider(key="t").set_value(0.2).run()
    press(page, "Save")
    other = open_page(root, "tune").run()

    assert other.slider(key="t").value == 0.2
    assert "at the threshold 0.2 (from handoff.toml)" in sentences(other)


def test_what_cannot_be_written_is_one_sentence(page, folder, monkeypatch):
    """A folder that is read-only leaves no file and no traceback."""

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    page.run()
    monkeypatch.setattr("handoff.files.whole_file.tempfile.mkstemp", refuse)
    press(page, "Save")

    assert not page.exception
    assert "handoff.toml cannot be written (Permission denied)" in page.error[0].value.replace(
        "\\", ""
    )
    assert not (folder / "handoff.toml").exists()


@pytest.fixture
def own_thresholds(monkeypatch):
    """Let thresholds of the agents' own be found, which ten cases are too few for."""
    real = advice.advise

    def advise(registry, analysis):
        found = real(registry, analysis)
        own = OwnThresholds(
            np.array([0.25, np.nan, 0.5], dtype=np.float32), analysis.counts, analysis.counts
        )
        return replace(found, own=own)

    monkeypatch.setattr(advice, "advise", advise)


@pytest.mark.usefixtures("own_thresholds")
def test_own_thresholds_are_written_to_the_agents_file(page, folder):
    """They are seen before, take effect at once, and can be written once more."""
    page.run()
    seen = table(page, "Each agent's own threshold").to_numpy().tolist()
    before = figures(page)["Accuracy"][0]
    press(page, "Write them to the agents' file")
    written = (folder / "agents.csv").read_text()
    press(page, "Write them to the agents' file")

    assert [row.rpartition(",")[2] for row in written.splitlines()] == [
        "threshold",
        "0.25",
        "",
        "0.5",
    ]
    assert (folder / "agents.csv").read_text() == written
    assert "The agents' own thresholds were saved." in sentences(page)
    assert seen == [["Baker", "0.3 (common)", "0.25"], ["Pilot", "0.3 (common)", "0.5"]]
    assert page.toggle(key="a").value
    assert figures(page)["Accuracy"][0] != before


@pytest.mark.usefixtures("own_thresholds")
def test_own_thresholds_do_not_overwrite_what_another_saved(page, folder):
    """An agent that somebody added meanwhile stays, and the page says that nothing was written."""
    page.run()
    theirs = f"{REGISTRY}cook,Cook,boils an egg,egg\n"
    (folder / "agents.csv").write_text(theirs)
    press(page, "Write them to the agents' file")

    assert (folder / "agents.csv").read_text() == theirs
    assert (
        "agents.csv was changed by somebody else since these thresholds were found: nothing was "
        "written, look at what is found for the agents as they are now and write that."
    ) in sentences(page)


@pytest.mark.parametrize("before", [None, "threshold = 0.25\n"], ids=["none", "one"])
def test_a_policy_that_another_saved_meanwhile_is_not_overwritten(page, folder, before):
    """The click writes nothing and the page says so; the next click saves over what it shows."""
    if before is not None:
        (folder / "handoff.toml").write_text(before)
    page.run()
    page.slider(key="t").set_value(0.2).run()
    (folder / "handoff.toml").write_text("threshold = 0.4\n")
    press(page, "Save")
    told, kept = sentences(page), (folder / "handoff.toml").read_text()
    press(page, "Save")

    assert kept == "threshold = 0.4\n"
    assert (
        "handoff.toml was changed by somebody else since this page was drawn: nothing was written, "
        "compare with it as it is now and save again."
    ) in told
    assert tomllib.loads((folder / "handoff.toml").read_text())["threshold"] == 0.2
