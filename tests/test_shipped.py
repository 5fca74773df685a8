"""What ships beside the code: agents, examples, a threshold, and how well they route together."""

import os

import numpy as np
import pytest

from benchmarks.tag_quality import measure_tags
from handoff.core.word_overlap import normal_form
from handoff.evaluation.analysis import analyse
from handoff.evaluation.run import Run, label_run
from handoff.files.cases import load_cases
from handoff.files.settings import load_settings
from handoff.report.route_words import voice
from handoff.workbench import open_workbench

TOO_CLOSE = 0.92


@pytest.fixture(scope="module")
def bench(root, tmp_path_factory):
    """Open what ships, as whoever sets nothing gets it."""
    places = {"HANDOFF_REGISTRY": str(root / "agents.csv")}
    for kind in ("CACHE", "STATE"):
        places[f"HANDOFF_{kind}_DIR"] = str(tmp_path_factory.mktemp(kind.lower()))
    own = {name: said for name, said in os.environ.items() if not name.startswith("OPENAI_")}
    own.pop("HANDOFF_EMBEDDER", None)
    with open_workbench(load_settings(own | places)) as opened:
        yield opened


@pytest.fixture(scope="module")
def gathered(bench, root):
    """Return a function that gathers one of the labelled sets as shipped."""

    def gather(name):
        run = Run(load_cases(root / name, bench.registry).cases)
        for grown in bench.gather_set(run.cases):
            run = grown
        return run

    return gather


@pytest.fixture(scope="module")
def analysed(bench, gathered):
    """Return a function that judges one of the labelled sets as shipped."""

    def judge(name):
        run = gathered(name)
        return analyse(label_run(run, bench.registry), bench.policy())

    return judge


def test_the_threshold_was_found_on_what_ships(bench):
    """An edit of agents or examples, or another model, needs `handoff eval cases.csv --save`."""
    _, stale = bench.policy_or_default()

    assert stale is None
    assert bench.router.embedder.identity.startswith("mixed-")


def test_every_example_is_used(bench):
    """None names an unknown agent, repeats or contradicts another."""
    assert (bench.examples.failed, bench.examples.repeated) == ((), 0)
    owners = [example.agent for example in bench.examples.examples]
    assert all(owners.count(agent.id) >= 12 for agent in bench.registry.agents)
    assert owners.count(None) >= 50


def test_no_example_is_a_case_in_other_words(bench, root):
    """Else `cases.csv` would measure what was learned by heart."""
    cases = load_cases(root / "cases.csv", bench.registry).cases
    texts = [[case.query for case in cases], [each.query for each in bench.examples.examples]]
    asked, taught = (bench.embed(each) for each in texts)

    assert float(np.max(taught @ asked.T)) <= TOO_CLOSE
    assert not {*map(normal_form, texts[0])} & {*map(normal_form, texts[1])}


def test_the_first_impression_is_right(bench, root):
    """Each chip of the page ends as its label says."""
    policy = bench.policy()
    chips = [case for case in load_cases(root / "cases.csv", bench.registry).cases if case.chip]
    ends = {
        case.query: bench.run(bench.router.route(case.query, policy)).decision.agent
        for case in chips
    }

    assert len(chips) == 8
    assert {query: agent and agent.id for query, agent in ends.items()} == {
        case.query: case.expected for case in chips
    }


def test_the_labelled_queries_end_well(analysed):
    """No change may fall below what README promises at the least."""
    cases = analysed("cases.csv")

    assert cases.counts.accuracy >= 0.8
    assert cases.top1 >= 0.85
    assert cases.counts.precision >= 0.8


def test_everyday_queries_end_well(analysed):
    """Those that nothing was tuned on do as well."""
    everyday = analysed("tests/data/everyday.csv")

    assert everyday.counts.cases == 120
    assert everyday.counts.accuracy >= 0.85


@pytest.mark.parametrize("name", ["cases.csv", "tests/data/everyday.csv"])
def test_tags_are_few_and_mean_something(bench, gathered, name):
    """The right agent stays; what nobody should take gets no tag, three times in four or more."""
    run = gathered(name)
    expected = [case.expected for case in run.cases]
    quality = measure_tags(run.evidence, bench.registry, expected)

    assert max(map(len, run.evidence.tags)) <= 2
    assert quality.survive >= 0.98
    assert quality.none_without_tag >= 0.75
    assert quality.fitting >= 0.7


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        pytest.param("what is the weather on mars", set(), id="off topic"),
        pytest.param("OOMKilled", {"cloud", "infrastructure", "deployment"}, id="one word"),
        pytest.param("it doesn't work", set(), id="says nothing"),
        pytest.param("Site is down!! 502 from nginx on both servers", {"cloud"}, id="clear"),
    ],
)
def test_no_tag_embarrasses(bench, query, tags):
    """Each tag is one that a person could have chosen."""
    found = bench.run(bench.router.route(query, bench.policy())).evidence.tags

    assert set(found) <= tags


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("hi", "No", id="unlike any"),
        pytest.param(
            "docker image is 2.3 GB, any way to shrink it?", "Like the example", id="like"
        ),
    ],
)
def test_an_example_is_named_where_it_explains_something(bench, query, said):
    """A greeting is not like a Python script because no other example is nearer."""
    route = bench.run(bench.router.route(query, bench.policy()))

    assert voice(route, bench.router.index.learned).startswith(said)
