import numpy as np

from dashboards.panels.histogram import densities


def test_the_area_under_a_distribution_is_one_on_a_logarithmic_axis() -> None:
    low = np.array([1.0, 10.0])
    _, _, height = densities(low, low * 10, np.array([3.0, 1.0]), log=True)
    assert height.tolist() == [0.75, 0.25]


def test_the_area_under_a_distribution_is_one_on_a_linear_axis() -> None:
    _, _, height = densities(np.array([0.0, 2.0]), np.array([2.0, 3.0]), np.array([2.0, 2.0]), log=False)
    assert height.tolist() == [0.25, 0.5]
