"""The Agents screen, driven without a browser."""

from dataclasses import replace

import pytest
from agents_page import REGISTRY, button, cell, press, sentences, typed
from app_pages import AGENTS, EXPLORE, TUNE

from handoff.core.errors import CasesError
from handoff.evaluation.run import Run
from handoff.ui.agents import draft
from handoff.workbench import Workbench


def test_without_an_edit_the_page_says_what_to_do(page):
    """Nothing can be saved, and the set is ready."""
    page.run()

    assert not page.exception
    assert "its effect on 4 labelled queries" in sentences(page)
    assert button(page, "Save").disabled
    assert button(page, "Discard").disabled


def test_an_edit_is_measured_before_it_is_saved(page, folder):
    """Figures, flips, and who gains or loses stand on the page; the file is as it was."""
    page.run()
    typed(page, **cell(0, name="Smithy", description="horseshoes and nails", tags="iron"))

    said = sentences(page)
    assert not page.exception
    assert "accuracy goes from" in said
    assert "Edited: Smithy" in said
    assert {metric.label for metric in page.metric} >= {"Accuracy", "Handed off", "Wrong"}
    assert (folder / "agents.csv").read_text() == REGISTRY


def test_save_writes_the_file_and_keeps_the_old_one(page, folder):
    """The edit is on disk, the old file beside it, and the table starts from there."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    press(page, "Save")

    assert "Saved to agents.csv; the old version is agents.csv.bak." in sentences(page)
    assert "florist,Gardener," in (folder / "agents.csv").read_text()
    assert (folder / "agents.csv.bak").read_text() == REGISTRY
    assert button(page, "Save").disabled


def test_discard_restores(page, folder):
    """The table is drawn anew from the file."""
    page.run()
    key = table_key(page)
    typed(page, **cell(1, name="Gardener"))
    press(page, "Discard")

    assert "Not saved" not in sentences(page)
    assert table_key(page) != key
    assert (folder / "agents.csv").read_text() == REGISTRY


def table_key(page):
    """Return the key of the table's widget."""
    (one,) = page.session_state["agents_drafts"].values()
    return one.key


def test_an_edit_outlives_another_page(page):
    """Who looks at Tune and comes back finds what was typed, and the table shows it."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    page.switch_page(TUNE).run()
    page.switch_page(AGENTS).run()

    (one,) = page.session_state["agents_drafts"].values()
    assert one.base[1][1] == "Gardener"
    assert "Not saved" in sentences(page)


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (cell(0, name=""), "Line 1 of the table ('baker'), name: the cell is empty"),
        (cell(0, id="smith"), "Line 3 of the table ('smith'), id: 'smith' is already the id"),
        ({"deleted_rows": [0, 1, 2]}, "at least one agent"),
        ({"added_rows": [{"name": "New"}]}, "Line 4 of the table, description: the cell is empty"),
    ],
)
def test_a_broken_rule_is_told_and_nothing_is_lost(page, edits, said):
    """The sentence names the row; the edit stays, and can be discarded but not saved."""
    page.run()
    typed(page, **edits)

    assert not page.exception
    assert said in sentences(page)
    assert button(page, "Save").disabled
    assert not button(page, "Discard").disabled
    assert "Not saved" in sentences(page)


def test_the_second_window_is_told(page, folder):
    """A file that changed meanwhile is not overwritten; both versions stand side by side."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    theirs = REGISTRY.replace("Baker", "Chef de patisserie")
    (folder / "agents.csv").write_text(theirs)
    page.run()

    assert "agents.csv was changed by somebody else since you started editing" in sentences(page)
    compared = next(table.value for table in page.dataframe if "on disk" in table.value.columns)
    assert compared.to_dict("records") == [
        {"agent": "baker", "column": "name", "on disk": "Chef de patisserie", "yours": "Baker"},
        {"agent": "florist", "column": "name", "on disk": "Florist", "yours": "Gardener"},
    ]
    assert button(page, "Save").disabled
    assert (folder / "agents.csv").read_text() == theirs


def test_a_change_between_drawing_and_saving_is_told(page, folder, monkeypatch):
    """Save looks at the file itself once more."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    real = draft.replace_registry

    def late(path, registry, expected):
        (folder / "agents.csv").write_text(REGISTRY.replace("Baker", "Chef de patisserie"))
        return real(path, registry, expected)

    monkeypatch.setattr(draft, "replace_registry", late)
    press(page, "Save")

    assert "was changed by somebody else" in sentences(page)
    assert "Chef de patisserie" in (folder / "agents.csv").read_text()
    assert "Not saved" in sentences(page)


def test_mine_can_be_saved_all_the_same(page, folder):
    """What was theirs is beside it."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    theirs = REGISTRY.replace("Baker", "Chef de patisserie")
    (folder / "agents.csv").write_text(theirs)
    page.run()
    press(page, "Save mine anyway")

    assert "florist,Gardener," in (folder / "agents.csv").read_text()
    assert (folder / "agents.csv.bak").read_text() == theirs
    assert "somebody else" not in sentences(page)


def test_theirs_can_be_taken(page, folder):
    """The table then starts from the file."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    (folder / "agents.csv").write_text(REGISTRY.replace("Baker", "Chef de patisserie"))
    page.run()
    press(page, "Take theirs")

    (one,) = page.session_state["agents_drafts"].values()
    assert [row[1] for row in one.rows] == ["Chef de patisserie", "Florist", "Smith"]
    assert "Not saved" not in sentences(page)


def test_the_same_edit_elsewhere_is_no_trouble(page, folder):
    """Who finds the own edit on disk has nothing to choose."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    (folder / "agents.csv").write_text(REGISTRY.replace("Florist", "Gardener"))
    page.run()

    assert "somebody else" not in sentences(page)
    assert "Not saved" not in sentences(page)


def test_a_file_that_cannot_be_read_any_more_is_told(page, folder):
    """The edit stays and may be saved in its place."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    (folder / "agents.csv").write_text("id,name\n")
    page.run()

    assert "agents.csv cannot be read any more" in sentences(page)
    press(page, "Save mine anyway")
    assert "florist,Gardener," in (folder / "agents.csv").read_text()


def test_a_file_that_became_read_only_is_told(page, folder, monkeypatch):
    """One sentence, and the edit stays."""
    page.run()
    typed(page, **cell(1, name="Gardener"))
    monkeypatch.setattr("handoff.files.whole_file.os.access", lambda *_: False)
    press(page, "Save")

    assert "agents.csv cannot be written (it is read-only)" in sentences(page)
    assert "Not saved" in sentences(page)
    assert (folder / "agents.csv").read_text() == REGISTRY


def test_a_removed_agents_cases_and_examples_are_told(page, folder):
    """Its cases count as wrong, and its examples teach nothing."""
    (folder / "examples.csv").write_text("query,agent\nbake rolls,baker\nplant a tree,florist\n")
    page.run()
    typed(page, deleted_rows=[0])

    assert not page.exception
    assert "1 case of agents that no longer exist: nobody" in sentences(page)
    assert "1 example of agents that no longer exist" in sentences(page)


def test_other_taggers_gather_anew(page, monkeypatch):
    """Where tags come from elsewhere, the page says that it asks again, and shows the effect."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    page.run()
    typed(page, **cell(0, description="horseshoes and nails"))

    assert not page.exception
    assert "the set is gathered again" in sentences(page)
    assert "accuracy" in sentences(page)


def test_gathering_can_be_stopped(page, monkeypatch):
    """Stop leaves the rest of the set ungathered, and the page says how to go on."""

    def halfway(_, cases, __):
        yield Run(cases)
        raise CasesError("Here a visitor has time to press a button.")

    with monkeypatch.context() as patched:
        patched.setattr(Workbench, "gather_set", halfway)
        page.run()
    press(page, "Stop")

    assert not page.exception
    assert "Stopped before anything was gathered." in sentences(page)
    press(page, "Go on")
    assert "its effect on 4 labelled queries" in sentences(page)


@pytest.mark.slow
def test_the_largest_registry_can_be_imported(page, monkeypatch):
    """A hundred thousand agents are shown in part; too many for the set is a sentence."""
    page.run()
    (one,) = page.session_state["agents_drafts"].values()
    rows = tuple((f"a{at}", f"Agent {at}", "does things", "", "") for at in range(100_000))
    monkeypatch.setattr("handoff.evaluation.run.MOST_CELLS", 100_000)
    page.session_state["agents_drafts"] = {
        one.source: replace(
            one, base=rows, rows=rows, shown=tuple(range(500)), revision=one.revision + 1
        )
    }
    page.run()

    assert not page.exception
    assert "500 of 100,000 agents shown" in sentences(page)
    assert "more than can be analysed at once" in sentences(page)
    assert not button(page, "Save").disabled


def test_found_rows_are_edited_in_their_own_places(page, folder):
    """A search shows some of many rows; what was typed before and after it stays."""
    rows = "".join(f"a{at},Agent {at},does thing {at},iron\n" for at in range(25))
    (folder / "agents.csv").write_text(REGISTRY + rows)
    page.run()
    typed(page, **cell(0, name="Bakery"))
    page.text_input[0].set_value("thing 17").run()
    typed(page, **cell(0, name="Number 17"))
    page.text_input[0].set_value("").run()

    assert not page.exception
    (one,) = page.session_state["agents_drafts"].values()
    assert one.rows[0][1] == "Bakery"
    assert one.rows[3 + 17][1] == "Number 17"
    press(page, "Save")
    assert "a17,Number 17,does thing 17,iron" in (folder / "agents.csv").read_text()
    assert "Find agents" in [each.label for each in page.text_input]


def test_the_words_that_carry_a_score_are_shown(page):
    """For a typed query: the words of query and description, and an edit that would turn it."""
    page.session_state["agents_detail"] = "Why this agent"
    page.run()
    page.selectbox(key="why_query").set_value("bread from the oven please").run()

    assert not page.exception
    assert "Baker scores" in sentences(page)
    assert "Of the query, " in sentences(page)
    words = [table.value for table in page.dataframe if "carries" in table.value.columns]
    assert set(words[0]["word"]) == {"bread", "from", "the", "oven", "please"}
    assert "the query" in sentences(page)


def test_pairs_that_overlap_are_listed(page, folder):
    """Close descriptions and contested queries, in words and as a table."""
    (folder / "agents.csv").write_text(f"{REGISTRY}farrier,Farrier,nails and horseshoes,iron\n")
    page.session_state["agents_detail"] = "Overlap"
    page.run()

    assert not page.exception
    assert "the closest two are Smith and Farrier" in sentences(page)
    pairs = next(table.value for table in page.dataframe if "stands out" in table.value.columns)
    first = pairs.to_dict("records")[0]
    assert (first["agent"], first["and"]) == ("Smith", "Farrier")
    page.session_state["agents_detail"] = "Look at these first"
    page.run()
    assert "Smith and Farrier" in sentences(page)
    page.session_state["agents_detail"] = "Map"
    page.run()
    assert any(each.proto.alt.startswith("Map of") for each in page.get("plotly_chart"))


def test_explore_says_which_words_carry_a_score(page):
    """The same expander stands on Explore, for the query that was routed."""
    page.switch_page(EXPLORE)
    page.session_state["explore_why"] = True
    page.run()

    assert not page.exception
    assert "Baker scores" in sentences(page)


def test_without_labelled_queries_the_agents_are_still_compared(page, folder):
    """Overlap and map need no label."""
    (folder / "cases.csv").unlink()
    page.run()

    assert not page.exception
    assert "the effect of an edit cannot be shown" in sentences(page)
    assert "The agents as they are saved" in [each.value for each in page.subheader]
