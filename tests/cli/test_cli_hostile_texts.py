"""Texts from outside that would steer a terminal: none of them does, and JSON keeps them whole."""

import json
import re
from contextlib import closing

import pytest
from three_desks import SELECTED
from verdict_samples import given

from handoff.providers.scripted import SimulatedRunner
from handoff.verdicts.log import VerdictLog

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = {
    "the clipboard (OSC 52)": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "a link (OSC 8)": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "a title": "\x1b]0;owned\x07",
    "a colour": "\x1b[31mred\x1b[0m",
    "an 8-bit CSI": "\x9b2J",
    "an 8-bit OSC": "\x9d52;c;cm0=\x9c",
    "backspaces": "harmless\x08\x08\x08\x08\x08\x08\x08\x08evil",
    "a carriage return": "evil\rgood",
    "another order": "\u202egnp.exe",
    "an isolate": "\u2066abc\u2069",
    "a delete": "\x7f",
}
each_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@each_text
def test_an_answer_does_not_steer_the_terminal(handoff, monkeypatch, text):
    """What a model said is printed with its control characters spelled out, in all its lines."""
    said = f"Dear visitor,\n\t{text}\nyours 😀"

    async def run(_self, handoffs, _on_text=None):
        return [said for _ in handoffs]

    monkeypatch.setattr(SimulatedRunner, "run", run)

    code, out, _ = handoff("route", "--answer", "--threshold", "-1", SELECTED)
    _, as_json, _ = handoff("route", "--answer", "--json", "--threshold", "-1", SELECTED)

    assert code == 0
    assert not STEERING.search(out + as_json)
    assert "Dear visitor,\n\t" in out
    assert out.endswith("yours 😀\n")
    assert json.loads(as_json)["answer"] == said


@each_text
@pytest.mark.parametrize(
    "line",
    [
        "route rain --registry {}",
        "route rain --{}",
        "route rain --threshold {}",
        "{}",
        "eval {}",
        "check {} {}",
        "batch {}",
        "compare {} {}",
        "verdicts import {}",
        "verdicts export --to missing/{}",
    ],
)
def test_an_error_that_repeats_what_was_given_does_not_steer_it(handoff, text, line):
    """A file name or an option out of somebody's script stands in the error as plain signs."""
    arguments = [word.format(text) for word in line.split(" ")]

    code, out, err = handoff(*arguments)

    assert code == 2
    assert not STEERING.search(out + err)


@each_text
@pytest.mark.parametrize("setting", ["HANDOFF_EMBEDDER", "HANDOFF_REGISTRY", "HANDOFF_PRICES"])
def test_a_setting_does_not_steer_it(handoff, monkeypatch, text, setting):
    """Nor does doctor, which tells every setting."""
    monkeypatch.setenv(setting, text)

    code, out, err = handoff("doctor")

    assert code in (0, 2)
    assert not STEERING.search(out + err)


def test_exported_verdicts_stay_as_they_are(handoff, folder, monkeypatch):
    """What another program reads is data: as CSV it is not escaped, since CSV knows no escapes."""
    monkeypatch.setenv("HANDOFF_STATE_DIR", str(folder))
    query = f"open {HOSTILE['another order']}"
    with closing(VerdictLog(folder)) as log:
        log.append([given(query=query)])

    _, as_csv, _ = handoff("verdicts", "export")
    _, as_json, _ = handoff("verdicts", "export", "--json")

    assert query in as_csv
    assert not STEERING.search(as_json)
    assert query in [entry["query"] for entry in json.loads(as_json)["entries"]]
