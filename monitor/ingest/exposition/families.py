"""A page of metrics in Prometheus' protobuf exposition: the only one that holds native histograms; pure."""

import math
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import DecodeError

from monitor.core.histograms import HistogramRun
from monitor.core.labels import NAME, Labels
from monitor.ingest.envelope import UNTIMED, Rejection
from monitor.ingest.exposition import bounds
from monitor.ingest.exposition.page import DROPPED, MAX_SAMPLES, BadPageError, Page
from monitor.ingest.labelsets import BadLabelsError, checked
from monitor.ingest.wire import buckets
from monitor.ingest.wire import exposition_pb2 as wire
from monitor.ingest.wire.remote_write_pb2 import Histogram, Span

PROTOBUF = "application/vnd.google.protobuf"
GAUGE_HISTOGRAM = 5
Sample = tuple[str, Mapping[str, str], float]


def is_protobuf(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == PROTOBUF


def read(body: bytes, *, classic: bool, finish: Callable[[Labels], Labels] = lambda labels: labels) -> Page:
    """All samples of a page; raises BadPageError. ``lines`` and rejections count families, from 1.

    The classic buckets of a histogram that is native as well are left out unless ``classic``.
    """
    page = Page()
    for number, family in enumerate(_families(body), 1):
        for metric in family.metric:
            at = metric.timestamp_ms if metric.HasField("timestamp_ms") else UNTIMED
            own = {label.name: label.value for label in metric.label}
            native = metric.HasField("histogram") and _is_native(metric.histogram)
            try:
                if native:
                    _take_native(page, family, metric, own, at, finish)
                for name, more, value in _samples(family.name, metric, classic=classic or not native):
                    labels = finish(checked([(NAME, name), *own.items(), *more.items()]))
                    if labels is DROPPED:
                        page.dropped += 1
                        continue
                    page.points.append((labels, at, value))
                    page.lines.append(number)
            except BadLabelsError as error:
                page.rejected.append(Rejection(number, error.field, error.why))
            except buckets.BadHistogramError as error:
                page.rejected.append(Rejection(number, family.name, str(error)))
        if len(page.points) + len(page.histograms) > MAX_SAMPLES:
            message = f"more than {MAX_SAMPLES} samples"
            raise BadPageError(message)
    return page


def _families(body: bytes) -> Iterator[wire.Family]:
    """Messages, each after its length."""
    place = 0
    while place < len(body):
        length, shift = 0, 0
        while True:
            if place >= len(body) or shift > 28:
                message = f"byte {place}: the length of a family is cut off"
                raise BadPageError(message)
            byte = body[place]
            place += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if place + length > len(body):
            message = f"byte {place}: a family of {length} bytes is cut off"
            raise BadPageError(message)
        try:
            yield wire.Family.FromString(body[place : place + length])
        except DecodeError as error:
            message = f"byte {place}: no MetricFamily in Protobuf"
            raise BadPageError(message) from error
        place += length


def _is_native(histogram: wire.Histogram) -> bool:
    """Prometheus' rule: spans, or a zero bucket, make a histogram native."""
    return bool(
        histogram.positive_span or histogram.negative_span or histogram.zero_threshold > 0
        or histogram.zero_count > 0 or histogram.zero_count_float > 0
    )  # fmt: skip


def _take_native(
    page: Page,
    family: wire.Family,
    metric: wire.Metric,
    own: Mapping[str, str],
    at: int,
    finish: Callable[[Labels], Labels],
) -> None:
    labels = finish(checked([(NAME, family.name), *own.items()]))
    if labels is DROPPED:
        page.dropped += 1
        return
    run = _run(metric.histogram, at, gauge=family.type == GAUGE_HISTOGRAM)
    if run is not None:
        page.histograms.append((labels, run))


def _run(given: wire.Histogram, at: int, *, gauge: bool) -> HistogramRun | None:
    """As remote-write spells it, so that one reader checks both."""
    spelled = Histogram(
        sum=given.sample_sum,
        schema=given.schema,
        zero_threshold=given.zero_threshold,
        timestamp=at,
        positive_spans=[Span(offset=one.offset, length=one.length) for one in given.positive_span],
        negative_spans=[Span(offset=one.offset, length=one.length) for one in given.negative_span],
        positive_deltas=given.positive_delta,
        negative_deltas=given.negative_delta,
        positive_counts=given.positive_count,
        negative_counts=given.negative_count,
    )
    if gauge:
        spelled.reset_hint = buckets.GAUGE_HINT
    if given.sample_count_float > 0 or given.zero_count_float > 0:
        spelled.count_float, spelled.zero_count_float = given.sample_count_float, given.zero_count_float
    else:
        spelled.count_int, spelled.zero_count_int = given.sample_count, given.zero_count
    return buckets.run_of(spelled)


def _samples(name: str, metric: wire.Metric, *, classic: bool) -> Iterator[Sample]:
    for kind in ("gauge", "counter", "untyped"):
        if metric.HasField(kind):
            yield name, {}, getattr(metric, kind).value
    if metric.HasField("summary"):
        for one in metric.summary.quantile:
            yield name, {"quantile": bounds.written(one.quantile)}, one.value
        yield f"{name}_sum", {}, metric.summary.sample_sum
        yield f"{name}_count", {}, float(metric.summary.sample_count)
    if metric.HasField("histogram") and classic:
        yield from _classic(name, metric.histogram)


def _classic(name: str, histogram: wire.Histogram) -> Iterator[Sample]:
    count = histogram.sample_count_float or float(histogram.sample_count)
    ends = False
    for one in histogram.bucket:
        ends = ends or one.upper_bound == math.inf
        value = one.cumulative_count_float or float(one.cumulative_count)
        yield f"{name}_bucket", {"le": bounds.written(one.upper_bound)}, value
    if not ends:
        yield f"{name}_bucket", {"le": "+Inf"}, count
    yield f"{name}_sum", {}, histogram.sample_sum
    yield f"{name}_count", {}, count
