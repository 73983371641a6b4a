"""The one way to ask: PromQL over a project's series, at one moment or over a range.

Times are Unix milliseconds (``clock.to_ms`` makes them of aware moments); aware moments are taken as well.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from monitor import history
from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import LOOKBACK_MS, Selection, Series, Table
from monitor.promql import edges, kept, tree, trims
from monitor.promql import parse as parser
from monitor.promql.errors import BadQueryError, DeadlineError, ExecutionError, QueryError, TooMuchError
from monitor.promql.evaluate import Evaluation
from monitor.promql.functions import FUNCTIONS, extended
from monitor.promql.functions.known import missing
from monitor.promql.kept import Look
from monitor.promql.operators.subquery import frame
from monitor.promql.plan import Plan, Read, inner_grid, plan
from monitor.promql.raw import between
from monitor.promql.spans import Question
from monitor.promql.values import Cells, Floats, Grid, Ints, Mask, Notes, Value, Vector
from monitor.store import deadline, select
from monitor.store.select import View

# what callers on the floors above catch
Failed = QueryError
Moment = int | dt.datetime
Source = Callable[[Sequence[Selection], int], Sequence[Sequence[Series]]]
Kind = Literal["vector", "matrix", "scalar", "string"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost: samples read or held, series, steps, seconds; and how far an instant selector
    looks back.
    """

    samples: int = 50_000_000
    series: int = 100_000
    steps: int = 11_000
    seconds: float = 30.0
    lookback_ms: int = LOOKBACK_MS


@dataclass(slots=True)
class Result:
    """An answer in columns: ``labels`` (n), ``times`` (s, ms), ``values`` and ``floats`` (n, s).

    ``floats`` says which values mean something. ``histograms`` lie at other places of the same grid. A bare
    range selector asked at one moment answers with ``raw`` series; a text with ``text``.
    """

    kind: Kind
    times: Ints
    labels: list[Labels] = field(default_factory=list)
    values: Floats = field(default_factory=lambda: np.empty((0, 0)))
    floats: Mask = field(default_factory=lambda: np.empty((0, 0), dtype=bool))
    histograms: tuple[Cells, ...] = ()
    text: str = ""
    raw: list[Series] | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    samples: int = 0

    def points(self) -> Iterator[tuple[Labels, Ints, Floats]]:
        """(labels, times, values) of every series with floats; for panels and gates."""
        for row, labels in enumerate(self.labels):
            mask = self.floats[row]
            if mask.any():
                yield labels, self.times[mask], self.values[row][mask]

    def present(self) -> Mask:
        """Where there is a number or a histogram (n, s)."""
        return Vector(self.labels, self.values, self.floats, self.histograms).present()

    def runs(self) -> Iterator[tuple[Labels, HistogramRun]]:
        """(labels, run) of the native histograms of every series, one run per layout."""
        for cells in self.histograms:
            rows, steps = np.divmod(cells.place, len(self.times))
            for row in np.unique(rows):
                mine = cells.where(rows == row)
                yield self.labels[int(row)], _run(mine, self.times[steps[rows == row]])

    def first(self, count: int) -> "Result":
        """Only the first series, with a warning that there were more."""
        warnings = [*self.warnings, "results truncated due to limit"]
        if self.raw is not None:
            return replace(self, raw=self.raw[:count], warnings=warnings)
        cut = Vector(self.labels, self.values, self.floats, self.histograms).rows(np.arange(count))
        return replace(
            self,
            labels=cut.labels,
            values=cut.values,
            floats=cut.floats,
            histograms=cut.histograms,
            warnings=warnings,
        )

    def single(self) -> float | None:
        """The one number of an instant answer; None when there is none or more than one."""
        found = self.values[self.floats]
        return float(found[0]) if len(found) == 1 and not self.histograms else None


class Elsewhere(Protocol):
    """Series on other machines, whose own engine answers (see ``monitor.remote``)."""

    def answer(self, project_id: int, expr: str, grid: Grid, limits: Limits, *, at_once: bool) -> Result: ...


elsewhere: Elsewhere | None = None  # put here at the start where METRICS_URL names such a store


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
    source, grid = _Stored(project_id, bounds), Grid(moment, moment, 1)
    if elsewhere is not None:
        return [_tried(project_id, expr, grid, bounds) for expr in exprs]
    asked = [_Asked(expr, bounds) for expr in exprs]
    for one in asked:
        one.attempt(one.prepare, source, grid)
    for shared in _of_like_reach([one for one in asked if one.error is None]):
        _read_together(shared, source, bounds)
    for one in asked:
        one.attempt(one.run, grid)
    return [one.error or one.result for one in asked]


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


def _tried(project_id: int, expr: str, grid: Grid, bounds: Limits) -> "Result | QueryError":
    try:
        return _answer(project_id, expr, grid, bounds, at_once=True)
    except QueryError as error:
        return error


def _answer(project_id: int, expr: str, grid: Grid, limits: Limits | None, *, at_once: bool) -> Result:
    if elsewhere is not None:
        return elsewhere.answer(project_id, expr, grid, limits or Limits(), at_once=at_once)
    return ask(_Stored(project_id, limits), expr, grid, limits=limits, at_once=at_once)


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


def ask(source: Source, expr: str, grid: Grid, *, limits: Limits | None = None, at_once: bool) -> Result:
    """The answer over any source of series: what instant() and range() do, and tests over memory."""
    bounds = limits or Limits()
    if grid.steps > bounds.steps:
        message = (
            f"exceeded maximum resolution of {bounds.steps} points per timeseries;"
            " try decreasing the query resolution (?step=XX)"
        )
        raise BadQueryError(message)
    deadline = clock.monotonic() + bounds.seconds

    def in_time() -> None:
        if clock.monotonic() > deadline:
            raise _late(bounds)

    root = parser.parse(expr, Question.of(grid, at_once=at_once))
    kind = parser.result_kind(root)
    if not at_once and kind in {"matrix", "string"}:
        message = f'invalid expression type "{_SAID[kind]}" for range query, must be Scalar or instant Vector'
        raise BadQueryError(message)
    look = source.look() if isinstance(source, _Stored) and tree.reads(root) else None
    work, notes = _Work(source, look, bounds, in_time, ordered=at_once), Notes()
    if kind == "matrix":
        evaluation = work.prepared(root, grid, grid, notes)
        result = _raw(evaluation, evaluation.plan)
    elif at_once or look is None:
        result = _shaped(work.evaluate(root, grid, grid, notes), grid, at_once=at_once)
    else:
        value = kept.value(root, grid, look, work.evaluate, lookback=bounds.lookback_ms, notes=notes)
        result = _shaped(value, grid, at_once=at_once)
    result.samples = work.samples
    result.warnings, result.infos = list(notes.warnings), list(notes.infos)
    return result


class _Asked:
    """One of many questions: prepared, read together with others, then answered; its error stays its own."""

    def __init__(self, expr: str, bounds: Limits) -> None:
        self.expr, self.bounds = expr, bounds
        self.error: QueryError | None = None
        self.notes = Notes()
        self.data: dict[Read, Sequence[Series]] = {}

    def attempt(self, work: Callable[..., None], *given: object) -> None:
        if self.error is None:
            try:
                work(*given)
            except QueryError as error:
                self.error = error

    def prepare(self, source: "_Stored", grid: Grid) -> None:
        root = parser.parse(self.expr, Question.of(grid, at_once=True))
        if parser.result_kind(root) in {"matrix", "string"}:
            message = f"{self.expr!r} is no vector; only vectors and scalars are asked together"
            raise BadQueryError(message)
        deadline = clock.monotonic() + self.bounds.seconds

        def in_time() -> None:
            if clock.monotonic() > deadline:
                raise _late(self.bounds)

        self.in_time = in_time
        self.work = _Work(source, source.look(), self.bounds, in_time, ordered=True)
        self.plan = self.work.planned(root, grid, grid, self.notes)

    @property
    def reach(self) -> int:
        return max((one.end_ms - one.start_ms for one in self.plan.selections.values()), default=0)

    def read(self, source: Source, bounds: Limits) -> None:
        self.data, self.work.samples = _read(source, self.plan, bounds, ordered=True)

    def run(self, grid: Grid) -> None:
        evaluation = Evaluation(self.plan, self.data, self.in_time, self.bounds.samples, self.notes)
        self.result = _shaped(evaluation.run(), grid, at_once=True)
        self.result.samples = self.work.samples
        self.result.warnings, self.result.infos = list(self.notes.warnings), list(self.notes.infos)


# how far back questions may look and still be read together: a rate over 5 minutes must not pay for a week's
_REACHES = (600_000, 3_600_000, 21_600_000, 86_400_000)


def _of_like_reach(asked: Sequence[_Asked]) -> Iterator[list[_Asked]]:
    by_reach: dict[int, list[_Asked]] = {}
    for one in asked:
        by_reach.setdefault(sum(one.reach > limit for limit in _REACHES), []).append(one)
    yield from by_reach.values()


def _read_together(asked: Sequence[_Asked], source: "_Stored", bounds: Limits) -> None:
    """One read for all; where that would be too much, each reads on its own and only the greedy one fails."""
    wanted = dict.fromkeys(one for each in asked for one in each.plan.selections.values())
    try:
        found = dict(zip(wanted, source(list(wanted), bounds.samples), strict=True))
    except QueryError:
        for one in asked:
            one.attempt(one.read, source, bounds)
        return
    for one in asked:
        one.attempt(one.read, lambda selections, _: [found[each] for each in selections], bounds)


@dataclass(slots=True)
class _Work:
    """One question under way: it may be answered in parts."""

    source: Source
    look: Look | None
    bounds: Limits
    in_time: Callable[[], None]
    ordered: bool
    samples: int = 0
    # the samples were too many: what coarse points can say is taken from them
    spare: bool = False

    def evaluate(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Value:
        try:
            return self.prepared(node, grid, whole, notes).run()
        except TooMuchError:
            if self.spare or self.look is None:
                raise
            self.spare = True
            return self.prepared(node, grid, whole, notes).run()

    def prepared(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Evaluation:
        """Everything but the evaluation itself; ``whole`` is the grid of which this one is a part."""
        made = self.planned(node, grid, whole, notes)
        data, samples = _read(self.source, made, self.bounds, ordered=self.ordered)
        self.samples += samples
        self.in_time()
        return Evaluation(made, data, self.in_time, self.bounds.samples, notes)

    def planned(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Plan:
        """What has to be read, after the parts that are kept from before."""
        look, lookback = self.look, self.bounds.lookback_ms
        if look is not None:

            def inner(expr: tree.Node, steps: Grid) -> Value:
                return kept.value(expr, steps, look, self.evaluate, lookback=lookback, notes=notes)

            node = kept.with_given(node, grid, self.bounds.samples, inner)
            past = self.source.past(spare_samples=self.spare) if isinstance(self.source, _Stored) else None
            if past is not None:

                def rest(part: tree.Node, steps: Grid) -> Value:
                    return self.evaluate(part, steps, whole, notes)

                node = history.with_given(node, grid, past, rest, notes, lookback)
        return plan(node, grid, max_samples=self.bounds.samples, lookback=lookback, whole=whole)


def _late(bounds: Limits) -> DeadlineError:
    return DeadlineError(
        f"query timed out after {bounds.seconds:g} seconds; ask for less, or raise the limit"
    )


_SAID = {"matrix": "range vector", "string": "string"}


def _read(
    source: Source, made: Plan, bounds: Limits, *, ordered: bool
) -> tuple[dict[Read, Sequence[Series]], int]:
    reads = list(made.selections)
    if not reads:
        return {}, 0
    found = source([made.selections[read] for read in reads], bounds.samples)
    series = sum(len(one) for one in found)
    if series > bounds.series:
        message = (
            f"the query selects {series} series, more than the limit of {bounds.series}; narrow its matchers"
        )
        raise TooMuchError(message)
    samples = sum(_samples(group) for group in found)
    if samples > bounds.samples:
        message = (
            f"query processing would load {samples} samples into memory, more than the limit of {bounds.samples};"
            " take a shorter time or fewer series"
        )
        raise TooMuchError(message)
    if ordered:
        found = [group if isinstance(group, Table) else sorted(group, key=_by_labels) for group in found]
    return dict(zip(reads, found, strict=True)), samples


def _by_labels(series: Series) -> tuple[tuple[str, str], ...]:
    return series.labels.items_sorted


def _samples(group: Sequence[Series]) -> int:
    return group.samples if isinstance(group, Table) else sum(_size(one) for one in group)


def _size(series: Series) -> int:
    floats = len(series.times)
    return floats + sum(len(run.times) for run in series.histograms) if series.histograms else floats


def _shaped(value: Value, grid: Grid, *, at_once: bool) -> Result:
    times = grid.times
    if isinstance(value, str):
        return Result("string", times, text=value)
    if not isinstance(value, Vector):
        kind: Kind = "scalar" if at_once else "matrix"
        wide = np.asarray(value)[None, :]
        return Result(kind, times, [Labels()], wide, np.ones(wide.shape, dtype=bool))
    vector = value.without_empty_rows()
    if not at_once:
        order = sorted(
            np.arange(len(vector.labels)).tolist(), key=lambda row: vector.labels[row].items_sorted
        )
        vector = vector.rows(order)
    if len(set(vector.labels)) < len(vector.labels):
        message = "vector cannot contain metrics with the same labelset"
        raise ExecutionError(message)
    kind = "vector" if at_once else "matrix"
    return Result(kind, times, vector.labels, vector.values, vector.floats, vector.histograms)


def _raw(evaluation: Evaluation, made: Plan) -> Result:
    """A range selector or subquery on its own: the samples themselves."""
    node = made.root
    if isinstance(node, tree.Subquery):
        inner = inner_grid(node, made.grid)
        return _shaped(evaluation.value(node.expr, inner), inner, at_once=False)
    assert isinstance(node, tree.Range)
    series = evaluation.data[Read(node.selector, node.width, made.grid)]
    place = frame(node.selector, node.width, made.grid)
    end = int(place.ends[0])
    word, start = node.selector.edges, end - node.width
    if word:
        kept = [extended.edged(one, start, end, made.lookback, word) for one in series]
    else:
        kept = [between(one, start, end) for one in series]
    return Result("matrix", made.grid.times, raw=[one for one in kept if _size(one)])


def _run(cells: Cells, times: Ints) -> HistogramRun:
    block = cells.block
    return HistogramRun(
        times, block.count, block.total, block.zero, block.schema, block.zero_threshold, block.positive_index,
        block.positive, block.negative_index, block.negative, block.custom_bounds, block.gauge,
    )  # fmt: skip


class _Stored:
    """The series of a project as of the first look; a Source."""

    def __init__(self, project_id: int, limits: Limits | None) -> None:
        self.project_id, self.bounds = project_id, limits or Limits()
        self.view: View | None = None

    def look(self) -> Look:
        view = self._view()
        moment = view.moment
        return Look(self.project_id, moment.version, moment.closed_ms, view.changed_from, view.lasting)

    def __call__(self, selections: Sequence[Selection], max_samples: int) -> Sequence[Sequence[Series]]:
        try:
            return self._view().select(selections, max_samples=max_samples, seconds=self.bounds.seconds)
        except select.TooManySamplesError as error:
            raise TooMuchError(str(error)) from error
        except deadline.StoppedError as error:
            raise _late(self.bounds) from error

    def past(self, *, spare_samples: bool) -> history.Past | None:
        return history.of(self._view(), spare_samples=spare_samples)

    def _view(self) -> View:
        if self.view is None:
            try:
                self.view = select.look(self.project_id, self.bounds.seconds)
            except deadline.StoppedError as error:
                raise _late(self.bounds) from error
        return self.view


def _ms(moment: Moment) -> int:
    return moment if isinstance(moment, int) else clock.to_ms(moment)
