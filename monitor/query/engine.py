"""One question, from its text to its answer: parsed, planned, read, evaluated; over any source of series."""

from dataclasses import dataclass

from monitor import history
from monitor.core import patience
from monitor.promql import kept, tree
from monitor.promql import parse as parser
from monitor.promql.about import about
from monitor.promql.errors import BadQueryError, TooMuchError
from monitor.promql.evaluate import Evaluation
from monitor.promql.functions import extended
from monitor.promql.kept import Look
from monitor.promql.operators.subquery import frame
from monitor.promql.places import placed
from monitor.promql.plan import Plan, Read, inner_grid, plan
from monitor.promql.raw import between
from monitor.promql.spans import Question
from monitor.promql.values import Grid, Notes, Value
from monitor.query import room
from monitor.query.answer import Limits, Result, shaped
from monitor.query.stored import Source, Stored, read, size, timer

_SAID = {"matrix": "range vector", "string": "string"}


def ask(source: Source, expr: str, grid: Grid, *, limits: Limits | None = None, at_once: bool) -> Result:
    """The answer over any source of series: what instant() and range() do, and tests over memory."""
    try:
        bounds = limits or Limits()
        with room.share(), patience.under(timer(bounds)):
            return _asked(source, expr, grid, bounds, at_once=at_once)
    except RecursionError as error:
        raise parser.too_deep() from error


def _asked(source: Source, expr: str, grid: Grid, bounds: Limits, *, at_once: bool) -> Result:
    if grid.steps > bounds.steps:
        message = (
            f"exceeded maximum resolution of {bounds.steps} points per timeseries;"
            " try decreasing the query resolution (?step=XX)"
        )
        raise BadQueryError(message)
    root = parser.parse(expr, Question.of(grid, at_once=at_once))
    kind = parser.result_kind(root)
    if not at_once and kind in {"matrix", "string"}:
        message = f'invalid expression type "{_SAID[kind]}" for range query, must be Scalar or instant Vector'
        raise BadQueryError(message)
    look = source.look() if isinstance(source, Stored) and about(root).reads else None
    work, notes = Work(source, look, bounds, ordered=at_once), Notes()
    if kind == "matrix":
        evaluation = work.prepared(root, grid, grid, notes)
        result = raw(evaluation, evaluation.plan)
    elif at_once or look is None:
        result = shaped(work.evaluate(root, grid, grid, notes), grid, at_once=at_once)
    else:
        value = kept.value(root, grid, look, work.evaluate, lookback=bounds.lookback_ms, notes=notes)
        result = shaped(value, grid, at_once=at_once)
    result.samples = work.samples
    result.warnings, result.infos = placed(expr, notes.warnings, "warning"), placed(expr, notes.infos)
    return result


@dataclass(slots=True)
class Work:
    """One question under way: it may be answered in parts."""

    source: Source
    look: Look | None
    bounds: Limits
    ordered: bool
    samples: int = 0
    # the samples were too many: what coarse points can say is taken from them
    spare: bool = False

    def evaluate(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Value:
        before = room.counted()
        try:
            return self.prepared(node, grid, whole, notes).run()
        except TooMuchError:
            if self.spare or self.look is None:
                raise
            room.back(before)
            self.spare = True
            return self.prepared(node, grid, whole, notes).run()

    def prepared(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Evaluation:
        """Everything but the evaluation itself; ``whole`` is the grid of which this one is a part."""
        made = self.planned(node, grid, whole, notes)
        data, samples = read(self.source, made, self.bounds, ordered=self.ordered)
        self.samples += samples
        patience.look()
        worked = self.source.worked if isinstance(self.source, Stored) and not self.spare else None
        return Evaluation(
            made, data, self.bounds.samples, notes, None if worked is None else (worked, whole), room.cells
        )

    def planned(self, node: tree.Node, grid: Grid, whole: Grid, notes: Notes) -> Plan:
        """What has to be read, after the parts that are kept from before."""
        look, lookback = self.look, self.bounds.lookback_ms
        if look is not None:

            def inner(expr: tree.Node, steps: Grid) -> Value:
                return kept.value(expr, steps, look, self.evaluate, lookback=lookback, notes=notes)

            if about(node).nested:
                node = kept.with_given(node, grid, self.bounds.samples, inner)
            past = self.source.past(spare_samples=self.spare) if isinstance(self.source, Stored) else None
            if past is not None:

                def rest(part: tree.Node, steps: Grid) -> Value:
                    return self.evaluate(part, steps, whole, notes)

                node = history.with_given(node, grid, past, rest, notes, lookback)
        return plan(node, grid, max_samples=self.bounds.samples, lookback=lookback, whole=whole)


def raw(evaluation: Evaluation, made: Plan) -> Result:
    """A range selector or subquery on its own: the samples themselves."""
    node = made.root
    if isinstance(node, tree.Subquery):
        inner = inner_grid(node, made.grid)
        room.cells(inner.steps)
        return shaped(evaluation.value(node.expr, inner), inner, at_once=False)
    assert isinstance(node, tree.Range)
    series = evaluation.data[Read(node.selector, node.width, made.grid)]
    place = frame(node.selector, node.width, made.grid)
    end = int(place.ends[0])
    word, start = node.selector.edges, end - node.width
    if word:
        kept = [extended.edged(one, start, end, made.lookback, word) for one in series]
    else:
        kept = [between(one, start, end) for one in series]
    return Result("matrix", made.grid.times, raw=[one for one in kept if size(one)])
