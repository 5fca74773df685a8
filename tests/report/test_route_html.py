"""A route as HTML."""

import asyncio
from dataclasses import replace

import pytest

from handoff.bootstrap import build_router
from handoff.core.model import Agent, Policy, Registry, ThresholdSource
from handoff.files.settings import Settings
from handoff.report.route_html import route_to_html
from handoff.router import judge
from handoff.trace import Trace

POLICY = Policy(0.23, ThresholdSource.EMBEDDER)


@pytest.fixture
def routed(tmp_path):
    """Return a function from a query and names of agents to a route and its scripted router."""

    def route(query, *names):
        agents = [Agent(f"a{at}", name, "Rain & wind", ("sky",)) for at, name in enumerate(names)]
        registry = Registry(tuple(agents))
        settings = Settings(tmp_path / "agents.csv", None, None, "scripted", "scripted", tmp_path)
        router = build_router(settings, registry, None)
        trace = Trace()
        return judge(asyncio.run(router.gather(query, trace)), registry, POLICY, trace), router

    return route


def test_nothing_from_outside_is_markup(routed):
    """Names, query and answer are text."""
    route, router = routed("rain <b>wind</b>", "<script>alert(1)</script>")

    page = route_to_html(replace(route, answer="<i>done</i>"), router)

    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<p>&lt;i&gt;done&lt;/i&gt;</p>" in page


def test_it_says_what_the_page_says(routed):
    """Verdict, ranking and stages, in the words of the page."""
    page = route_to_html(*routed("rain wind", "Weather", "Money"))

    assert page.startswith("<h1>Hand off to ")
    assert "<th>matched tags</th>" in page
    assert "<td>Weather</td><td>a0</td>" in page
    assert "<td>extract_tags</td>" in page


def test_a_long_ranking_is_cut_off(routed):
    """What is left out is counted."""
    assert "<p>and 5 more</p>" in route_to_html(*routed("rain", *(f"n{at}" for at in range(30))))
