"""What a board costs when nothing of it is kept: processor seconds and reads, panel by panel and together. One JSON line.

python -m tests.bench.boards [board] [calls] [hours]
"""

import datetime as dt
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from monitor.core import clock
from tests.bench import many

if TYPE_CHECKING:
    from dashboards.boards.fill import Scope
    from dashboards.boards.layout import Cell

BOARD, CALLS, HOURS = "llm-service", 60_000, 6
ROUNDS, AT_ONCE = 5, 1_000
SECONDS = 8.0


def main() -> None:
    given = sys.argv[1:]
    name, calls, hours = (*given, *map(str, (BOARD, CALLS, HOURS)[len(given) :]))
    with many.database(), _own_cache():
        now = clock.now()
        project = many.project("boards", now)
        _fill(project, int(calls), int(hours), now)
        scope, cells = _cells(project, name, int(hours), now)
        found: dict[str, object] = {
            "bench": "boards",
            "board": name,
            "panels": len(cells),
            "calls": int(calls),
        }
        runs = {"apart": _apart, "together": _together}
        for kind, forget in (("cold", _forget_all), ("recomputed", _forget_answers)):
            took: dict[str, list[tuple[float, int]]] = {way: [] for way in runs}
            for _ in range(ROUNDS):
                for way, run in runs.items():
                    forget()
                    took[way].append(_measured(partial(run, project, scope, cells)))
            for way, figures in took.items():
                found[f"{kind}_{way}_cpu_s"] = round(statistics.median(cpu for cpu, _ in figures), 3)
                found[f"{kind}_{way}_statements"] = figures[-1][1]
        print(json.dumps(found))  # noqa: T201 - a benchmark talks


@contextmanager
def _own_cache() -> Iterator[None]:
    """Names of series are remembered in this process; no other server is needed."""
    from django.test import override_settings

    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}):
        yield


def _fill(project: int, calls: int, hours: int, now: dt.datetime) -> None:
    from monitor.ingest import pipeline
    from monitor.ingest.envelope import Batch, Generation
    from monitor.store.ageing import compact

    dice, begin = random.Random(3), clock.to_ms(now) - hours * 3_600_000
    for first in range(0, calls, AT_ONCE):
        rows = [
            {
                "id": f"c{n}", "started_ms": begin + n * hours * 3_600_000 // calls, "model": f"m{n % 3}",
                "version": ("v1", "v2")[n % 4 == 0], "prompt": "why?", "output": "because", "topic": f"t{n % 5}",
                "duration_seconds": dice.lognormvariate(0, 0.5), "ttft_seconds": dice.lognormvariate(-2, 0.5),
                "input_tokens": dice.randrange(50, 900), "output_tokens": dice.randrange(10, 400),
                "cost_usd": 0.001, "error": "timeout" if n % 50 == 0 else None,
            }
            for n in range(first, first + AT_ONCE)
        ]  # fmt: skip
        pipeline.take(project, Batch(generations=[msgspec.convert(row, Generation) for row in rows]), now=now)
    while compact.run(now=now + dt.timedelta(seconds=40)).batches:
        pass


def _cells(project: int, name: str, hours: int, now: dt.datetime) -> "tuple[Scope, list[Cell]]":
    from dashboards import span
    from dashboards.boards import layout, shelf, variables
    from dashboards.boards.fill import Scope

    stored = shelf.get(project, "boards", name)
    assert stored is not None
    scope = Scope(span.quick(f"{hours}h", now))
    values = variables.values_of(variables.resolve(project, stored.board.variables, {}, scope))
    scope = Scope(scope.span, values=values)
    cells = [cell for section in layout.sections(stored.board, values) for cell in section.cells]
    return scope, [cell for cell in cells if cell.panel.kind not in {"text", "row"}]


def _apart(project: int, scope: "Scope", cells: "Sequence[Cell]") -> None:
    _panels(project, scope, cells, together=False)


def _together(project: int, scope: "Scope", cells: "Sequence[Cell]") -> None:
    _panels(project, scope, cells, together=True)


def _panels(project: int, scope: "Scope", cells: "Sequence[Cell]", *, together: bool) -> None:
    from dashboards import ask
    from dashboards.boards import asking
    from monitor import query

    asked = [one for cell in cells for one in asking.questions(project, cell.panel, scope)]
    with query.together(project, asked, limits=ask.LIMITS) if together else nullcontext():
        for cell in cells:
            asking.panel(project, cell.panel, scope, SECONDS)


def _measured(work: Callable[[], None]) -> tuple[float, int]:
    """Processor seconds of this process, and statements to the database but for the look itself."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as caught:
        before = time.process_time()
        work()
        spent = time.process_time() - before
    return spent, len(caught.captured_queries)


def _forget_answers() -> None:
    from monitor.promql import kept

    kept.answers.clear()


def _forget_all() -> None:
    from monitor.store.reading import bases, stacks, tapes, unsealed

    _forget_answers()
    tapes.kept.clear()
    stacks.kept.clear()
    bases.kept.ledgers.clear()
    unsealed.kept.clear()


if __name__ == "__main__":
    main()
