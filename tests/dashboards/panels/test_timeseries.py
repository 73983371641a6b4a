import numpy as np

from dashboards.panels.base import Frame
from dashboards.panels.timeseries import PANEL
from tests.kits import panel as kit


def test_even_times_travel_as_start_and_distance() -> None:
    trace = PANEL.figure(kit.frames("timeseries", 50), kit.options())["data"][0]
    assert trace["dx"] == 60_000
    assert "x" not in trace


def test_uneven_times_travel_one_by_one() -> None:
    frame = Frame("v1", {"time": np.array([1, 2, 9]), "value": np.array([1.0, 2.0, 3.0])})
    assert PANEL.figure([frame], kit.options())["data"][0]["x"] == [1, 2, 9]


def test_a_band_lies_under_its_line() -> None:
    ones = np.ones(3)
    frame = Frame("v1", {"time": np.arange(3), "value": ones, "low": ones - 1, "high": ones + 1})
    kinds = [trace.get("fill", "") for trace in PANEL.figure([frame], kit.options())["data"]]
    assert kinds == ["", "tonexty", ""]


def test_a_limit_is_drawn_across() -> None:
    figure = PANEL.figure(kit.frames("timeseries", 3), kit.options(limit=0.5))
    assert figure["layout"]["shapes"][0]["y0"] == 0.5


def test_a_value_between_two_gaps_gets_a_dot() -> None:
    values = np.full(40, np.nan)
    values[7] = 1.0
    frame = Frame("v1", {"time": np.arange(40), "value": values})
    assert PANEL.figure([frame], kit.options())["data"][0]["mode"] == "lines+markers"


def test_less_than_one_of_a_whole_number_is_not_written_in_thousandths() -> None:
    figure = PANEL.figure(kit.frames("timeseries", 3), kit.options(unit="count"))
    assert figure["layout"]["yaxis"]["tickformatstops"] == [{"dtickrange": [None, 0.999], "value": "~g"}]
    assert figure["data"][0]["hovertemplate"] == "%{y:,.4~r}"
