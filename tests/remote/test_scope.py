"""Among the series of many projects an expression means what it means among those of its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor import query
from monitor.core.labels import Labels
from monitor.core.samples import Series
from monitor.promql.errors import QueryError
from monitor.promql.parse import parse
from monitor.promql.spans import Question
from monitor.promql.text import text_of
from monitor.promql.values import Grid
from monitor.remote.scope import scoped, shown
from tests.promql.language import Case, cases, memory

SCRIPTS = Path(__file__).parents[1] / "promql"
LABEL = "vigil_project"
# what these put into labels or take from them is the project's label too
TELLING = ("label_replace", "label_join", "info(", "count_values", "fill", "limit")


def of_project(series: Sequence[Series], number: int) -> list[Series]:
    return [replace(one, labels=one.labels.having({LABEL: str(number)})) for one in series]


def asked(case: Case) -> query.Result:
    return query.ask(memory(case.series), case.expr, case.grid, at_once=case.at_once)


def told(result: query.Result) -> list[tuple[object, ...]]:
    """Everything an answer says, in an order of its own."""
    if result.raw is not None:
        return sorted((shown(one.labels, LABEL).items_sorted, one.times.tolist()) for one in result.raw)
    filled = [{int(place) for cells in result.histograms for place in cells.place}]
    steps = len(result.times)
    rows = []
    for row, labels in enumerate(result.labels):
        numbers = np.where(result.floats[row], result.values[row], np.inf)
        places = sorted(place - row * steps for place in filled[0] if place // steps == row)
        rows.append((shown(labels, LABEL).items_sorted, repr(numbers.tolist()), places))
    return sorted(rows)


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.test")), ids=lambda path: path.stem)
def test_other_projects_change_nothing(script: Path) -> None:
    for case in cases(script):
        if any(word in case.expr for word in TELLING):
            continue
        try:
            alone = asked(case)
            text = text_of(scoped(parse(case.expr, Question.of(case.grid, at_once=case.at_once)), LABEL, 1))
        except QueryError:
            continue
        crowd = [*of_project(case.series, 1), *of_project(case.series, 2)]
        assert told(asked(replace(case, expr=text, series=crowd))) == told(alone), case.where


@pytest.mark.parametrize(
    "expr",
    ["sum(x) + y", "y - vector(1)", "y or vector(0)", "vector(3) > y", "x + on () group_left y", "x unless y",
     "sum(x) and y", "x / ignoring (a) group_left sum(y)", "absent(nosuch) * y", "-sum(x) * scalar(y)"],
)  # fmt: skip
def test_the_label_never_keeps_two_sides_apart(expr: str) -> None:
    times = np.array([60_000])
    series = [
        Series(Labels({"__name__": name, "a": a}), times, np.array([value]))
        for name, a, value in (("x", "1", 2.0), ("x", "2", 3.0), ("y", "", 5.0))
    ]
    case = Case("here", expr, Grid(60_000, 60_000, 1), at_once=True, series=series)
    text = text_of(scoped(parse(expr), LABEL, 1))
    crowd = [*of_project(series, 1), *of_project(series, 2)]
    assert told(asked(replace(case, expr=text, series=crowd))) == told(asked(case))


@pytest.mark.parametrize(
    "stranger", [f'{{{LABEL}="2"}}', f'up{{{LABEL}=~".*"}}', "{__name__=~'.+'}", "up or up"]
)
def test_nothing_of_another_project_is_ever_asked_for(stranger: str) -> None:
    selectors = text_of(scoped(parse(stranger), LABEL, 1)).split("{")[1:]
    assert selectors
    assert all(f'{LABEL}="1"}}' in one for one in selectors)


def test_an_answer_hides_the_label() -> None:
    assert shown(Labels({"a": "b", LABEL: "1"}), LABEL) == Labels({"a": "b"})
