"""The warnings and infos that functions and operators give, in Prometheus' words."""

from monitor.core.histograms import UnlikeHistogramsError
from monitor.promql.values import Notes

COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")


def named(metric: str) -> str:
    return f" for metric name {quoted(metric)}" if metric else ""


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mixed_samples(notes: Notes, metric: str) -> None:
    notes.warn(f"encountered a mix of histograms and floats for metric name {quoted(metric)}")


def mixed_aggregation(notes: Notes) -> None:
    notes.warn("encountered a mix of histograms and floats for aggregation")


def unlike(notes: Notes, metric: str, error: UnlikeHistogramsError) -> None:
    what = (
        "a mix of histograms with exponential and custom buckets schemas"
        if error.mixed
        else "histograms with incompatible custom buckets"
    )
    notes.warn(f"vector contains {what} for metric name {quoted(metric)}")


def not_counter(notes: Notes, metric: str) -> None:
    notes.warn(f"this native histogram metric is not a counter: {quoted(metric)}")


def not_gauge(notes: Notes, metric: str) -> None:
    notes.warn(f"this native histogram metric is not a gauge: {quoted(metric)}")


def invalid_quantile(notes: Notes, q: float) -> None:
    notes.warn(f"quantile value should be between 0 and 1, got {go_number(q)}")


def possible_non_counter(notes: Notes, metric: str) -> None:
    if metric and not metric.endswith(COUNTER_ENDINGS):
        notes.inform(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
            + quoted(metric)
        )


def ignored_histograms(notes: Notes, metric: str) -> None:
    notes.inform(
        "ignored histograms in a range containing both floats and histograms for metric name "
        + quoted(metric)
    )


def ignored_in_aggregation(notes: Notes, op: str) -> None:
    notes.inform(f"ignored histogram in {op} aggregation")


def go_number(value: float) -> str:
    text = f"{value:g}"
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text, text)
