"""Many questions about one moment: one look, and what they read shared."""

from collections.abc import Callable, Iterator, Sequence

from monitor.core import patience
from monitor.core.samples import Series
from monitor.promql import parse as parser
from monitor.promql.errors import BadQueryError, QueryError
from monitor.promql.evaluate import Evaluation
from monitor.promql.plan import Read
from monitor.promql.spans import Question
from monitor.promql.values import Grid, Notes
from monitor.query import room
from monitor.query.answer import Limits, Result, shaped
from monitor.query.engine import Work
from monitor.query.stored import Source, Stored, read, timer


def at_once(source: Stored, exprs: Sequence[str], grid: Grid) -> list[Result | QueryError]:
    """Each one's answer; an error stands for its answer."""
    with room.share():
        return _answered(source, exprs, grid)


def _answered(source: Stored, exprs: Sequence[str], grid: Grid) -> list[Result | QueryError]:
    bounds = source.bounds
    asked = [_Asked(expr, bounds) for expr in exprs]
    for one in asked:
        one.attempt(one.prepare, source, grid)
    for shared in _of_like_reach([one for one in asked if one.error is None]):
        _read_together(shared, source, bounds)
    for one in asked:
        one.attempt(one.run, grid)
    return [one.error or one.result for one in asked]


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
                # of its own: what others of them take is not its fault
                with patience.under(timer(self.bounds)):
                    work(*given)
            except QueryError as error:
                self.error = error
            except RecursionError:
                self.error = parser.too_deep()

    def prepare(self, source: Stored, grid: Grid) -> None:
        root = parser.parse(self.expr, Question.of(grid, at_once=True))
        if parser.result_kind(root) in {"matrix", "string"}:
            message = f"{self.expr!r} is no vector; only vectors and scalars are asked together"
            raise BadQueryError(message)
        self.work = Work(source, source.look(), self.bounds, ordered=True)
        self.plan = self.work.planned(root, grid, grid, self.notes)

    @property
    def reach(self) -> int:
        return max((one.end_ms - one.start_ms for one in self.plan.selections.values()), default=0)

    def read(self, source: Source, bounds: Limits) -> None:
        self.data, self.work.samples = read(source, self.plan, bounds, ordered=True)

    def run(self, grid: Grid) -> None:
        with room.share():
            evaluation = Evaluation(self.plan, self.data, self.bounds.samples, self.notes, afford=room.cells)
            self.result = shaped(evaluation.run(), grid, at_once=True)
        self.result.samples = self.work.samples
        self.result.warnings, self.result.infos = list(self.notes.warnings), list(self.notes.infos)


# how far back questions may look and still be read together: a rate over 5 minutes must not pay for a week's
REACHES = (600_000, 3_600_000, 21_600_000, 86_400_000)


def _of_like_reach(asked: Sequence[_Asked]) -> Iterator[list[_Asked]]:
    by_reach: dict[int, list[_Asked]] = {}
    for one in asked:
        by_reach.setdefault(sum(one.reach > limit for limit in REACHES), []).append(one)
    yield from by_reach.values()


def _read_together(asked: Sequence[_Asked], source: Stored, bounds: Limits) -> None:
    """One read for all; where that would be too much, each reads on its own and only the greedy one fails."""
    wanted = dict.fromkeys(one for each in asked for one in each.plan.selections.values())
    try:
        with patience.under(timer(bounds)):
            found = dict(zip(wanted, source(list(wanted), bounds.samples), strict=True))
    except QueryError:
        for one in asked:
            one.attempt(one.read, source, bounds)
        return
    for one in asked:
        one.attempt(one.read, lambda selections, _: [found[each] for each in selections], bounds)
