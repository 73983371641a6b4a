"""Many questions of one page, each asked by itself: one look at the store, and one read of what several need.

Which samples a question will read is found out by beginning to answer it. What nobody asks for after all was
read in vain, nothing more; what was not foreseen is read when it is asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.db import Error as DatabaseError

from monitor import history
from monitor.core.samples import Selection, Series
from monitor.promql.errors import QueryError
from monitor.promql.values import Grid
from monitor.promql.worked import Worked
from monitor.query import room
from monitor.query.answer import Limits
from monitor.query.engine import ask
from monitor.query.many import REACHES
from monitor.query.stored import Stored


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An expression that will be asked on a grid; ``at_once``: at its only moment."""

    expr: str
    grid: Grid
    at_once: bool


class _EnoughError(Exception):
    """It is known what the question reads; its answer is not wanted yet."""


class _Beginning(Stored):
    """Notes what is to be read and reads nothing."""

    def __call__(self, selections: Sequence[Selection], _: int) -> Sequence[Sequence[Series]]:
        self.wanted = list(selections)
        raise _EnoughError

    def past(self, *, spare_samples: bool) -> None:
        """Points of what is gone are not looked for; whoever needs them is left alone, see ``_read_ahead``."""


_shared: ContextVar[Stored | None] = ContextVar("shared", default=None)


@contextmanager
def together(project_id: int, questions: Sequence[Foreseen], bounds: Limits) -> Iterator[None]:
    """Within this the thread's questions to the project are answered out of one look and shared reads."""
    shared = Stored(project_id, bounds, worked=Worked())
    with room.share():
        if len(questions) > 1:
            _read_ahead(shared, questions)
        token = _shared.set(shared)
        try:
            yield
        finally:
            _shared.reset(token)


def source(project_id: int, bounds: Limits) -> Stored:
    """Where a question to the project reads: what is shared just now, or a look of its own."""
    shared = _shared.get()
    if shared is None or shared.project_id != project_id:
        return Stored(project_id, bounds)
    return replace(shared, bounds=bounds)


def _read_ahead(shared: Stored, questions: Sequence[Foreseen]) -> None:
    """Where that would be too much or take too long, each reads on its own and only the greedy one fails."""
    try:
        view = shared.view()
        past = history.of(view, spare_samples=False)
        first = -(2**62) if past is None else past.whole_from
        by_reach: dict[int, dict[Selection, None]] = {}
        for one in questions:
            for selection in _wanted(shared, one):
                reach = selection.end_ms - selection.start_ms
                if selection.start_ms >= first:
                    by_reach.setdefault(sum(reach > limit for limit in REACHES), {})[selection] = None
        for group in by_reach.values():
            shared.ahead.update(zip(group, shared(list(group), shared.bounds.samples), strict=True))
    except (QueryError, DatabaseError):
        return


def _wanted(shared: Stored, question: Foreseen) -> list[Selection]:
    beginning = _Beginning(shared.project_id, shared.bounds, shared.seen)
    beginning.wanted = []
    with suppress(_EnoughError, QueryError):
        ask(beginning, question.expr, question.grid, limits=shared.bounds, at_once=question.at_once)
    return beginning.wanted
