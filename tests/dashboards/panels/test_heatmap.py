import numpy as np

from dashboards.panels.base import Frame
from dashboards.panels.heatmap import PANEL
from tests.kits import panel as kit


def test_bands_that_miss_a_time_leave_it_empty() -> None:
    bands = [
        Frame("low", {"time": np.array([1, 2]), "value": np.array([5.0, 6.0])}, {"low": "1", "high": "2"}),
        Frame("high", {"time": np.array([2]), "value": np.array([7.0])}, {"low": "2", "high": "4"}),
    ]
    assert PANEL.figure(bands, kit.options())["data"][0]["z"] == [[5, 6], [None, 7]]
