"""The one way to ask: PromQL over a project's series, at one moment or over a range.

Times are Unix milliseconds (``clock.to_ms`` makes them of aware moments); aware moments are taken as well.
"""

import datetime as dt
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from monitor.core import clock, patience
from monitor.promql import edges, tree, trims
from monitor.promql import parse as parser
from monitor.promql.errors import BadQueryError, QueryError
from monitor.promql.functions import FUNCTIONS
from monitor.promql.functions.known import missing
from monitor.promql.values import Grid
from monitor.query import many, sharing
from monitor.query.answer import Kind, Limits, Result
from monitor.query.engine import ask
from monitor.query.room import holding
from monitor.query.room import text as writing
from monitor.query.stored import Source, Stored, timer

__all__ = [
    "Asking", "Elsewhere", "Failed", "Fault", "FunctionHelp", "Kind", "Limits", "Moment", "Result", "Source", "ask", "check",
    "elsewhere", "functions", "holding", "instant", "instants", "newer_syntax", "pretty", "range", "result_kind",
    "together", "unsupported_functions", "within", "writing",
]  # fmt: skip

# what callers on the floors above catch
Failed = QueryError
Moment = int | dt.datetime


class Elsewhere(Protocol):
    """Series on other machines, whose own engine answers (see ``monitor.remote``)."""

    def answer(self, project_id: int, expr: str, grid: Grid, limits: Limits, *, at_once: bool) -> Result: ...


elsewhere: Elsewhere | None = None  # put here at the start where METRICS_URL names such a store


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that will be asked: at ``end`` alone, or every ``step`` from ``start`` to there."""

    expr: str
    start: Moment
    end: Moment
    step: dt.timedelta | None = None

    @property
    def grid(self) -> Grid:
        width = 1 if self.step is None else self.step // dt.timedelta(milliseconds=1)
        return Grid(_ms(self.end if self.step is None else self.start), _ms(self.end), width)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an expression; ``position`` counts characters from 0."""

    message: str
    position: int | None


@dataclass(frozen=True, slots=True)
class FunctionHelp:
    name: str
    signature: str
    help: str
    portable: bool


def instant(project_id: int, expr: str, at: Moment, *, limits: Limits | None = None) -> Result:
    """The answer at one moment; raises QueryError."""
    moment = _ms(at)
    return _answer(project_id, expr, Grid(moment, moment, 1), limits, at_once=True)


def instants(
    project_id: int, exprs: Sequence[str], at: Moment, *, limits: Limits | None = None
) -> "list[Result | QueryError]":
    """Many questions about one moment, out of one look and a few shared reads; an error stands for its answer."""
    bounds, moment = limits or Limits(), _ms(at)
    grid = Grid(moment, moment, 1)
    if elsewhere is not None:
        return [_tried(project_id, expr, grid, bounds) for expr in exprs]
    return many.at_once(Stored(project_id, bounds), exprs, grid)


def together(
    project_id: int, asked: Sequence[Asking], *, limits: Limits | None = None
) -> AbstractContextManager[None]:
    """Within this, questions are answered out of one look, and what several of ``asked`` read is read once.

    Ask each by itself as ever; whatever is asked beside them is answered too.
    """
    if elsewhere is not None:
        return nullcontext()
    foreseen = [sharing.Foreseen(one.expr, one.grid, one.step is None) for one in asked]
    return sharing.together(project_id, foreseen, limits or Limits())


def range(  # noqa: A001 - the word of the HTTP API
    project_id: int,
    expr: str,
    start: Moment,
    end: Moment,
    step: int | dt.timedelta,
    *,
    limits: Limits | None = None,
) -> Result:
    """The answer every ``step`` from start to end, both included; raises QueryError."""
    width = step if isinstance(step, int) else step // dt.timedelta(milliseconds=1)
    first, last = _ms(start), _ms(end)
    if width <= 0:
        message = "the step must be longer than 0"
        raise BadQueryError(message)
    if last < first:
        message = "the end must not lie before the start"
        raise BadQueryError(message)
    return _answer(project_id, expr, Grid(first, last, width), limits, at_once=False)


def within(limits: Limits) -> AbstractContextManager[None]:
    """What is done within, questions or not, ends with this time; raises QueryError then."""
    return patience.under(timer(limits))


def _tried(project_id: int, expr: str, grid: Grid, bounds: Limits) -> "Result | QueryError":
    try:
        return _answer(project_id, expr, grid, bounds, at_once=True)
    except QueryError as error:
        return error


def _answer(project_id: int, expr: str, grid: Grid, limits: Limits | None, *, at_once: bool) -> Result:
    if elsewhere is not None:
        return elsewhere.answer(project_id, expr, grid, limits or Limits(), at_once=at_once)
    return ask(sharing.source(project_id, limits or Limits()), expr, grid, limits=limits, at_once=at_once)


def check(expr: str) -> Fault | None:
    """What is wrong with the expression, or None."""
    try:
        parser.parse(expr)
    except BadQueryError as error:
        return Fault(error.message, error.position)
    return None


def pretty(expr: str) -> str:
    """The expression in its canonical layout; raises BadQueryError."""
    return parser.pretty(expr)


def result_kind(expr: str) -> tree.Kind:
    """What the expression evaluates to; raises BadQueryError."""
    return parser.result_kind(parser.parse(expr))


def functions() -> list[FunctionHelp]:
    """Every function with its help, for completion and the reference."""
    known = sorted(FUNCTIONS.values(), key=lambda one: one.name)
    return [FunctionHelp(one.name, one.signature, one.help, not one.own) for one in known]


def unsupported_functions() -> list[str]:
    """Functions of Prometheus that are refused here, for the manual."""
    return missing()


def newer_syntax() -> list[str]:
    """What is understood beyond Prometheus 3.5, for the manual."""
    durations = ("step()", "range()", "min(a, b)", "max(a, b)")
    return [*sorted(edges.WORDS), *trims.AS_COMPARISON, "fill()", *(f"x[{one}]" for one in durations)]


def _ms(moment: Moment) -> int:
    return moment if isinstance(moment, int) else clock.to_ms(moment)
