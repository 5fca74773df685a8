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
    (metric,) = (each for each in page.metric if each.label == "Best agent right")
    return float(metric.value.removesuffix(" %"))


def test_cases_teach_and_their_effect_is_seen_before_saving(page, folder):
    """Each case is judged by what the others teach, and nothing is on disk yet."""
    before = top1(page)
    press(page, "Make examples")

    assert "10 examples, not saved." in captions(page)
    assert "10 cases are also examples, or nearly: they are scored as if they were not." in (
        captions(page)
    )
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

    assert page.warning[0].value.startswith("The query is mostly in Greek letters")
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
