import numpy as np

from dashboards.panels.base import Frame
from dashboards.panels.table import MOST_ROWS, PANEL
from tests.kits import panel as kit


def test_an_unknown_number_is_a_dash() -> None:
    figure = PANEL.figure([Frame("v1", {"value": np.array([np.nan])})], kit.options())
    assert figure["data"][0]["cells"]["values"][1] == ["—"]


def test_a_long_table_stops() -> None:
    figure = PANEL.figure(kit.frames("table", 10_000), kit.options())
    assert len(figure["data"][0]["cells"]["values"][0]) == MOST_ROWS
