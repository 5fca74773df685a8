"""Sets that say little on the Tune page, labels of a visit, and files of the visitor."""

import os

import pytest
from ten_cases import CASES, buttons, cases_shown, figures, label, press, sentences

from handoff.ui.uploads import uploader_key


def test_without_cases_the_page_says_how_to_begin(page, folder):
    """No file of cases is no error."""
    (folder / "cases.csv").unlink()
    page.run()

    assert not page.exception
    assert not page.error
    assert "There are no labelled queries for these agents yet." in sentences(page)


def test_a_first_label_begins_a_set(page, folder):
    """One label in a visit is enough for figures."""
    (folder / "cases.csv").unlink()
    page.run()
    label(page, "bread from the oven", "baker")

    assert figures(page)["Accuracy"][0] == "100.0 %"
    assert "Add to the file" not in buttons(page)


def test_an_empty_file_is_one_sentence(page, folder):
    """A header alone is told with the file's name."""
    (folder / "cases.csv").write_text("query,expected\n")
    page.run()

    (error,) = page.error
    assert error.value.replace("\\", "").startswith("cases.csv has a header but no case")


def test_rows_that_are_all_bad_are_named(page, folder):
    """Line, column and reason of each stand on the page."""
    (folder / "cases.csv").write_text("query,expected\nfly,astronaut\n  ,baker\n")
    page.run()

    assert not page.exception
    assert "cases.csv, line 2, column 2 (expected)" in sentences(page)
    assert "line 3, column 1 (query): the query is empty" in sentences(page)


def test_a_bad_row_counts_as_failed(page, folder):
    """A row that cannot be a case is part of every share, and is named."""
    (folder / "cases.csv").write_text(CASES + "to the stars,astronaut\n")
    page.run()

    assert figures(page)["Accuracy"][0] == "45.5 %"
    assert "1 failed." in page.get("plotly_chart")[0].proto.alt
    assert "line 12, column 2 (expected)" in sentences(page)


def test_contradictions_and_repetitions_are_told_by_line(page, folder):
    """Two labels of one query are named by both lines; a repetition is counted."""
    (folder / "cases.csv").write_text(CASES + "fresh bread,florist\nrent a plane,\n")
    page.run()

    assert "Line 12 labels the query of line 3" in sentences(page)
    assert "1 line repeats an earlier one" in sentences(page)


@pytest.mark.parametrize(
    ("rows", "accuracy"),
    [
        ("bread from the oven please,baker\n", "100.0 %"),
        ("bread from the oven please,\n", "0.0 %"),
    ],
    ids=["somebody's", "nobody's"],
)
def test_one_case_is_a_set(page, folder, rows, accuracy):
    """A single case is judged like many; every tab has something to draw."""
    (folder / "cases.csv").write_text(f"query,expected\n{rows}")
    page.run()
    shown = figures(page)["Accuracy"][0]
    for tab in ("Where queries are lost", "Confusion matrix"):
        page.session_state["tune_detail"] = tab
        page.run()
        assert not page.exception

    assert shown == accuracy


def test_a_set_of_nobodys_cases_is_judged(page, folder):
    """Where nobody is ever expected there is no best agent to be right."""
    rows = "what is the time,\n" * 12
    (folder / "cases.csv").write_text(f"query,expected\n{rows}rent a plane,\n")
    page.run()

    assert figures(page)["Best is right"] == ("\u2013", "")
    assert figures(page)["Wrong"][0] == "7.7 %"


def test_a_set_of_one_agents_cases_is_judged(page, folder):
    """Without a case of nobody's the recommendation says what it cannot know."""
    rows = "".join(f"bread from the oven {number},baker\n" for number in range(12))
    (folder / "cases.csv").write_text(f"query,expected\n{rows}")
    page.run()

    assert figures(page)["Accuracy"][0] == "100.0 %"
    assert "The set has no case that nobody should take" in sentences(page)


def test_a_set_that_is_too_large_is_refused(page, monkeypatch, asked):
    """More cases than fit into memory are refused in a sentence, before anybody is asked."""
    monkeypatch.setattr("handoff.evaluation.run.MOST_CELLS", 20)
    page.run()

    assert not page.exception
    assert "10 cases on 3 agents are more" in sentences(page)
    assert asked == []


def test_a_labelled_query_joins_the_set(page, asked):
    """The new case is judged with the rest, and it alone is gathered."""
    page.run()
    label(page, "bread and a dragon from the oven", "baker")

    assert [len(batch) for batch in asked] == [10, 1]
    assert asked[1] == ["bread and a dragon from the oven"]
    assert "6 of 11 cases end as labelled" in sentences(page)
    assert "1 label added in this session." in sentences(page)
    assert page.text_input(key="tune_new_query").value == ""


def test_a_query_can_be_labelled_as_nobodys(page):
    """Nobody is a label like any other."""
    page.run()
    label(page, "the price of tea", "")
    last = cases_shown(page).iloc[-1]

    assert (last["query"], last["should get it"]) == ("the price of tea", "nobody")


@pytest.mark.parametrize(
    ("query", "expected", "sentence"),
    [
        ("fresh bread", "baker", "this query is in the set"),
        ("fresh bread", "florist", "line 3 labels this query differently"),
        ("   ", "baker", "The query is empty"),
    ],
    ids=["the same label", "another label", "blank"],
)
def test_a_label_that_adds_nothing_is_refused(page, asked, query, expected, sentence):
    """One sentence says why, and the set stays as it was."""
    page.run()
    label(page, query, expected)

    assert sentence.lower() in page.error[0].value.replace("\\", "").lower()
    assert len(cases_shown(page)) == 10
    assert len(asked) == 1


def test_labels_are_added_to_the_file(page, folder, asked):
    """The file keeps its lines and gets the new ones; nothing is gathered again."""
    page.run()
    label(page, "bread, and a dragon", "baker")
    label(page, "the price of tea", "")
    press(page, "Add to the file")

    assert (folder / "cases.csv").read_text() == (
        f'{CASES}"bread, and a dragon",baker\nthe price of tea,\n'
    )
    assert "added in this session" not in sentences(page)
    assert len(cases_shown(page)) == 12
    assert [len(batch) for batch in asked] == [10, 1, 1]


def test_a_file_with_more_columns_keeps_them(page, folder):
    """Examples stay where they are, in the file's own order of columns."""
    (folder / "cases.csv").write_text("example,expected,query\nLoaf,baker,fresh bread")
    page.run()
    label(page, "the price of tea", "")
    press(page, "Add to the file")

    assert (folder / "cases.csv").read_text() == (
        "example,expected,query\nLoaf,baker,fresh bread\n,,the price of tea\n"
    )


def test_labels_that_cannot_be_written_are_kept(page, monkeypatch):
    """The complaint is one sentence, and the labels are still there."""

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    page.run()
    label(page, "the price of tea", "")
    monkeypatch.setattr("handoff.files.whole_file.tempfile.mkstemp", refuse)
    press(page, "Add to the file")

    assert "cases.csv cannot be written" in sentences(page)
    assert "1 label added in this session." in sentences(page)


def test_another_set_beside_the_registry_can_be_chosen(page, folder):
    """Every file of cases beside the agents is offered, and no other file."""
    (folder / "more.csv").write_text("query,expected\nfresh bread,\n")
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    page.run()
    offered = page.selectbox(key="case_file").options
    page.selectbox(key="case_file").set_value(folder / "more.csv").run()

    assert offered == ["cases.csv", "more.csv"]
    assert "1 of 1 case ends as labelled" in sentences(page)


def upload(page, kind, data):
    """Put a file into an uploader and run the page."""
    file = (f"{kind}.csv", data.encode(), "text/csv")
    page.file_uploader(key=uploader_key(kind)).set_value(file).run()


def test_uploaded_cases_take_the_place_of_the_set(page, folder):
    """They are judged, the server's set is not, and its file is offered no label."""
    page.run()
    upload(page, "cases", "query,expected\nfresh bread,\n")
    figures_of_one = sentences(page)
    label(page, "bread from the oven", "baker")

    assert "1 of 1 case ends as labelled" in figures_of_one
    assert "2 of 2 cases end as labelled" in sentences(page)
    assert "Add to the file" not in buttons(page)
    assert (folder / "cases.csv").read_text() == CASES


def test_uploaded_agents_leave_the_servers_files_alone(page):
    """On lent agents nothing can be saved on the server; the download remains."""
    page.run()
    upload(page, "agents", "id,name,description,tags\ncook,Cook,boils an egg,egg\n")
    upload(page, "cases", "query,expected\nboils an egg,cook\n")

    assert "1 of 1 case ends as labelled" in sentences(page)
    assert "Save" not in buttons(page)
    assert "handoff.toml" in [each.label for each in page.get("download_button")]


def test_a_label_of_an_agent_that_is_gone_is_not_forgotten(page, folder):
    """Adding the others to the file leaves it in the visit; it is there when the agent is."""
    agents = (folder / "agents.csv").read_text()
    page.run()
    label(page, "a bouquet, please", "florist")
    label(page, "the price of tea", "")
    (folder / "agents.csv").write_text(agents.replace("florist,", "gardener,"))
    page.run()
    press(page, "Add to the file")
    (folder / "agents.csv").write_text(agents + " ")
    page.run()

    assert (folder / "cases.csv").read_text() == f"{CASES}the price of tea,\n"
    assert "1 label added in this session." in sentences(page)


@pytest.mark.parametrize("begin", ["\n", ",,\n", "  \n"], ids=repr)
def test_labels_are_added_to_a_file_that_begins_with_a_blank_line(page, folder, begin):
    """The file is offered as a set, its cases are judged, and it gets labels and no empty rows."""
    (folder / "more.csv").write_text(f"{begin}query,expected\nfresh bread,baker\n")
    page.run()
    page.selectbox(key="case_file").set_value(folder / "more.csv").run()
    label(page, "the price of tea", "")
    press(page, "Add to the file")

    assert (folder / "more.csv").read_text() == (
        f"{begin}query,expected\nfresh bread,baker\nthe price of tea,\n"
    )
    assert [*cases_shown(page)["query"]] == ["fresh bread", "the price of tea"]


def test_a_pipe_beside_the_registry_does_not_stop_the_page(page, folder):
    """It is no set, and nobody waits for what might be written to it."""
    os.mkfifo(folder / "more.csv")
    page.run()

    assert page.selectbox(key="case_file").options == ["cases.csv"]


def test_a_label_that_is_in_the_file_already_is_not_added_again(page, folder):
    """Somebody else added it, or the same visitor with a click before; the other one is added."""
    page.run()
    label(page, "the price of tea", "")
    label(page, "bread, and a dragon", "baker")
    (folder / "cases.csv").write_text(f"{CASES}the price of tea,\n")
    press(page, "Add to the file")

    assert (folder / "cases.csv").read_text() == (
        f'{CASES}the price of tea,\n"bread, and a dragon",baker\n'
    )
    assert "added in this session" not in sentences(page)
