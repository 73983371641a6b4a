"""Lines through samples, at moments as large as today's."""

from fractions import Fraction

import numpy as np
import pytest

from monitor import query
from monitor.core.labels import NAME, Labels
from monitor.core.samples import Series
from monitor.promql.values import Grid

TODAY = 1_795_294_571_390


def test_a_prediction_is_as_exact_today_as_near_the_epoch() -> None:
    times = TODAY - np.array([7_007, 5_998, 5_001, 3_000, 1_003], dtype=np.int64)
    values = np.array([0.0, 20.0, 41.0, 79.0, 121.0])
    series = Series(Labels({NAME: "metric"}), times, values)
    grid = Grid(TODAY, TODAY, 1)
    result = query.ask(lambda *_: [[series]], "predict_linear(metric[8s], 60)", grid, at_once=True)
    assert float(result.values[0, 0]) == pytest.approx(_exact(times - TODAY, values, 60), rel=1e-13)


def _exact(times: np.ndarray, values: np.ndarray, ahead: int) -> float:
    """The least-squares line through the samples, in fractions."""
    x = [Fraction(int(one), 1000) for one in times]
    y = [Fraction(one) for one in values.tolist()]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum(
        (a - mean_x) ** 2 for a in x
    )
    return float(mean_y + slope * (ahead - mean_x))
