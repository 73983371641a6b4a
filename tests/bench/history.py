"""Does a question cost what it needs, or what is stored? The same one over 2 and over 20 days of history. One JSON line.

100 counters, one sample a minute, sealed. ``cold``: samples come out of the database; ``warm``: as a panel asks again
and again, each time for steps that nobody asked for before.
"""

import datetime as dt
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.bench import many

SHORT_DAYS, LONG_DAYS = 2, 20
SERIES, SCRAPE_MS = 100, 60_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
ROUNDS = 25
EXPRESSION = "sum by (version) (rate(hits_total[5m]))"


def main() -> None:
    with many.database():
        result = {"bench": "history", "samples_short": 0, "samples_long": 0, **_measured()}
        result["samples_short"], result["samples_long"] = (
            SERIES * days * DAY_MS // SCRAPE_MS for days in (SHORT_DAYS, LONG_DAYS)
        )
        print(json.dumps(result))  # noqa: T201 - a benchmark talks


def _measured() -> dict[str, float]:
    from monitor.core import clock
    from monitor.store.ageing import compact

    # nothing of it is young enough to change, and windows are closed
    end = clock.to_ms(clock.now()) // DAY_MS * DAY_MS - HOUR_MS
    projects = [many.project(f"days{days}", clock.now()) for days in (SHORT_DAYS, LONG_DAYS)]
    for project, days in zip(projects, (SHORT_DAYS, LONG_DAYS), strict=True):
        _fill(project, days, end)
    while compact.run(now=clock.now() + dt.timedelta(minutes=30)).batches:
        pass
    found: dict[str, float] = {}
    for name, span in (("hour", HOUR_MS), ("day", DAY_MS)):
        for kind, forget in (("cold", _forget), ("warm", lambda: None)):
            found |= _compared(f"{name}_{kind}", projects, span, end, forget)
    return found


def _fill(project: int, days: int, end: int) -> None:
    from monitor.core import clock
    from monitor.core.labels import NAME, Labels
    from monitor.core.samples import Columns
    from monitor.store.samples import pushes

    labels = [Labels({NAME: "hits_total", "version": f"v{n % 3}", "pod": f"p{n}"}) for n in range(SERIES)]
    seeded = np.random.default_rng(3)
    level = np.zeros(SERIES)
    for day in range(days, 0, -1):
        times = np.arange(end - day * DAY_MS + SCRAPE_MS, end - (day - 1) * DAY_MS + 1, SCRAPE_MS)
        values = level[:, None] + np.cumsum(seeded.integers(0, 20, (SERIES, len(times))), axis=1)
        level = values[:, -1]
        counts = np.full(SERIES, len(times))
        columns = Columns(labels, counts, np.tile(times, SERIES), values.reshape(-1))
        pushes.store(project, columns, now=clock.now())


def _forget() -> None:
    from monitor.promql import kept
    from monitor.store.reading import stacks, tapes

    kept.answers.clear()
    tapes.kept.clear()
    stacks.kept.clear()


def _compared(
    name: str, projects: Sequence[int], span: int, end: int, forget: Callable[[], Any]
) -> dict[str, float]:
    from monitor import query

    took: dict[int, list[float]] = {project: [] for project in projects}
    for turn in range(ROUNDS):
        for project in projects:
            forget()
            last = end - turn * 7 * SCRAPE_MS - 1
            step = max(SCRAPE_MS, span // 250)
            before = time.perf_counter()
            query.range(project, EXPRESSION, last - span, last, step)
            took[project].append(time.perf_counter() - before)
    short, long = (min(took[project]) * 1000 for project in projects)
    return {f"{name}_ms": round(long, 2), f"{name}_ratio": round(long / short, 3)}


if __name__ == "__main__":
    main()
