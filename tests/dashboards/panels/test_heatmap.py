import numpy as np

from dashboards import shapes
from dashboards.panels.base import Frame
from dashboards.panels.heatmap import PANEL
from tests.kits import panel as kit


def test_bands_that_miss_a_time_leave_it_empty() -> None:
    bands = [
        Frame("low", {"time": np.array([1, 2]), "value": np.array([5.0, 6.0])}, {"low": "1", "high": "2"}),
        Frame("high", {"time": np.array([2]), "value": np.array([7.0])}, {"low": "2", "high": "4"}),
    ]
    assert PANEL.figure(bands, kit.options())["data"][0]["z"] == [[5, 6], [None, 7]]


def test_a_wide_axis_names_few_values_and_a_narrow_one_more() -> None:
    wide, narrow = (shapes.log_ticks([np.array(ends)]) for ends in ((0.003, 40.0), (0.5, 4.0)))
    assert wide == [0.001, 0.01, 0.1, 1.0, 10.0, 100.0]
    assert [one for one in narrow if 0.5 <= one <= 4.0] == [0.5, 1.0, 2.0]
