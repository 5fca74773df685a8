"""The Agents page between an edit and the file: saved, discarded, imported, and met by another."""

import pytest
import streamlit as st
from agents_page import REGISTRY, button, cell, press, sentences, typed
from app_pages import AGENTS, EXPLORE, open_page

READY = "its effect on 4 labelled queries"
SAVED = "Saved to agents.csv; the old version is agents.csv.bak."
EFFECT = "What your edit does"


@pytest.fixture
def downloads(monkeypatch):
    """Return what each download of the last run would have held, by its label."""
    offered = {}
    real = st.download_button

    def offer(label, data, **settings):
        offered[label] = data
        return real(label, data=data, **settings)

    monkeypatch.setattr(st, "download_button", offer)
    return offered


def headings(page):
    """Return the headings of the page's parts."""
    return [each.value for each in page.subheader]


def test_what_was_discarded_can_be_edited_and_saved_after_all(page, folder):
    """Discard brings the old text back; Save writes the file and keeps the old one beside it."""
    page.run()
    typed(page, **cell(0, description="tulips"))
    assert "Not saved" in sentences(page)

    press(page, "Discard")
    assert "Not saved" not in sentences(page)
    assert READY in sentences(page)
    typed(page, **cell(0, description="tulips"))
    press(page, "Save")

    assert SAVED in sentences(page)
    assert (folder / "agents.csv").read_text() == REGISTRY.replace("bread from the oven", "tulips")
    assert (folder / "agents.csv.bak").read_text() == REGISTRY


def test_a_second_edit_joins_the_first_after_another_page(page, folder):
    """Explore and back: the cell still holds what was typed, and both edits are saved."""
    page.run()
    typed(page, **cell(0, description="tulips"))
    page.switch_page(EXPLORE).run()
    page.switch_page(AGENTS).run()
    assert EFFECT in headings(page)

    typed(page, **cell(1, name="Gardener"))
    press(page, "Save")

    saved = (folder / "agents.csv").read_text()
    assert "baker,Baker,tulips," in saved
    assert "florist,Gardener," in saved


def test_two_windows_do_not_overwrite_one_another(root, page, folder, downloads):
    """The second one's Save is refused; it compares, and can be taken along or saved after all."""
    other = open_page(root, "agents").run()
    page.run()
    typed(page, **cell(0, description="tulips"))
    typed(other, **cell(1, name="Gardener"))
    assert EFFECT in headings(other)

    press(page, "Save")
    assert SAVED in sentences(page)
    press(other, "Save")

    assert "changed by somebody else" in sentences(other)
    compared = next(table.value for table in other.dataframe if "on disk" in table.value.columns)
    assert compared.to_dict("records") == [
        {
            "agent": "baker",
            "column": "description",
            "on disk": "tulips",
            "yours": "bread from the oven",
        },
        {"agent": "florist", "column": "name", "on disk": "Florist", "yours": "Gardener"},
    ]
    assert "Gardener" not in (folder / "agents.csv").read_text()
    assert "florist,Gardener," in downloads["Download mine"]
    press(other, "Save mine anyway")
    assert SAVED in sentences(other)
    assert "florist,Gardener," in (folder / "agents.csv").read_text()
    assert "tulips" in (folder / "agents.csv.bak").read_text()


def test_an_id_that_is_corrected_brings_the_effect_back(page):
    """A cell that breaks a rule is told with its row; mended, the edit is measured."""
    page.run()
    typed(page, **cell(1, id="baker"))
    assert "'baker' is already the id of line 1" in sentences(page)
    assert button(page, "Save").disabled

    typed(page, **cell(1, id="gardener"))

    assert "already the id" not in sentences(page)
    assert EFFECT in headings(page)
    assert not button(page, "Save").disabled


def test_a_file_is_imported_as_an_edit(page, folder):
    """Its rows stand in the table, its effect below; nothing is saved yet."""
    page.run()
    (imported,) = (each for each in page.file_uploader if "to replace all rows" in each.label)
    mine = b"id,name,description,tags\nbaker,Ann,rolls from the oven,bread\n"

    imported.set_value(("mine.csv", mine, "text/csv")).run()

    assert not page.exception
    assert "1 agent" in headings(page)
    assert EFFECT in headings(page)
    assert "2 cases of agents that no longer exist: nobody can get them correctly." in sentences(
        page
    )
    assert "Not saved" in sentences(page)
    assert (folder / "agents.csv").read_text() == REGISTRY
