"""Arithmetic in durations."""

import pytest

from monitor.promql.errors import BadQueryError
from monitor.promql.parse import parse


@pytest.mark.parametrize(
    ("sum_of", "plain"),
    [
        ("x[2*5m]", "x[10m]"),
        ("x[5m + 30]", "x[5m30s]"),
        ("x[(1h - 30m) / 3]", "x[10m]"),
        ("x[2 ^ 3 ^ 1 * 1s]", "x[8s]"),
        ("x[1h % 7m]", "x[4m]"),
        ("x[-1m + 2m]", "x[1m]"),
        ("x[1e2]", "x[100]"),
        ("x[10m*2:1m*2]", "x[20m:2m]"),
        ("x offset (2 * 1m)", "x offset 2m"),
        ("x offset -(1m + 1m)", "x offset -2m"),
        ("rate(x[5m]) - 1", "rate(x[5m]) - 1"),
    ],
)
def test_a_sum_means_its_result(sum_of: str, plain: str) -> None:
    assert parse(sum_of) == parse(plain)


@pytest.mark.parametrize(
    "text", ["x[1m-1m]", "x[1m - 2m]", "x[1m/0]", "x[1m*]", "x[(1m]", "x[1m*y]", "x[9^999]"]
)
def test_no_sum_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError, match=r"^1:\d+: parse error: "):
        parse(text)
