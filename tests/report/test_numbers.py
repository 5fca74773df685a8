"""Numbers in words."""

import numpy as np
import pytest
from given import some
from hypothesis import assume, example, given
from hypothesis import strategies as st

from handoff.report.numbers import (
    apart,
    beside,
    counted,
    decimal,
    distance,
    milliseconds,
    p_value,
    percent,
    points,
    together,
)

NAN = float("nan")
cosines = st.floats(-1, 1, width=32)


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        pytest.param(0.5, 0.25, ("0.50", "0.25"), id="far"),
        pytest.param(0.5, 0.5, ("0.50", "0.50"), id="equal"),
        pytest.param(0.23, 0.22, ("0.23", "0.22"), id="one hundredth apart"),
        pytest.param(0.2301, 0.2249, ("0.230", "0.225"), id="three decimals"),
        pytest.param(0.23004, 0.23, ("0.23004", "0.23000"), id="five decimals"),
        pytest.param(-0.001, 0.0, ("-0.001", "0.000"), id="below zero"),
        pytest.param(-0.0001, 0.0, ("-0.0001", "0.0000"), id="just below zero"),
        pytest.param(1.0, -1.0, ("1.00", "-1.00"), id="both ends"),
    ],
)
def test_two_numbers_have_as_many_decimals_as_tell_them_apart(value, limit, shown):
    """Two where that is enough, and the same for both."""
    assert together(value, limit) == shown


@some
@given(limit=cosines, gap=st.one_of(st.floats(-1, 1), st.floats(-1e-4, 1e-4)))
@example(limit=0.0, gap=-1e-4)
def test_of_two_numbers_the_larger_one_looks_larger(limit, gap):
    """Scores that are more than a hundred-millionth apart are never shown as equal."""
    value = float(np.float32(limit + gap))
    assume(abs(value - limit) > 1e-8)

    shown, other = together(value, limit)

    assert (float(shown) > float(other)) == (value > limit)
    assert shown != other


def test_a_limit_has_as_many_decimals_as_the_closest_number_needs():
    """What is far from it keeps two."""
    assert beside([0.61, 0.2296, 0.23004], 0.23) == (["0.61", "0.2296", "0.23004"], "0.23000")


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        pytest.param(0.75, 0.25, "+0.50", id="above"),
        pytest.param(0.25, 0.75, "-0.50", id="below"),
        pytest.param(0.5, 0.5, "+0.00", id="equal"),
        pytest.param(0.505, 0.5, "+0.005", id="close above"),
        pytest.param(0.495, 0.5, "-0.005", id="close below"),
        pytest.param(0.25, 0.0, "+0.25", id="from zero"),
    ],
)
def test_a_distance_has_a_sign(value, limit, shown):
    """Three decimals where it is small."""
    assert distance(value, limit) == shown


@pytest.mark.parametrize(
    ("value", "limit", "sign"),
    [
        pytest.param(0.5001, 0.5, "+", id="above"),
        pytest.param(0.4999, 0.5, "-", id="below"),
    ],
)
def test_a_small_distance_does_not_read_as_none(value, limit, sign):
    """A best score that just misses the threshold is not at a distance of -0.000 from it."""
    shown = distance(value, limit)

    assert shown[0] == sign
    assert float(shown) != 0


def test_a_threshold_that_is_reached_is_at_no_distance_below():
    """0.7 as a float32 is a little less than 0.7, and reaches it all the same."""
    assert distance(float(np.float32(0.7)), 0.7) == "+0.00"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        pytest.param(0.0, "<0.1 ms", id="zero"),
        pytest.param(0.0999, "<0.1 ms", id="short"),
        pytest.param(0.1, "0.1 ms", id="a tenth"),
        pytest.param(2.34, "2.3 ms", id="some"),
        pytest.param(10.0, "10 ms", id="ten"),
        pytest.param(523.4, "523 ms", id="hundreds"),
        pytest.param(12_345.6, "12,346 ms", id="thousands"),
    ],
)
def test_milliseconds_have_a_decimal_below_ten(ms, words):
    """A short duration is not zero, and a long one has no false precision."""
    assert milliseconds(ms) == words


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0.0 %"), (1, "100.0 %"), (2 / 3, "66.7 %"), (0.00049, "0.0 %"), (NAN, "\u2013")],
)
def test_a_share_is_shown_in_percent(share, shown):
    """One decimal, and a dash where there is nothing to share."""
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0.000"), (1, "1.000"), (0.6254, "0.625"), (NAN, "\u2013")]
)
def test_a_figure_is_shown_with_three_decimals(share, shown):
    """And with a dash where there is none."""
    assert decimal(share) == shown


@pytest.mark.parametrize(
    ("share", "limit", "shown"),
    [
        pytest.param(0.75, 0.5, ("75.00 %", "50.00 %"), id="far apart"),
        pytest.param(0.7999, 0.8, ("79.990 %", "80.000 %"), id="near"),
        pytest.param(0.799999, 0.8, ("79.9999 %", "80.0000 %"), id="as many as it takes"),
        pytest.param(5 / 6, 5 / 6, ("83.33 %", "83.33 %"), id="the same"),
    ],
)
def test_a_share_and_its_limit_read_the_same_only_if_they_are(share, limit, shown):
    """Whoever falls short by little sees by how little."""
    assert apart(share, limit) == shown


@pytest.mark.parametrize(
    ("after", "before", "shown"),
    [
        pytest.param(0.75, 0.5, "+25.0 points", id="up"),
        pytest.param(0.5, 0.75, "-25.0 points", id="down"),
        pytest.param(0.5, 0.5, "+0.0 points", id="the same"),
    ],
)
def test_a_move_is_shown_with_its_sign(after, before, shown):
    """Percentage points, not percent."""
    assert points(after, before) == shown


@pytest.mark.parametrize(("after", "before"), [(NAN, NAN), (0.5, NAN), (NAN, 0.5)])
def test_a_move_of_what_does_not_exist_is_a_dash(after, before):
    """Where there is no share, none has moved."""
    assert points(after, before) == "\u2013"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 cases"), (1, "1 case"), (1_234, "1,234 cases")]
)
def test_one_is_singular(number, shown):
    """None and many are plural."""
    assert counted(number, "case") == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "p < 0.001"), (0.001, "p = 0.001"), (1.0, "p = 1.000")]
)
def test_a_very_small_p_value_has_a_bound(value, shown):
    """It is never zero."""
    assert p_value(value) == shown


def test_a_plural_is_a_regular_one():
    """Queries and registries among them."""
    assert counted(2, "query") == "2 queries"
