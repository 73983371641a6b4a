import numpy as np

from dashboards.panels.base import Frame
from dashboards.panels.scatter import PANEL
from tests.kits import panel as kit


def test_a_point_carries_the_address_it_opens() -> None:
    frame = Frame("v1", {"x": np.array([1.0]), "y": np.array([2.0]), "link": np.array(["/p/a"])})
    assert PANEL.figure([frame], kit.options())["data"][0]["customdata"] == ["/p/a"]


def test_medians_are_a_line_and_calls_are_points() -> None:
    columns = {"x": np.array([1.0, 2.0]), "y": np.array([2.0, 3.0])}
    frames = [Frame("calls", columns), Frame("median", columns, {"shape": "line"})]
    modes = [trace["mode"] for trace in PANEL.figure(frames, kit.options())["data"]]
    assert modes == ["markers", "lines+markers"]
