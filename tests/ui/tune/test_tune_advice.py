"""What the Tune page recommends, and what is saved of it."""

import tomllib
from datetime import UTC, datetime

import pytest
from app_pages import open_page
from ten_cases import CASES, EMBEDDER, FINGERPRINT, buttons, figures, press, sentences, table


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

    assert "over the folds. On the cases that a fold left out, 10 in all, it gives accuracy" in said
    assert "(95 %: " in said
    assert "On the same cases, the threshold in use (the embedder's default) gives accuracy" in said
    assert "and handing off every query" in said
    assert "The set has 3 cases that nobody should take" in said
    assert "more labelled queries would narrow the interval to 10 points." in said


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
        ("Balanced accuracy", "For the highest accuracy, both kinds of cases weighing the same:"),
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

    assert "The share 5.0 % holds on these cases, but they are too few to promise it" in sentences(
        page
    )
    assert "more labelled queries" in sentences(page)


def test_nine_cases_get_no_recommendation(page, folder):
    """Below ten cases the page judges, and says why it recommends nothing."""
    (folder / "cases.csv").write_text(CASES.replace("rent a plane,\n", ""))
    page.run()

    assert "No recommendation: it takes at least 10 cases to split." in sentences(page)
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
