"""The Tune screen, driven without a browser."""

import json
import tomllib
from datetime import UTC, datetime

import pytest
import streamlit as st
from app_pages import EXPLORE, TUNE, open_page
from fake_openai import FakeOpenAI

from handoff.core.errors import ProviderError
from handoff.files.registry import parse_registry
from handoff.providers.scripted import ScriptedEmbedder
from handoff.router import Router
from handoff.workbench import Workbench

REGISTRY = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
pilot,Pilot,fly a plane to the moon,plane
"""
# Best candidate and score on the scripted embedder; the default threshold is 0.3.
CASES = """\
query,expected
bread from the oven please,baker
fresh bread,baker
roses and a bouquet,florist
fly to the moon,pilot
a bouquet of roses for the plane,florist
flowers for the bread oven,florist
fly to the baker,baker
"quantum gravity, roughly",
what is the time,
rent a plane,
"""
ENDINGS_AT_THE_DEFAULT = {
    "bread from the oven please": ("Baker", 0.839, "right"),
    "fresh bread": ("nobody", 0.278, "missed"),
    "roses and a bouquet": ("Florist", 0.677, "right"),
    "fly to the moon": ("Pilot", 0.772, "right"),
    # Its tag leaves the pilot alone; without the filter the florist has 0.560.
    "a bouquet of roses for the plane": ("Pilot", 0.342, "wrong agent"),
    "flowers for the bread oven": ("Baker", 0.687, "wrong agent"),
    "fly to the baker": ("Pilot", 0.506, "wrong agent"),
    "quantum gravity, roughly": ("nobody", 0.245, "refused rightly"),
    "what is the time": ("nobody", 0.184, "refused rightly"),
    "rent a plane": ("Pilot", 0.611, "taken wrongly"),
}
POLICY = """\
threshold = 0.45
margin = 0.05
per_agent = false
lexical_weight = 0.0

[found]
date = 2026-11-20
embedder = "{embedder}"
registry = "{registry}"
goal = "accuracy"
cases = 10
accuracy = 0.5
coverage = 0.6
"""
EMBEDDER = ScriptedEmbedder.identity
FINGERPRINT = parse_registry(REGISTRY.encode(), "agents.csv").fingerprint


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give the page a small registry, ten labelled queries and scripted providers."""
    (tmp_path / "agents.csv").write_text(REGISTRY)
    (tmp_path / "cases.csv").write_text(CASES)
    monkeypatch.setenv("HANDOFF_REGISTRY", str(tmp_path / "agents.csv"))
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    st.cache_data.clear()
    st.cache_resource.clear()
    return tmp_path


@pytest.fixture
def page(root, folder):  # noqa: ARG001 - the page reads it
    """Return the page, not yet run."""
    return open_page(root, "tune")


@pytest.fixture
def asked(monkeypatch):
    """Record the batches of queries that reach the providers."""
    batches = []
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        batches.append(list(queries))
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    return batches


def sentences(page):
    """Return everything that the page says in words, with escapes taken out."""
    said = [*page.markdown, *page.caption, *page.warning, *page.success, *page.error, *page.info]
    said += page.subheader
    return " ".join(each.value for each in said).replace("\\", "")


def figures(page):
    """Return the set's figures, with how far each is from the saved policy's."""
    assert not page.exception
    # The recommendation comes first, with figures of the same names.
    return {metric.label: (metric.value, metric.delta) for metric in list(page.metric)[-5:]}


def table(page, alt):
    """Return the table with such a text for those who do not see it."""
    (element,) = (each for each in page.dataframe if each.proto.alt.startswith(alt))
    return element.value


def cases_shown(page):
    """Return the list of cases."""
    return table(page, "Cases; select one")


def press(page, label):
    """Press the button of this name and run the page."""
    (button,) = (each for each in page.button if each.label == label)
    button.click().run()
    return page


def buttons(page):
    """Return the names of all buttons."""
    return [button.label for button in page.button]


def option(page, start):
    """Return which group of cases has a label that starts so."""
    labels = page.selectbox(key="group").options
    return [label for label in labels if label.startswith(start)]


def label(page, query, expected):
    """Label a query with an agent's name, or with Nobody."""
    page.text_input(key="new_query").set_value(query)
    page.selectbox(key="new_expected").select(expected)
    return press(page, "Add")


def many(count):
    """Return a file with so many cases, all different."""
    rows = [f"bread number {number},baker" for number in range(count)]
    return "\n".join(["query,expected", *rows, ""])


# --- figures --------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_set(page):
    """Ten cases, counted by hand: 3 right, 3 wrong, 1 missed, 2 refused rightly, 1 taken."""
    page.run()

    assert {name: value for name, (value, _) in figures(page).items()} == {
        "Accuracy": "50.0 %",
        "Handed off": "70.0 %",
        "Right of these": "42.9 %",
        "Sent wrong": "40.0 %",
        "Best is right": "57.1 %",
    }
    assert "5 of 10 cases end as labelled, 50.0 %, at the threshold 0.3" in sentences(page)


def test_every_case_is_listed_with_its_ending(page):
    """The list has who gets each case, at what score, and how that compares with its label."""
    page.run()
    rows = cases_shown(page)[["query", "gets it", "score", "ending"]].itertuples(index=False)

    assert {query: (got, score, ending) for query, got, score, ending in rows} == (
        ENDINGS_AT_THE_DEFAULT
    )


def test_every_chart_has_a_text(page):
    """Who cannot see the charts reads the same figures."""
    page.run()
    bar, curves, scores = (each.proto.alt for each in page.get("plotly_chart"))

    assert bar == (
        "Bar of 10 cases by how they end: 3 right, 2 refused rightly, 1 missed, 3 to a wrong "
        "agent, 1 taken wrongly, 0 failed."
    )
    assert "accuracy peaks at 60.0 % near 0.28; at the present 0.30 it is 50.0 %" in curves
    assert "in 85.7 % of all pairs" in scores


def test_where_queries_are_lost_is_counted_by_stage(page):
    """The filter cost one case, the ranking two, the threshold one; one was taken."""
    page.run()
    page.session_state["detail"] = "Where queries are lost"
    page.run()
    lost = table(page, "Where queries are lost")

    assert dict(zip(lost["where"], lost["cases"], strict=True)) == {
        "Tag filter removed the right agent": 1,
        "Another agent ranked first": 2,
        "Right agent, below threshold or margin": 1,
        "Taken, though nobody should": 1,
    }
    assert "accuracy 60.0 % (+10.0 points)" in lost.loc[0, "what would give them back"]


def test_who_gets_whose_is_counted_by_pair(page):
    """Each pair of whom queries should reach and whom they reach is one row."""
    page.run()
    page.session_state["detail"] = "Who gets whose"
    page.run()
    pairs = table(page, "Who should get queries").to_numpy().tolist()
    agents = table(page, "Precision and recall").set_index("agent")

    assert ["Baker", "Pilot", 1, False] in pairs
    assert ["nobody", "nobody", 2, True] in pairs
    assert agents.loc["Florist", ["should get", "gets", "rightly"]].tolist() == [3, 1, 1]
    assert agents.loc["Pilot", "precision"] == 0.25


def test_a_closed_tab_draws_nothing(page):
    """Only the open tab's charts are made."""
    page.run()
    first = [each.proto.alt.split()[0] for each in page.get("plotly_chart")]
    page.session_state["detail"] = "Who gets whose"
    page.run()
    last = [each.proto.alt.split()[0] for each in page.get("plotly_chart")]

    assert first == ["Bar", "Lines", "Lines"]
    assert last == ["Bar", "Matrix"]


# --- what if, without a call ----------------------------------------------------------------------


def test_the_threshold_moves_figures_and_flips(page, asked):
    """At 0.2 the fresh bread is handed off, and so is gravity; nobody is asked again."""
    page.run()
    page.slider(key="t").set_value(0.2).run()

    assert figures(page)["Handed off"] == ("90.0 %", "+20.0 points")
    assert figures(page)["Sent wrong"] == ("50.0 %", "+10.0 points")
    assert "Against the default threshold: 1 better, 1 worse" in sentences(page)
    assert table(page, "Better").values.tolist() == [["fresh bread", "nobody", "Baker", "Baker"]]
    assert table(page, "Worse").values.tolist() == [
        ["quantum gravity, roughly", "nobody", "Pilot", "nobody"]
    ]
    assert len(asked) == 1


def test_the_margin_asks_instead_of_handing_off(page, asked):
    """A lead of 0.261 and one of 0.161 are too close for a margin of 0.3."""
    page.run()
    page.slider(key="m").set_value(0.3).run()
    missed = option(page, "Missed")

    assert figures(page)["Sent wrong"] == ("20.0 %", "-20.0 points")
    assert missed == ["Missed (3)"]
    assert "2 more cases moved, and stayed wrong." in sentences(page)
    assert len(asked) == 1


def test_the_filter_switched_off_gives_a_case_back(page, asked):
    """Without the filter the florist gets the roses for the plane."""
    page.run()
    page.toggle(key="f").set_value(False).run()

    assert figures(page)["Accuracy"] == ("60.0 %", "+10.0 points")
    assert table(page, "Better").values.tolist() == [
        ["a bouquet of roses for the plane", "Pilot", "Florist", "Florist"]
    ]
    assert len(asked) == 1


def test_words_in_common_lift_a_score(page, asked):
    """Half of the lexical score lifts the fresh bread above the threshold."""
    page.run()
    page.slider(key="l").set_value(0.5).run()
    lifted = cases_shown(page).set_index("query").loc["fresh bread", "score"]

    assert lifted == pytest.approx(0.278 + 0.5 * 0.1767, abs=0.001)
    assert table(page, "Better")["query"].tolist() == ["fresh bread"]
    assert len(asked) == 1


def test_agents_own_thresholds_move_the_figures(page, folder, asked):
    """The switch takes an agent's own threshold, where its row has one."""
    rows = REGISTRY.replace("tags\n", "tags,threshold\n").replace("plane\n", "plane,0.9\n")
    (folder / "agents.csv").write_text(rows)
    page.run()
    page.toggle(key="a").set_value(True).run()

    assert table(page, "Better")["query"].tolist() == ["rent a plane"]
    assert table(page, "Worse")["query"].tolist() == ["fly to the moon"]
    assert len(asked) == 1


def test_no_flip_is_said(page):
    """Before anything moves the page says where flips will stand."""
    page.run()

    assert "Move a control: cases that then end otherwise will stand here." in sentences(page)
    assert not option(page, "Better than saved")


def test_a_group_lists_its_cases_only(page):
    """Choosing an ending shows the cases that end so."""
    page.run()
    page.selectbox(key="group").set_value("ending wrong").run()

    assert cases_shown(page)["query"].tolist() == [
        "a bouquet of roses for the plane",
        "flowers for the bread oven",
        "fly to the baker",
    ]


def test_a_group_that_empties_gives_way_to_all(page):
    """Nobody stares at an empty list: once no case is missed, all are shown."""
    page.run()
    page.selectbox(key="group").set_value("ending missed").run()
    shown = cases_shown(page)["query"].tolist()
    page.slider(key="t").set_value(0.1).run()

    assert shown == ["fresh bread"]
    assert page.selectbox(key="group").value == "all"
    assert len(cases_shown(page)) == 10


# --- the recommendation ---------------------------------------------------------------------------


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

    assert "It was chosen on one half of the cases; on the other 5 it gives accuracy" in said
    assert "(95 %: " in said
    assert "There, the threshold in use (the embedder's default) gives accuracy" in said
    assert "and no threshold at all" in said
    assert "The set has 3 cases that nobody should take" in said
    assert "more labelled queries would narrow the interval to 10 points." in said


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("Most right", "For as many right as possible: the threshold"),
        ("Both kinds alike", "For as many right as possible, both kinds weighing the same:"),
        ("Few to somebody wrong", "For at most 5.0 % of all queries to somebody wrong:"),
        ("Many handed off", "For at least 80.0 % of all queries handed off:"),
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
    """The fewer may go to somebody wrong, the higher the threshold; the sentence has the share."""
    page.run()
    page.selectbox(key="goal").select("Few to somebody wrong").run()
    page.number_input(key="share_wrong").set_value(100.0).run()
    any_number = float(page.metric[0].value)
    page.number_input(key="share_wrong").set_value(0.0).run()

    assert "For at most 0.0 % of all queries to somebody wrong" in sentences(page)
    assert float(page.metric[0].value) > any_number


def test_a_share_that_the_set_cannot_promise_is_told(page, folder):
    """Forty cases without an error promise no 5 %, and the page says how many would."""
    rows = "".join(f"bread from the oven {number},baker\n" for number in range(40))
    (folder / "cases.csv").write_text(f"query,expected\n{rows}")
    page.run()
    page.selectbox(key="goal").select("Few to somebody wrong").run()

    assert "The share 5.0 % holds on the choosing half" in sentences(page)
    assert "more labelled queries" in sentences(page)


def test_nine_cases_get_no_recommendation(page, folder):
    """Below ten cases the page judges, and says why it recommends nothing."""
    (folder / "cases.csv").write_text(CASES.replace("rent a plane,\n", ""))
    page.run()

    assert "No recommendation: it takes at least 10 cases to split." in sentences(page)
    assert figures(page)["Accuracy"][0] == "55.6 %"
    assert "Use it" not in buttons(page)
    assert "Save" in buttons(page)


# --- saving ---------------------------------------------------------------------------------------


def test_saving_writes_what_the_threshold_stands_on(page, folder):
    """handoff.toml holds the policy, its ground, the day, the goal, and the set's figures."""
    page.run()
    page.slider(key="t").set_value(0.65)
    page.slider(key="m").set_value(0.1)
    page.slider(key="l").set_value(0.05).run()
    accuracy = figures(page)["Accuracy"][0]
    press(page, "Save")
    saved = tomllib.loads((folder / "handoff.toml").read_text())
    found = saved.pop("found")

    assert saved == {"threshold": 0.65, "margin": 0.1, "per_agent": False, "lexical_weight": 0.05}
    assert (found["embedder"], found["registry"]) == (EMBEDDER, FINGERPRINT)
    assert found["date"] == datetime.now(UTC).date()
    assert (found["goal"], found["cases"]) == ("by hand", 10)
    assert f"{100 * found['accuracy']:.1f} %" == accuracy
    assert "Saved to handoff.toml." in sentences(page)


def test_a_recommendation_is_saved_with_its_held_out_figures(page, folder):
    """What is kept of a recommended threshold was counted on the half that did not choose it."""
    page.run()
    page.selectbox(key="goal").select("Few to somebody wrong").run()
    held_out = page.metric[1].value
    press(press(page, "Use it"), "Save")
    found = tomllib.loads((folder / "handoff.toml").read_text())["found"]

    assert (found["goal"], found["cases"]) == ("wrong=0.05", 5)
    assert f"{100 * found['accuracy']:.1f} %" == held_out


def test_a_saved_policy_is_the_new_baseline(page):
    """After saving nothing is flipped, and what moves is compared with the file."""
    page.run()
    page.slider(key="t").set_value(0.2).run()
    press(page, "Save")
    after_saving = sentences(page)
    page.slider(key="t").set_value(0.3).run()

    assert "at the threshold 0.2 (from handoff.toml)" in after_saving
    assert "Move a control: cases that then end otherwise" in after_saving
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


STALE = [
    ("other-embedder", FINGERPRINT, "was found with the embedder 'other-embedder'"),
    (EMBEDDER, "0" * 64, "was found on another registry"),
]


@pytest.mark.parametrize("screen", ["tune", "explore"])
@pytest.mark.parametrize(
    ("embedder", "registry", "reason"), STALE, ids=["other embedder", "other registry"]
)
def test_a_threshold_of_something_else_is_refused(  # noqa: PLR0913, PLR0917 - two pages, two grounds
    root, folder, screen, embedder, registry, reason
):
    """The default stands in its place, and the page says why."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=embedder, registry=registry))
    page = open_page(root, screen)
    page.query_params["q"] = "fresh bread"
    page.run()
    (told,) = (each.value.replace("\\", "") for each in page.warning if "handoff" in each.value)

    assert reason in told
    assert told.endswith("The embedder's default threshold stands in its place.")
    assert page.slider(key="t").value == 0.3


def test_a_refused_threshold_can_be_forced(root, folder):
    """One button takes the file's word for the whole visit, on this page and on the other."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page = open_page(root, "explore").run()
    press(page, "Use handoff.toml all the same")
    page.switch_page(TUNE).run()

    assert "Use handoff.toml all the same" not in buttons(page)
    assert (page.slider(key="t").value, page.slider(key="m").value) == (0.45, 0.05)
    assert "at the threshold 0.45 (from handoff.toml)" in sentences(page)


def test_a_forced_threshold_is_the_baseline(page, folder):
    """The button stands on this page too; what moves is then compared with the file."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page.run()
    press(page, "Use handoff.toml all the same")
    page.slider(key="t").set_value(0.2).run()

    assert "stands in its place" not in sentences(page)
    assert "Against handoff.toml: " in sentences(page)


def test_a_policy_of_this_ground_is_taken(page, folder):
    """A file that was found on these agents moves all its controls."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder=EMBEDDER, registry=FINGERPRINT))
    page.run()

    assert (page.slider(key="t").value, page.slider(key="m").value) == (0.45, 0.05)
    assert "at the threshold 0.45 (from handoff.toml)" in sentences(page)


def test_saving_ends_the_refusal(page, folder):
    """A threshold that is found anew replaces the one that was found on something else."""
    (folder / "handoff.toml").write_text(POLICY.format(embedder="other", registry="0"))
    page.run()
    page.slider(key="t").set_value(0.2).run()
    press(page, "Save")

    assert "Use handoff.toml all the same" not in buttons(page)
    assert "at the threshold 0.2 (from handoff.toml)" in sentences(page)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("treshold = 0.4\n", "unknown key 'treshold'"),
        ("[found]\nwho = 'me'\n", "the table found has an unknown key 'who'"),
    ],
    ids=["of the policy", "of its origin"],
)
def test_an_unknown_key_is_named(page, folder, text, named):
    """A slip in handoff.toml is one sentence, not a threshold that nobody asked for."""
    (folder / "handoff.toml").write_text(text)
    page.run()

    assert not page.exception
    assert named in sentences(page)
    assert not page.slider


# --- sets that say little -------------------------------------------------------------------------


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

    assert [error.value.replace("\\", "") for error in page.error] == [
        "cases.csv has a header but no case: add a row for each query."
    ]


def test_rows_that_are_all_bad_are_named(page, folder):
    """Line, column and reason of each stand on the page."""
    (folder / "cases.csv").write_text("query,expected\nfly,astronaut\n  ,baker\n")
    page.run()

    assert not page.exception
    assert "cases.csv, line 2, column 2 (expected): no agent has the id 'astronaut'" in sentences(
        page
    )
    assert "line 3, column 1 (query): the query is empty" in sentences(page)


def test_a_bad_row_counts_as_failed(page, folder):
    """A row that cannot be a case is part of every share, and is named."""
    (folder / "cases.csv").write_text(CASES + "to the stars,astronaut\n")
    page.run()

    assert figures(page)["Accuracy"][0] == "45.5 %"
    assert "1 failed." in page.get("plotly_chart")[0].proto.alt
    assert "line 12, column 2 (expected): no agent has the id 'astronaut'" in sentences(page)


def test_contradictions_and_repetitions_are_told_by_line(page, folder):
    """Two labels of one query are named by both lines; a repetition is counted."""
    (folder / "cases.csv").write_text(CASES + "fresh bread,florist\nrent a plane,\n")
    page.run()

    assert "Line 12 labels the query of line 3 otherwise: keep one of them." in sentences(page)
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
    for tab in ("Where queries are lost", "Who gets whose"):
        page.session_state["detail"] = tab
        page.run()
        assert not page.exception

    assert shown == accuracy


def test_a_set_of_nobodys_cases_is_judged(page, folder):
    """Where nobody is ever expected there is no best agent to be right."""
    rows = "what is the time,\n" * 12
    (folder / "cases.csv").write_text(f"query,expected\n{rows}rent a plane,\n")
    page.run()

    assert figures(page)["Best is right"] == ("\u2013", "")
    assert figures(page)["Sent wrong"][0] == "7.7 %"


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
    assert "10 cases on 3 agents are more than can be analysed at once" in sentences(page)
    assert asked == []


# --- labels of this visit -------------------------------------------------------------------------


def test_a_labelled_query_joins_the_set(page, asked):
    """The new case is judged with the rest, and it alone is gathered."""
    page.run()
    label(page, "bread and a dragon from the oven", "baker")

    assert [len(batch) for batch in asked] == [10, 1]
    assert asked[1] == ["bread and a dragon from the oven"]
    assert "6 of 11 cases end as labelled" in sentences(page)
    assert "1 label added in this visit." in sentences(page)
    assert page.text_input(key="new_query").value == ""


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
        ("fresh bread", "florist", "line 3 labels this query otherwise"),
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
    assert "added in this visit" not in sentences(page)
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
    assert "1 label added in this visit." in sentences(page)


def test_another_set_beside_the_registry_can_be_chosen(page, folder):
    """Every file of cases beside the agents is offered, and no other file."""
    (folder / "more.csv").write_text("query,expected\nfresh bread,\n")
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    page.run()
    offered = page.selectbox(key="case_file").options
    page.selectbox(key="case_file").set_value(folder / "more.csv").run()

    assert offered == ["cases.csv", "more.csv"]
    assert "1 of 1 case ends as labelled" in sentences(page)


# --- the visitor's own files ----------------------------------------------------------------------


def upload(page, kind, data):
    """Put a file into an uploader and run the page."""
    file = (f"{kind}.csv", data.encode(), "text/csv")
    page.file_uploader(key=f"{kind}_file_0").set_value(file).run()


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


# --- from page to page ----------------------------------------------------------------------------


def test_what_is_tuned_holds_on_explore(page, asked):
    """Every control has one value in a visit, and coming back gathers nothing again."""
    page.query_params["q"] = "fresh bread"
    page.run()
    page.slider(key="m").set_value(0.1)
    page.toggle(key="f").set_value(False)
    page.slider(key="t").set_value(0.55).run()
    page.switch_page(EXPLORE).run()
    there = page.slider(key="t").value, page.slider(key="m").value, page.toggle(key="f").value
    page.switch_page(TUNE).run()

    assert there == (0.55, 0.1, False)
    assert "at the threshold 0.55 (as asked for)" in sentences(page)
    assert [len(batch) for batch in asked] == [10, 1]


# --- gathering that fails, or is stopped ----------------------------------------------------------


def test_a_part_that_fails_is_told_and_gathered_again(page, folder, monkeypatch):
    """The other parts are judged; `Go on` asks for what is missing only."""
    (folder / "cases.csv").write_text(many(250))
    batches = []
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        batches.append(len(queries))
        if len(batches) == 2:
            raise ProviderError("The server is away: try again.")
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    page.run()
    told = sentences(page)
    failed = page.get("plotly_chart")[0].proto.alt
    press(page, "Go on")

    assert batches == [100, 100, 50, 100]
    assert "100 cases of 250 not gathered" in told
    assert "100 cases could not be gathered: The server is away: try again." in told
    assert "100 failed." in failed
    assert "not gathered" not in sentences(page)
    assert "0 failed." in page.get("plotly_chart")[0].proto.alt
    assert len(cases_shown(page)) == 250


def test_a_provider_that_is_down_is_one_sentence(page, monkeypatch):
    """Where nothing was gathered the page says why, and offers to try again."""
    down = [True]
    real = Router.gather_many

    async def gather_many(self, queries, trace):
        if down[0]:
            raise ProviderError("The server is away: try again.")
        return await real(self, queries, trace)

    monkeypatch.setattr(Router, "gather_many", gather_many)
    page.run()
    told = [error.value.replace("\\", "") for error in page.error]
    down[0] = False
    press(page, "Go on")

    assert told == ["10 cases could not be gathered: The server is away: try again."]
    assert figures(page)["Accuracy"][0] == "50.0 %"


def test_a_stopped_run_keeps_what_it_has(page, folder, monkeypatch, asked):
    """Figures of what was gathered are shown, and `Go on` asks for the rest."""
    (folder / "cases.csv").write_text(many(250))
    real = Workbench.each

    def stop_after_one(bench, growing):
        for grown in real(bench, growing):
            yield grown
            st.session_state["set_stopped"] = grown.cases
            return

    monkeypatch.setattr(Workbench, "each", stop_after_one)
    page.run()
    told, judged = sentences(page), len(cases_shown(page))
    monkeypatch.setattr(Workbench, "each", real)
    page.slider(key="t").set_value(0.2).run()
    before_going_on = len(asked)
    press(page, "Go on")

    assert "150 cases of 250 not gathered" in told
    assert judged == 100
    assert before_going_on == 1
    assert [len(batch) for batch in asked] == [100, 100, 50]
    assert len(cases_shown(page)) == 250


# --- untrusted text -------------------------------------------------------------------------------

HOSTILE = "[click](http://evil.test) **b** <b>i</b> :smile: $x$"


def test_hostile_text_stays_text(page, folder):
    """Names and queries reach tables and lists as they are, and no Markdown."""
    (folder / "agents.csv").write_text(
        f'id,name,description,tags\nb,"{HOSTILE}",bread from the oven,"{HOSTILE[:20]}"\n'
    )
    (folder / "cases.csv").write_text(
        f'query,expected\n"{HOSTILE} bread from the oven",b\n=1+1 bread,b\nx,"{HOSTILE}"\n'
    )
    page.run()
    page.session_state["detail"] = "Who gets whose"
    page.slider(key="t").set_value(0.0).run()
    rows = cases_shown(page)
    matrix = json.loads(page.get("plotly_chart")[1].proto.spec)
    said = [*page.markdown, *page.caption, *page.warning, *page.subheader]

    assert not page.exception
    assert rows["query"].tolist() == [f"{HOSTILE} bread from the oven", "'=1+1 bread"]
    assert rows["should get it"].tolist() == [HOSTILE, HOSTILE]
    assert "<b>" not in json.dumps(matrix["layout"])
    assert all("[click](" not in each.value for each in said)


# --- a paid provider ------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch, folder):  # noqa: ARG001 - its settings are replaced
    """Run the server that speaks OpenAI's format, and let the page use it."""
    with FakeOpenAI() as running:
        monkeypatch.delenv("HANDOFF_EMBEDDER")
        monkeypatch.delenv("HANDOFF_TAGGER")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-SECRETKEY")
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("HANDOFF_OPENAI_TIMEOUT_SECONDS", "5")
        yield running
        st.cache_resource.clear()


def test_a_large_set_asks_before_it_costs(page, folder, server):
    """Nothing is sent before the visitor agreed; afterwards the set is gathered."""
    (folder / "cases.csv").write_text(many(201))
    page.run()
    before, told = len(server.requests), sentences(page)
    press(page, "Ask")

    assert before == 0
    assert "This asks OpenAI about 201 queries." in told
    assert len(server.requests) > 0
    assert len(cases_shown(page)) == 201
    assert "SECRETKEY" not in str(page)


def test_a_small_set_does_not_ask(page, folder, server):
    """Two hundred queries are gathered at once."""
    (folder / "cases.csv").write_text(many(200))
    page.run()

    assert "Ask" not in buttons(page)
    assert len(server.requests) > 0
    assert len(cases_shown(page)) == 200
