"""The URL holds the whole state of time; a bad one falls back instead of failing."""

import datetime as dt

import pytest

from dashboards import span


def test_a_quick_range_ends_on_a_grid_so_that_two_glances_agree(now: dt.datetime) -> None:
    first = span.read({"range": "6h"}, now + dt.timedelta(seconds=1))
    assert first == span.read({"range": "6h"}, now + dt.timedelta(seconds=9))


def test_an_exact_range_comes_back_from_its_own_url(now: dt.datetime) -> None:
    asked = {"from": "1763000000", "to": "1763003600"}
    assert span.read(asked, now).query() == asked


@pytest.mark.parametrize(
    "params, width",
    [
        ({"from": "now-6h", "to": "now"}, 6), ({"from": "now-3h"}, 3),
        ({"from": "1763000000000", "to": "1763003600000"}, 1),
    ],
)  # fmt: skip
def test_addresses_of_grafana_say_the_same_time(params: dict[str, str], width: int, now: dt.datetime) -> None:
    assert span.read(params, now).seconds == width * 3600


@pytest.mark.parametrize("params", [
    {"range": "soon"}, {"range": "-1h"}, {"range": "9000d"}, {"range": ""}, {"from": "x"},
    {"from": "20", "to": "10"}, {"from": "9" * 400}, {"from": "1e5"}, {"from": "²"},
])  # fmt: skip
def test_nonsense_falls_back_to_the_default(params: dict[str, str], now: dt.datetime) -> None:
    assert span.read(params, now).quick == span.DEFAULT


@pytest.mark.parametrize(
    "width, back, start, end",
    [
        ("1h", "", 1, 0),
        ("1h", "1d", 25, 24),
        ("", "2h", 8, 2),
        ("soon", "-1h", 6, 0),
        ("9000d", "1e9d", 6, 0),
    ],
)
def test_a_panel_may_have_a_time_of_its_own(
    width: str, back: str, start: int, end: int, now: dt.datetime
) -> None:
    found = span.quick("6h", now).within(width, back)
    assert [(now - at).total_seconds() / 3600 for at in (found.start, found.end)] == [start, end]


def test_the_step_is_round_and_gives_at_most_the_points_asked_for(now: dt.datetime) -> None:
    day = span.read({"range": "24h"}, now)
    assert day.step(120) == dt.timedelta(minutes=15)


def test_the_window_of_a_rate_is_never_shorter_than_a_minute(now: dt.datetime) -> None:
    assert span.read({"range": "15m"}, now).window(200) == "1m"


def test_shifting_back_moves_the_whole_width(now: dt.datetime) -> None:
    hour = span.read({"range": "1h"}, now)
    assert int(hour.shifted(-1)["to"]) == int(hour.start.timestamp())


def test_zooming_out_doubles_the_width(now: dt.datetime) -> None:
    wide = span.read(span.read({"range": "1h"}, now).wider(), now)
    assert wide.seconds == 7200


@pytest.mark.parametrize("width, before", [("1h", "1d"), ("24h", "1d"), ("7d", "1w")])
def test_a_span_is_compared_with_a_day_ago_or_with_its_own_width_ago(
    now: dt.datetime, width: str, before: str
) -> None:
    assert span.read({"range": width}, now).before == before
