import numpy as np
import pytest

from dashboards.panels.base import Frame
from dashboards.panels.histogram import PANEL, densities
from tests.kits import panel as kit


def test_the_area_under_a_distribution_is_one_on_a_logarithmic_axis() -> None:
    low = np.array([1.0, 10.0])
    _, _, height = densities(low, low * 10, np.array([3.0, 1.0]), log=True)
    assert height.tolist() == [0.75, 0.25]


def test_the_area_under_a_distribution_is_one_on_a_linear_axis() -> None:
    _, _, height = densities(np.array([0.0, 2.0]), np.array([2.0, 3.0]), np.array([2.0, 2.0]), log=False)
    assert height.tolist() == [0.25, 0.5]


def test_a_cumulative_curve_keeps_its_shape_and_its_tail_with_few_points() -> None:
    low = np.geomspace(0.01, 100, 2_000)
    count = np.exp(-(np.log(low) ** 2))
    frame = Frame("v1", {"low": low, "high": low * 1.0047, "count": count})
    (trace,) = PANEL.figure([frame], kit.options(cumulative=True))["data"]
    exact = np.cumsum(count) / count.sum()
    assert len(trace["x"]) < 520
    assert np.abs(np.interp(low * 1.0047, trace["x"], trace["y"]) - exact).max() < 0.006
    assert trace["x"][-1] == pytest.approx(low[-1] * 1.0047, rel=1e-3)
