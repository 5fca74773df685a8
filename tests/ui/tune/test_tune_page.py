"""The Tune page without a browser: figures, charts, lists, and what a control does to them."""

import json

import pytest
from app_pages import EXPLORE, TUNE
from ten_cases import REGISTRY, cases_shown, figures, sentences, table

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


def option(page, start):
    """Return which group of cases has a label that starts so."""
    labels = page.selectbox(key="tune_group").options
    return [label for label in labels if label.startswith(start)]


def test_the_figures_are_those_of_the_set(page):
    """Ten cases, counted by hand: 3 right, 3 wrong, 1 missed, 2 refused rightly, 1 taken."""
    page.run()

    assert {name: value for name, (value, _) in figures(page).items()} == {
        "Accuracy": "50.0 %",
        "Handed off": "70.0 %",
        "Precision": "42.9 %",
        "Wrong": "40.0 %",
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
    assert "In 85.7 % of all pairs" in scores


def test_where_queries_are_lost_is_counted_by_stage(page):
    """The filter cost one case, the ranking two, the threshold one; one was taken."""
    page.run()
    page.session_state["tune_detail"] = "Where queries are lost"
    page.run()
    lost = table(page, "Where queries are lost")

    assert dict(zip(lost["where"], lost["cases"], strict=True)) == {
        "Tag filter removed the right agent": 1,
        "Another agent ranked first": 2,
        "Right agent, below threshold or margin": 1,
        "Taken, though nobody should take it": 1,
    }
    assert "accuracy 60.0 % (+10.0 points)" in lost.loc[0, "what would recover them"]


def test_who_gets_whose_is_counted_by_pair(page):
    """Each pair of whom queries should reach and who gets them instead is one row, worst first."""
    page.run()
    page.session_state["tune_detail"] = "Confusion matrix"
    page.run()
    pairs = table(page, "Who should get queries").to_numpy().tolist()
    agents = table(page, "Precision and recall").set_index("agent")

    assert ["Baker", "Pilot", 1, 3] in pairs
    assert all(should != gets for should, gets, *_ in pairs)
    assert [cases for *_, cases, _ in pairs] == sorted((row[2] for row in pairs), reverse=True)
    assert agents.loc["Florist", ["should get", "gets", "rightly"]].tolist() == [3, 1, 1]
    assert agents.loc["Pilot", "precision"] == 0.25


def test_a_closed_tab_draws_nothing(page):
    """Only the open tab's charts are made."""
    page.run()
    first = [each.proto.alt.split()[0] for each in page.get("plotly_chart")]
    page.session_state["tune_detail"] = "Confusion matrix"
    page.run()
    last = [each.proto.alt.split()[0] for each in page.get("plotly_chart")]

    assert first == ["Bar", "Lines", "Lines"]
    assert last == ["Bar", "Confusion"]


def test_the_threshold_moves_figures_and_flips(page, asked):
    """At 0.2 the fresh bread is handed off, and so is gravity; nobody is asked again."""
    page.run()
    page.slider(key="t").set_value(0.2).run()

    assert figures(page)["Handed off"] == ("90.0 %", "+20.0 points")
    assert figures(page)["Wrong"] == ("50.0 %", "+10.0 points")
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

    assert figures(page)["Wrong"] == ("20.0 %", "-20.0 points")
    assert missed == ["Missed (3)"]
    assert "2 more cases moved but stayed wrong." in sentences(page)
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

    assert "Move a control: cases that then end differently are listed here." in sentences(page)
    assert not option(page, "Better than saved")


def test_a_group_lists_its_cases_only(page):
    """Choosing an ending shows the cases that end so."""
    page.run()
    page.selectbox(key="tune_group").set_value("ending wrong").run()

    assert cases_shown(page)["query"].tolist() == [
        "a bouquet of roses for the plane",
        "flowers for the bread oven",
        "fly to the baker",
    ]


def test_a_group_that_empties_gives_way_to_all(page):
    """Nobody stares at an empty list: once no case is missed, all are shown."""
    page.run()
    page.selectbox(key="tune_group").set_value("ending missed").run()
    shown = cases_shown(page)["query"].tolist()
    page.slider(key="t").set_value(0.1).run()

    assert shown == ["fresh bread"]
    assert page.selectbox(key="tune_group").value == "all"
    assert len(cases_shown(page)) == 10


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
    page.session_state["tune_detail"] = "Confusion matrix"
    page.slider(key="t").set_value(0.0).run()
    rows = cases_shown(page)
    matrix = json.loads(page.get("plotly_chart")[1].proto.spec)
    said = [*page.markdown, *page.caption, *page.warning, *page.subheader]

    assert not page.exception
    assert rows["query"].tolist() == [f"{HOSTILE} bread from the oven", "'=1+1 bread"]
    assert rows["should get it"].tolist() == [HOSTILE, HOSTILE]
    assert "<b>" not in json.dumps(matrix["layout"])
    assert all("[click](" not in each.value for each in said)
