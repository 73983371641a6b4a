"""The samples themselves, where somebody asks for a range selector and nothing more."""

from monitor.core.histograms import HistogramRun
from monitor.core.samples import Series, is_stale
from monitor.promql.values import Mask


def between(series: Series, after: int, until: int) -> Series:
    mask = (series.times > after) & (series.times <= until) & ~is_stale(series.values)
    runs = []
    for run in series.histograms:
        chosen = (run.times > after) & (run.times <= until)
        if chosen.any():
            runs.append(_cut(run, chosen))
    return Series(series.labels, series.times[mask], series.values[mask], tuple(runs))


def _cut(run: HistogramRun, chosen: Mask) -> HistogramRun:
    positive = run.positive[chosen] if len(run.positive_index) else run.positive
    negative = run.negative[chosen] if len(run.negative_index) else run.negative
    return HistogramRun(
        run.times[chosen],
        run.count[chosen],
        run.total[chosen],
        run.zero[chosen],
        run.schema,
        run.zero_threshold,
        run.positive_index,
        positive,
        run.negative_index,
        negative,
        run.custom_bounds,
        run.gauge,
    )
