"""Random files of verdicts, CSV and JSON: entries that a log keeps, or one sentence."""

import itertools
import json
import math
from contextlib import closing

import pytest
from hostile import TOKENS, edited, inputs, is_one_sentence, read_or_told
from hypothesis import given as holds_for
from verdict_samples import given, refused, taken_back

from handoff.verdicts.exchange import format_csv, format_json, parse_file
from handoff.verdicts.log import VerdictLog
from handoff.verdicts.record import FIELDS, VerdictKind, VerdictsError, entry_to_record

RIGHT = given(id="a", note='a "quoted", note')
ENTRIES = [RIGHT, refused(id="b", what=VerdictKind.WRONG, expected="florist"), taken_back(RIGHT)]

NUMBERS = (0, -1, 1.5, 10**400, -(10**400), 2**63, 1e308, math.nan, math.inf, -math.inf)
VALUES = (
    *(*TOKENS, "a \ud800 b", None, True, *NUMBERS, [], {}),
    *([["baker", number]] for number in NUMBERS),
    *([[text, 0.1]] for text in ("a \ud800 b", "", "x" * 81, None)),
    *({"source": "config", "threshold": number} for number in NUMBERS),
    *({"source": "config", "threshold": 0.1, "margin": number} for number in NUMBERS),
)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Open one log for all inputs."""
    with closing(VerdictLog(tmp_path_factory.mktemp("state"))) as opened:
        yield opened


def comes_back(data, name, log):
    """Hold a file to be one sentence, or entries that come back from both forms and from a log."""
    entries = read_or_told(VerdictsError, lambda: parse_file(data, name))
    if entries is not None:
        assert parse_file(format_csv(entries).encode(), "v.csv") == entries
        assert parse_file(format_json(entries).encode(), "v.json") == entries
        # An id that says something else than in an earlier input is refused.
        read_or_told(VerdictsError, lambda: log.append(entries))


@inputs(300)
@holds_for(data=edited(format_csv(ENTRIES)))
def test_300_files_as_csv_are_kept_or_one_sentence(log, data):
    """Whatever a spreadsheet or a person made of an export."""
    comes_back(data, "v.csv", log)


@inputs(300)
@holds_for(data=edited(format_json(ENTRIES)))
def test_300_files_as_json_are_kept_or_one_sentence(log, data):
    """Whatever an editor or a program made of an export."""
    comes_back(data, "v.json", log)


@pytest.mark.parametrize("entry", ENTRIES, ids=["right", "wrong", "undo"])
def test_every_hostile_value_in_every_field_is_kept_or_told(entry):
    """JSON that is valid, for Python at least: 102 values that no export has, in 15 fields each.

    The complaint names the entry and a field.
    """
    tried = 0
    for field, value in itertools.product(FIELDS, VALUES):
        record = entry_to_record(entry) | {"id": "c", field: value}
        data = json.dumps({"schema": 1, "entries": [record]}).encode()
        try:
            (read,) = parse_file(data, "v.json")
        except VerdictsError as error:
            told = str(error)
            assert is_one_sentence(told)
            assert told.startswith("v.json, entry 1 (")
        else:
            assert parse_file(format_json([read]).encode(), "v.json") == [read]
            assert parse_file(format_csv([read]).encode(), "v.csv") == [read]
        tried += 1
    assert tried == len(FIELDS) * len(VALUES) == 15 * 102
