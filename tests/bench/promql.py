"""The query engine after reading, against the least that numpy could do for the same answer. One JSON line.

24 h at 15 s, 60 s steps: 1,000 counters, native histograms of three versions, classic ones of 20 pods.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from monitor import query
from monitor.core.histograms import HistogramRun
from monitor.core.labels import NAME, Labels
from monitor.core.samples import Selection, Series
from monitor.promql.values import Grid

STEP_MS, SCRAPE_MS, RANGE_MS = 60_000, 15_000, 300_000
DAY_MS = 86_400_000
START_MS = 1_700_000_000_000 // STEP_MS * STEP_MS
GRID = Grid(START_MS, START_MS + DAY_MS, STEP_MS)
ROUNDS = 9
QUERIES = {
    "rate_sum": "sum by (version) (rate(hits_total[5m]))",
    "native_p99": "histogram_quantile(0.99, sum by (version) (rate(seconds[5m])))",
    "classic_p99": "histogram_quantile(0.99, sum by (version, le) (rate(old_bucket[5m])))",
    "max_over_time": "max_over_time(hits_total[5m])",
    "quantile_over_time": "quantile_over_time(0.9, hits_total[5m])",
    "subquery": "max_over_time(sum(rate(hits_total[5m]))[1h:1m])",
}


def series() -> dict[str, list[Series]]:
    seeded = np.random.default_rng(20)
    times = np.arange(START_MS - RANGE_MS, START_MS + DAY_MS + 1, SCRAPE_MS)

    def counter(name: str, **labels: str) -> Series:
        values = np.cumsum(seeded.integers(0, 10, len(times))).astype(np.float64)
        return Series(Labels({NAME: name, **labels}), times.copy(), values)

    def histogram(version: str) -> Series:
        counts = np.cumsum(seeded.poisson(0.05, (len(times), 200)), axis=0).astype(np.float64)
        total = counts.sum(axis=1)
        index = np.arange(-50, 150)
        run = HistogramRun(
            times, total, total * 3, np.zeros(len(times)), positive_index=index, positive=counts
        )
        nothing = np.empty(0)
        return Series(
            Labels({NAME: "seconds", "version": version}), nothing.astype(np.int64), nothing, (run,)
        )

    bounds = ["0.1", "0.2", "0.4", "0.8", "1.6", "3.2", "6.4", "+Inf"]
    return {
        "hits_total": [counter("hits_total", version=f"v{n % 3}", pod=f"p{n}") for n in range(1000)],
        "seconds": [histogram(f"v{n}") for n in range(3)],
        "old_bucket": [
            counter("old_bucket", version=f"v{n % 3}", pod=f"p{n}", le=bound)
            for n in range(20)
            for bound in bounds
        ],
    }


def bare(counters: Sequence[Series]) -> None:
    """First and last of every window, a look for resets, a sum per version: no PromQL engine can do less."""
    low = counters[0].times.searchsorted(GRID.times - RANGE_MS, "right")
    last = counters[0].times.searchsorted(GRID.times, "right") - 1
    sums = np.zeros((3, GRID.steps))
    for place, one in enumerate(counters):
        values = one.values
        assert not (values[1:] < values[:-1]).any()
        sums[place % 3] += values.take(last) - values.take(low)


def milliseconds(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        work()
        took.append(time.perf_counter() - before)
    return statistics.median(took) * 1000


def main() -> None:
    stored = series()

    def source(selections: Sequence[Selection], _: int) -> list[list[Series]]:
        return [stored[selection.matchers[0].value] for selection in selections]

    floor = milliseconds(lambda: bare(stored["hits_total"]))
    result: dict[str, object] = {"bench": "promql", "bare_numpy_ms": round(floor, 1)}
    for name, expr in QUERIES.items():
        spent = milliseconds(partial(query.ask, source, expr, GRID, at_once=False))
        result[f"{name}_ms"] = round(spent, 1)
        if name == "rate_sum":
            result["rate_sum_ratio"] = round(spent / floor, 2)
    print(json.dumps(result))  # noqa: T201 - a benchmark talks


if __name__ == "__main__":
    main()
