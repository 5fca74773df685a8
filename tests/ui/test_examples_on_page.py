"""Examples on the pages: made of cases, seen before they are saved, and heard on Explore."""

import pytest
from app_pages import EXPLORE, open_page

from handoff.providers.scripted import ScriptedEmbedder

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,
florist,Florist,roses and a bouquet of flowers,
"""
CASES = """\
query,expected
fresh loaves for the party,baker
rolls and buns for breakfast,baker
two loaves and a roll please,baker
tulips for my mother,florist
a tulip for every guest,florist
tulips and lilies please,florist
repair my bicycle,
my bicycle has a flat tyre,
a new saddle for the bicycle,
fresh rolls for the guests,baker
"""


@pytest.fixture
def agents_csv():
    """Return the text of agents.csv."""
    return REGISTRY


@pytest.fixture
def cases_csv():
    """Return the text of cases.csv."""
    return CASES


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, run once."""
    return open_page(root, "tune").run()


def press(page, label):
    """Press the button of this name and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    button.click().run()
    assert not page.exception
    return page


def captions(page):
    """Return what stands in small print, with escapes taken out."""
    return " ".join(each.value for each in page.caption).replace("\\", "")


def top1(page):
    """Return the share of in-scope cases whose best agent is right."""
    (metric,) = (each for each in page.metric if each.label == "Best is right")
    return float(metric.value.removesuffix(" %"))


def test_cases_teach_and_their_effect_is_seen_before_saving(page, folder):
    """Each case is judged by what the others teach, and nothing is on disk yet."""
    before = top1(page)
    press(page, "Make examples")

    assert "10 examples, not saved." in captions(page)
    assert "10 cases are also examples" in captions(page)
    assert top1(page) != before
    assert not (folder / "examples.csv").exists()


def test_discarded_examples_leave_no_trace(page, folder):
    """The figures are those of before."""
    before = top1(page)
    press(page, "Make examples")
    press(page, "Discard")

    assert top1(page) == before
    assert not (folder / "examples.csv").exists()


def test_saved_examples_are_used_from_then_on(page, folder):
    """They stand beside the registry, and nothing is left to save."""
    press(page, "Make examples")
    press(page, "Save examples")

    assert (folder / "examples.csv").read_text().startswith("query,agent\n")
    assert "10 examples." in captions(page)
    assert not any(button.label == "Save examples" for button in page.button)


def test_the_switch_shows_the_set_without_examples(page):
    """One click, and the descriptions stand alone."""
    before = top1(page)
    press(page, "Make examples")
    page.toggle(key="e").set_value(False).run()

    assert top1(page) == before


def test_examples_are_taken_back(page):
    """A group of cases teaches no longer."""
    press(page, "Make examples")
    press(page, "Not examples")

    assert "None yet." in captions(page)


def test_a_policy_is_not_saved_for_examples_that_are_not(page):
    """What is saved would be refused on what is on disk."""
    press(page, "Make examples")
    (button,) = (each for each in page.button if each.label == "Save")

    assert button.disabled


def test_explore_says_which_example_spoke(page):
    """The nearest example is named beside its agent."""
    press(page, "Make examples")
    press(page, "Save examples")
    page.switch_page(EXPLORE).run()
    page.text_area(key="q").set_value("tulips and roses for my mother")
    page.button[0].click().run()

    assert not page.exception
    heard = [each.value for each in page.markdown if each.value.startswith("Like the example")]
    assert "tulips for my mother" in heard[0]
    assert "Florist" in heard[0]


def test_no_example_speaks_for_a_query_in_unknown_letters(page, monkeypatch):
    """Its scores count for nothing, so that nothing is said of where they come from."""
    monkeypatch.setattr(ScriptedEmbedder, "scripts", frozenset({"Latin"}))
    press(page, "Make examples")
    press(page, "Save examples")
    page.switch_page(EXPLORE).run()
    page.text_area(key="q").set_value("tulips and Καλημέρα καλημέρα")
    page.button[0].click().run()

    assert "Greek letters" in page.warning[0].value
    assert not [each.value for each in page.markdown if "xample" in each.value]


def test_a_broken_file_of_examples_is_told_and_left_out(page, folder):
    """The page goes on with the descriptions, and says why."""
    (folder / "examples.csv").write_text("wrong,header\nx,y\n")
    page.run()

    assert not page.exception
    assert "examples.csv" in page.error[0].value.replace("\\", "")
    assert page.metric


def test_rows_that_cannot_teach_are_named(page, folder):
    """An unknown agent is told with its line."""
    (folder / "examples.csv").write_text("query,agent\nfresh rolls,barber\nmore rolls,baker\n")
    page.run()

    assert "Learned from 1 example." in captions(page)
    assert "examples.csv, line 2" in captions(page)


def test_what_the_set_would_teach_is_measured_when_asked(page):
    """Before and after stand beside each other with their intervals."""
    page.session_state["tune_detail"] = "What examples bring"
    page.run()
    press(page, "Measure")
    labels = [metric.label for metric in page.metric]

    assert {"Descriptions alone", "With examples", "Better, worse"} <= set(labels)


THEIRS = "query,agent\na wedding cake,baker\n"


def button(page, name):
    """Return the button of this name, or None."""
    return next((each for each in page.button if each.label == name), None)


def examples_on_disk(folder):
    """Return what examples.csv holds."""
    return (folder / "examples.csv").read_text()


def overtaken(page, folder, theirs=THEIRS):
    """Make examples, then let somebody else save theirs; return the page, run again."""
    press(page, "Make examples")
    (folder / "examples.csv").write_text(theirs)
    if button(page, "Save examples") is not None:
        press(page, "Save examples")
    return page


def test_examples_that_another_saved_meanwhile_are_not_overwritten(page, folder):
    """The click writes nothing; the page says so, and offers the ways out."""
    overtaken(page, folder)

    assert examples_on_disk(folder) == THEIRS
    assert next(each.value.replace("\\", "") for each in page.warning) == (
        "examples.csv was changed by somebody else since you chose examples: nothing is "
        "overwritten until you choose."
    )
    assert "10 examples, not saved." in captions(page)
    assert button(page, "Save examples") is None


def test_two_visitors_examples_are_joined(page, folder):
    """Theirs come first, mine behind them, and nothing is written before it is saved."""
    press(overtaken(page, folder), "Join both")
    joined_on_disk, told = examples_on_disk(folder), captions(page)
    press(page, "Save examples")

    assert joined_on_disk == THEIRS
    assert "11 examples, not saved." in told
    assert examples_on_disk(folder).startswith(THEIRS)
    assert examples_on_disk(folder).count("\n") == 12


def test_joining_leaves_out_what_contradicts_theirs(page, folder):
    """Each is told by its query; the rest is joined."""
    theirs = f"{THEIRS}repair my bicycle,florist\n"
    press(overtaken(page, folder, theirs), "Join both")

    assert "11 examples, not saved." in captions(page)
    assert next(each.value.replace("\\", "") for each in page.warning) == (
        "Your example 'repair my bicycle' was left out: theirs gives it to another agent."
    )


def test_joining_keeps_what_was_taken_back_away(page, folder):
    """Who took an example back does not get it again with another's."""
    (folder / "examples.csv").write_text("query,agent\nfresh rolls for the guests,baker\n")
    page.run()
    press(page, "Not examples")
    (folder / "examples.csv").write_text(f"{THEIRS}fresh rolls for the guests,baker\n")
    press(page, "Save examples")
    press(page, "Join both")

    press(page, "Save examples")

    assert examples_on_disk(folder) == THEIRS


def test_mine_can_be_saved_over_theirs_which_is_kept(page, folder):
    """As .bak."""
    press(overtaken(page, folder), "Save mine anyway")

    assert "a wedding cake" not in examples_on_disk(folder)
    assert (folder / "examples.csv.bak").read_text() == THEIRS
    assert "10 examples." in captions(page)


def test_theirs_can_be_taken(page, folder):
    """Mine are forgotten, and the file stays."""
    press(overtaken(page, folder), "Take theirs")

    assert examples_on_disk(folder) == THEIRS
    assert "1 example." in captions(page)


def test_a_change_between_drawing_and_pressing_overwrites_nothing(page, folder):
    """Who pressed "Save mine anyway" agreed to overwrite what was shown, and nothing else."""
    overtaken(page, folder)
    newer = f"{THEIRS}a birthday cake,baker\n"
    (folder / "examples.csv").write_text(newer)
    press(page, "Save mine anyway")

    assert examples_on_disk(folder) == newer
    assert button(page, "Save mine anyway") is not None


def test_a_file_of_examples_that_broke_meanwhile_is_not_overwritten(page, folder):
    """Its complaint is told, and the file and mine stay."""
    broken = "wrong,header\nx,y\n"
    overtaken(page, folder, broken)

    assert examples_on_disk(folder) == broken
    assert "10 examples, not saved." in captions(page)
    assert "examples.csv" in page.error[0].value.replace("\\", "")
