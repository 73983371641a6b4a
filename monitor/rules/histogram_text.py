"""Pure: a native histogram as Prometheus prints it: ``{count:3, sum:1.5, (0.25,0.5]:2, (0.5,1]:1}``."""

from collections.abc import Iterator

from monitor.core.histograms import HistogramRun, upper_bounds
from monitor.rules.go_format import shortest

MOST_BUCKETS = 200


def text(run: HistogramRun) -> str:
    """The last of the run's histograms; empty buckets are left out, and a very long list is cut with a mark."""
    parts = [f"count:{shortest(float(run.count[-1]))}", f"sum:{shortest(float(run.total[-1]))}"]
    buckets = [*_negative(run), *_zero(run), *_positive(run)]
    parts += buckets[:MOST_BUCKETS]
    if len(buckets) > MOST_BUCKETS:
        parts.append(f"… {len(buckets) - MOST_BUCKETS} more")
    return "{" + ", ".join(parts) + "}"


def _positive(run: HistogramRun) -> Iterator[str]:
    upper = upper_bounds(run.positive_index, run.schema, run.custom_bounds).tolist()
    lower = upper_bounds(run.positive_index - 1, run.schema, run.custom_bounds).tolist()
    for low, high, count in zip(lower, upper, run.positive[-1].tolist(), strict=True):
        if count:
            yield f"({shortest(low)},{shortest(high)}]:{shortest(count)}"


def _negative(run: HistogramRun) -> Iterator[str]:
    lower = upper_bounds(run.negative_index, run.schema, run.custom_bounds).tolist()
    upper = upper_bounds(run.negative_index - 1, run.schema, run.custom_bounds).tolist()
    found = list(zip(lower, upper, run.negative[-1].tolist(), strict=True)) if len(run.negative) else []
    for far, near, count in reversed(found):
        if count:
            yield f"[{shortest(-far)},{shortest(-near)}):{shortest(count)}"


def _zero(run: HistogramRun) -> Iterator[str]:
    if run.zero[-1]:
        edge = shortest(run.zero_threshold)
        yield f"[-{edge},{edge}]:{shortest(float(run.zero[-1]))}"
