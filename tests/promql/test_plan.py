"""Which series, over which span, at which steps."""

import pytest

from monitor.core.samples import Selection
from monitor.promql import tree
from monitor.promql.errors import TooMuchError
from monitor.promql.parse import parse
from monitor.promql.plan import Plan, plan
from monitor.promql.values import Grid

MINUTE = 60_000
GRID = Grid(100 * MINUTE, 110 * MINUTE, MINUTE)


def planned(text: str, grid: Grid = GRID) -> Plan:
    return plan(parse(text), grid, max_samples=10**6)


def only(text: str, grid: Grid = GRID) -> Selection:
    (selection,) = planned(text, grid).selections.values()
    return selection


def span(text: str, grid: Grid = GRID) -> tuple[float, float]:
    selection = only(text, grid)
    return (selection.start_ms - 1) / MINUTE, selection.end_ms / MINUTE


def test_an_instant_selector_looks_back_five_minutes() -> None:
    assert span("up") == (95, 110)


def test_a_range_selector_reads_its_width() -> None:
    assert span("rate(up[7m])") == (93, 110)


def test_an_offset_moves_the_span() -> None:
    assert span("up offset 10m") == (85, 100)


def test_an_anchor_reads_one_moment() -> None:
    assert span("up @ 600") == (5, 10)
    assert span("up @ end()") == (105, 110)


def test_a_subquery_reaches_back_through_its_inner_ranges() -> None:
    assert span("max_over_time(rate(up[5m])[30m:7m])") == (72, 105)


def test_the_same_selector_is_read_once() -> None:
    assert len(planned("up / up").selections) == 1


def test_hints_tell_width_and_step() -> None:
    selection = only("rate(x[5m])")
    assert (selection.range_ms, selection.step_ms) == (5 * MINUTE, MINUTE)


def test_what_never_changes_is_evaluated_once() -> None:
    root = planned("up - sum(up @ 600)").root
    assert isinstance(root, tree.Binary)
    assert isinstance(root.right, tree.Fixed)


def test_a_subquery_with_too_many_steps_is_refused_before_reading() -> None:
    with pytest.raises(TooMuchError, match="longer step"):
        planned("max_over_time(up[1y:1s])")
