"""Questions of pages: frames keep their gaps, failures become sentences."""

import datetime as dt

import numpy as np
import pytest

from dashboards import ask, span
from tests.fixtures.fix_cast import Cast


def test_a_bad_expression_says_where(cast: Cast, now: dt.datetime) -> None:
    with pytest.raises(ask.AskError) as caught:
        ask.readings(cast.project.id, "sum(rate(x[5m])", now)
    assert caught.value.position is not None


def test_a_frame_has_a_place_for_every_step(cast: Cast, now: dt.datetime, world: object) -> None:
    hour = span.read({"from": str(int(now.timestamp()) - 7200), "to": str(int(now.timestamp()))}, now)
    found = ask.frames(cast.project.id, "gpu_power_watts", hour, 60)
    times = found[0].columns["time"]
    assert len(times) == len(found[0].columns["value"]) == 61
    assert np.isnan(found[0].columns["value"][0])


def test_buckets_of_a_histogram_have_no_holes(cast: Cast, now: dt.datetime, world: object) -> None:
    found = ask.spreads(cast.project.id, "sum(increase(llm_request_duration_seconds[2h]))", now)[0]
    assert np.allclose(found.low[1:], found.high[:-1])
    assert found.count.sum() == pytest.approx(found.n)


def test_a_label_value_cannot_leave_its_string() -> None:
    assert ask.quoted('a"b\\') == '"a\\"b\\\\"'
