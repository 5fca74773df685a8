"""The embedded model that ships, through the command line, and what a former one left behind."""

import json

import pytest

FORMER = "wordllama-0.4.0.post1-l2_supercat-256-4d243a4b2dae"


@pytest.fixture(autouse=True)
def shipped(folder, monkeypatch):  # noqa: ARG001 - its settings are replaced
    """Take the scripted providers out, so that nothing is set."""
    monkeypatch.delenv("HANDOFF_EMBEDDER")
    monkeypatch.delenv("HANDOFF_TAGGER")


def test_a_route_is_scored_by_both_models(handoff):
    """Without any setting the mix routes, at its own threshold, and its tags rest on it."""
    code, out, _ = handoff("route", "--json", "will it rain, and how strong is the wind?")
    route = json.loads(out)

    assert (code, route["agent"]) == (0, "weather")
    assert route["embedder"].startswith("mixed-0.6-minilm-")
    assert route["tagger"].endswith(route["embedder"])
    assert route["threshold"] == pytest.approx(0.17)


@pytest.mark.parametrize("name", ["local-fast", "local-minilm"])
def test_either_model_can_be_had_alone(handoff, monkeypatch, name):
    """With a threshold of its own."""
    monkeypatch.setenv("HANDOFF_EMBEDDER", name)
    code, out, _ = handoff("route", "--json", "will it rain, and how strong is the wind?")
    route = json.loads(out)

    assert (code, route["agent"]) == (0, "weather")
    assert route["threshold"] == pytest.approx({"local-fast": 0.28, "local-minilm": 0.15}[name])


def test_a_threshold_of_the_former_model_is_not_used(handoff, folder):
    """A handoff.toml that was found with wordllama alone: why it is none, and how to find one."""
    (folder / "handoff.toml").write_text(f'threshold = 0.3\n[found]\nembedder = "{FORMER}"\n')
    (folder / "cases.csv").write_text("query,expected\nwill it rain,weather\n")

    code, out, err = handoff("check", "cases.csv", "--min-accuracy", "0")

    assert (code, out) == (2, "")
    assert err.startswith(
        f"handoff: handoff.toml: its threshold was found with the embedder '{FORMER}', "
        f"not with 'mixed-0.6-minilm-int8-384-8199be6f699a-{FORMER}', "
    )
    assert "`handoff eval CASES --save`" in err


def test_the_former_threshold_serves_with_the_fast_model(handoff, folder, monkeypatch):
    """Nothing changed for whoever names the model: the identity is the one of before."""
    (folder / "handoff.toml").write_text(f'threshold = 0.3\n[found]\nembedder = "{FORMER}"\n')
    monkeypatch.setenv("HANDOFF_EMBEDDER", "local-fast")

    code, out, _ = handoff("route", "--json", "will it rain, and how strong is the wind?")

    assert code in (0, 1)
    assert json.loads(out)["threshold"] == pytest.approx(0.3)
