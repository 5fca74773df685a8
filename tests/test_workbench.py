"""The bench that every command and page works on."""

import asyncio
import os
from contextlib import closing
from dataclasses import replace

import pytest
from verdict_samples import given

from handoff.background import BackgroundLoop
from handoff.core.errors import CasesError, RegistryError, SettingsError, StalePolicyError
from handoff.core.model import ThresholdSource
from handoff.evaluation.analysis import analyse
from handoff.evaluation.run import label_run
from handoff.files.cases import load_cases
from handoff.files.registry import load_registry
from handoff.files.settings import load_settings
from handoff.trace import Trace
from handoff.verdicts.record import VerdictKind
from handoff.workbench import build_workbench, open_workbench

AGENTS = """\
id,name,description,tags
baker,Baker,bread from the oven,bread;oven
florist,Florist,roses and a bouquet of flowers,flowers
"""
STALE = 'threshold = 0.9\n[found]\nregistry = "another"\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Let the settings name a small registry and scripted providers."""
    (tmp_path / "agents.csv").write_text(AGENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDOFF_EMBEDDER", "scripted")
    monkeypatch.setenv("HANDOFF_TAGGER", "scripted")
    return tmp_path


def settings():
    """Read the settings as a command does."""
    return load_settings(os.environ)


def test_a_bench_routes_on_the_examples_that_lie_beside_the_registry(folder):
    """Whatever opens a bench has them, and its ground is the registry with them."""
    (folder / "examples.csv").write_text("query,agent\nsomething sweet,baker\n")

    with open_workbench(settings()) as bench:
        route = bench.run(bench.router.route("something sweet", bench.policy("0.2")))

    assert route.decision.agent.id == "baker"
    assert bench.examples.examples == bench.registry.examples
    assert bench.ground.registry == bench.registry.fingerprint
    assert bench.ground.registry != load_registry(folder / "agents.csv").fingerprint


def test_a_bench_that_cannot_be_opened_leaves_no_thread(folder):
    """Its complaint is the file's own."""
    (folder / "agents.csv").write_text("id\n")

    with pytest.raises(RegistryError, match="line 1"), open_workbench(settings()):
        pytest.fail("it was opened")


@pytest.mark.usefixtures("folder")
def test_a_closed_bench_can_be_closed_again():
    """One that was never used closes as well as one that was."""
    for used in (False, True):
        bench = build_workbench(settings(), None, BackgroundLoop())
        with closing(bench):
            if used:
                bench.gather(["bread"], Trace())
        bench.close()


@pytest.mark.usefixtures("folder")
def test_what_went_wrong_is_told_even_if_closing_is_interrupted(monkeypatch):
    """A second Ctrl-C, while the bench is closed, does not take the sentence away."""

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(BackgroundLoop, "close", interrupted)

    with pytest.raises(CasesError, match="the sentence"), open_workbench(settings()):
        raise CasesError("the sentence")


@pytest.mark.usefixtures("folder")
def test_a_generator_that_nobody_listens_to_is_closed():
    """What it holds is given back on the loop that it ran on."""
    ended = []

    async def growing():
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield number + 1
        finally:
            ended.append(asyncio.get_running_loop())

    with open_workbench(settings()) as bench:
        assert list(bench.each(growing())) == [1, 2, 3]
        for number in bench.each(growing()):
            assert number == 1
            break

    assert len(ended) == 2
    assert ended[0] is ended[1]


def test_a_typed_threshold_comes_first(folder):
    """Then handoff.toml's, then the embedder's."""
    with open_workbench(settings()) as bench:
        assert bench.policy().source is ThresholdSource.EMBEDDER
        assert bench.policy("0.25").threshold == 0.25
        assert bench.policy("0.25").source is ThresholdSource.ARGUMENT
    (folder / "handoff.toml").write_text("threshold = 0.5\nmargin = 0.1\n")
    with open_workbench(settings()) as bench:
        assert bench.policy().source is ThresholdSource.CONFIG
        assert (bench.policy("0").threshold, bench.policy("0").margin) == (0.0, 0.1)
        with pytest.raises(SettingsError, match="from -1 to 1"):
            bench.policy("high")


def test_a_stale_policy_is_refused_passed_over_or_forced(folder):
    """All of it, and with the reason."""
    (folder / "handoff.toml").write_text(STALE)

    with open_workbench(settings()) as bench:
        with pytest.raises(StalePolicyError):
            bench.policy()
        policy, stale = bench.policy_or_default()
        assert policy.source is ThresholdSource.EMBEDDER
        assert "found on other agents" in stale.passed_over
        assert bench.policy_or_default(force=True) == (bench.policy(force=True), None)
        assert bench.policy(force=True).threshold == 0.9


def test_a_saved_policy_holds_where_it_was_found(folder):
    """It is read back as it was, and refused on other agents."""
    (folder / "cases.csv").write_text("query,expected\nbread from the oven,baker\nroses,florist\n")
    with open_workbench(settings()) as bench:
        cases = load_cases(folder / "cases.csv", bench.registry)
        *_, run = bench.gather_set(cases.cases)
        analysis = analyse(label_run(run, bench.registry), bench.policy("0.31"))
        saved = bench.save_policy(bench.policy_to_toml(analysis, None))

    with open_workbench(settings()) as again:
        policy = again.policy()
    assert saved.resolve() == folder / "handoff.toml"
    assert (policy.threshold, policy.source) == (0.31, ThresholdSource.CONFIG)
    assert 'goal = "by hand"' in saved.read_text()
    (folder / "agents.csv").write_text(AGENTS.replace("roses", "tulips"))
    with open_workbench(settings()) as other, pytest.raises(StalePolicyError):
        other.policy()


def test_a_bench_over_another_registry_shares_all_but_that(folder):
    """The same loop, other agents."""
    (folder / "other.csv").write_text(AGENTS.replace("florist", "gardener"))
    other = load_registry(folder / "other.csv")

    with open_workbench(settings()) as bench:
        beside = bench.over(other)
        evidence = beside.gather(["bread"], Trace())

    assert beside.loop is bench.loop
    assert evidence.fingerprint == other.fingerprint
    assert bench.registry.fingerprint != other.fingerprint


def test_verdicts_become_cases(folder):
    """What stands in the file stays, a query that is there already is counted, not doubled."""
    (folder / "cases.csv").write_text("query,expected\nroses,florist\n")
    verdicts = [
        given(0, query="fresh bread"),
        given(1, query="roses", agent="florist"),
        given(2, query="the moon", what=VerdictKind.SKIP),
    ]

    with open_workbench(settings()) as bench:
        added = bench.add_verdicts_to_cases(verdicts, folder / "cases.csv")
        new = bench.add_verdicts_to_cases(verdicts, folder / "new.csv")
        text = bench.verdicts_as_cases(verdicts)

    assert ([case.query for case in added.cases], added.known) == (["fresh bread"], 1)
    assert (folder / "cases.csv").read_text() == (
        "query,expected\nroses,florist\nfresh bread,baker\n"
    )
    assert [case.query for case in new.cases] == ["fresh bread", "roses"]
    assert (folder / "new.csv").read_text() == text


@pytest.mark.usefixtures("folder")
def test_regressions_are_found_one_after_the_other():
    """Only what was called right and ends elsewhere now is one."""
    right = [given(0, query="bread from the oven"), given(1, query="roses", agent="baker")]

    with open_workbench(settings()) as bench:
        policy = replace(bench.policy(), threshold=0.1)
        *_, (tried, found) = bench.regressions(right, policy)

    assert tried == 2
    assert [one.verdict.query for one in found] == ["roses"]


@pytest.mark.parametrize(
    "held",
    ["query,expected\rroses,florist\r", "\n,\nquery,expected\nroses,florist\n"],
    ids=["CR", "blank lines first"],
)
def test_verdicts_become_cases_of_any_file_that_can_be_read(folder, held):
    """What stands there is known, whatever its line ends, and new labels are read back."""
    path = folder / "cases.csv"
    path.write_bytes(held.encode())

    with open_workbench(settings()) as bench:
        added = bench.add_verdicts_to_cases(
            [given(0, query="roses", agent="florist"), given(1, query="fresh bread")], path
        )
        read = load_cases(path, bench.registry)

    assert ([case.query for case in added.cases], added.known) == (["fresh bread"], 1)
    assert [(case.query, case.expected) for case in read.cases] == [
        ("roses", "florist"),
        ("fresh bread", "baker"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "", "\n\n"], ids=repr)
def test_verdicts_begin_a_file_that_is_a_header_alone(folder, end):
    """It is a good one to add to, blank lines or not."""
    path = folder / "cases.csv"
    path.write_bytes(f"{end}query,expected{end}".encode())

    with open_workbench(settings()) as bench:
        bench.add_verdicts_to_cases([given(0, query="fresh bread")], path)

        assert [case.query for case in load_cases(path, bench.registry).cases] == ["fresh bread"]


class Departed(BackgroundLoop):
    """A loop whose visitor leaves: nothing more is started at that one's expense."""

    gone = False

    def start(self, work):
        """Refuse what a visitor who left would pay for."""
        if self.gone:
            work.close()
            raise RuntimeError("the visitor is gone")
        return super().start(work)


@pytest.mark.usefixtures("folder")
def test_what_a_visitor_who_left_had_begun_is_closed():
    """Ending costs nothing, so nobody is asked for it, and nothing stays open."""
    ended = []

    async def growing():
        try:
            yield 1
            yield 2
        finally:
            ended.append(True)

    loop = Departed()
    with closing(build_workbench(settings(), None, loop)) as bench:
        taken = bench.each(growing())
        assert next(taken) == 1
        loop.gone = True
        taken.close()
        loop.gone = False

    assert ended == [True]
