import numpy as np

from dashboards.panels.bar import PANEL
from dashboards.panels.base import Frame
from tests.kits import panel as kit


def test_bars_start_at_zero() -> None:
    assert PANEL.figure(kit.frames("bar", 2), kit.options())["layout"]["yaxis"]["rangemode"] == "tozero"


def test_an_interval_becomes_error_bars_around_the_value() -> None:
    columns = {
        "category": np.array(["a"]), "value": np.array([3.0]), "low": np.array([2.0]), "high": np.array([5.0]),
    }  # fmt: skip
    bars = PANEL.figure([Frame("v1", columns)], kit.options())["data"][0]
    assert (bars["error_y"]["array"], bars["error_y"]["arrayminus"]) == ([2], [1])
