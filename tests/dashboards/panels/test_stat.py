import numpy as np

from dashboards.panels.base import Frame
from dashboards.panels.stat import PANEL, last_known
from tests.kits import panel as kit


def test_the_last_known_value_is_shown_even_behind_a_gap() -> None:
    assert last_known(Frame("v1", {"value": np.array([1.0, 2.0, np.nan])})) == 2.0


def test_nothing_known_is_called_unknown() -> None:
    figure = PANEL.figure([Frame("v1", {"value": np.array([np.nan])})], kit.options())
    assert figure["data"][0]["title"]["text"] == "v1: unknown"
