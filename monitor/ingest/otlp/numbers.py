"""Metrics of one request as samples: as Prometheus translates them, deltas as amounts to be added up."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from monitor.core.deltas import Buckets, Delta
from monitor.core.histograms import HistogramRun
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE
from monitor.ingest import labelsets
from monitor.ingest.envelope import NOWHERE, Batch, Reason, Rejection, Source
from monitor.ingest.otlp import attributes, names
from monitor.ingest.wire import otlp_pb2 as wire
from monitor.ingest.wire.known import KnownLabels

DELTA = 1
NO_VALUE = 1
COARSEST, FINEST = -4, 8
MOST_BUCKETS = 10_000
# what Prometheus gives histograms of OTLP that name none
ZERO_THRESHOLD = 1e-128
# of a resource these become job and instance, all others stand in target_info
_NAMED = ("service.name", "service.namespace", "service.instance.id")
# what of hardware is told says nowhere but in its resource on which host it is
_HARDWARE = "hw_"

Number = wire.NumberPoint
Point = wire.NumberPoint | wire.HistogramPoint | wire.ExponentialPoint | wire.SummaryPoint


class BadPointError(ValueError):
    """A data point that can't be taken; ``field`` says where."""

    def __init__(self, field: str, why: str, reason: Reason = Reason.INVALID) -> None:
        super().__init__(why)
        self.field = field
        self.reason = reason


@dataclass(slots=True)
class _Target:
    """The resource that the points at hand belong to."""

    key: bytes
    own: dict[str, str]
    info: dict[str, Any]
    sender: str
    host: str = ""
    newest: int = 0


@dataclass(slots=True)
class Reader:
    """Collects the points of one request; the place of a point is its number in the request."""

    batch: Batch = field(default_factory=lambda: Batch(sampled=False))
    place: int = 0
    # shared by all requests of a process: label sets by what spelled them, and when a series last began
    known: ClassVar[KnownLabels[bytes]] = KnownLabels()
    begun: ClassVar[dict[Labels, int]] = {}

    def read(self, request: wire.MetricsRequest) -> Batch:
        """All of the request."""
        for resource in request.resource_metrics:
            target = _target(resource.resource.attributes)
            source = self._source(target)
            for scoped in resource.scope_metrics:
                for metric in scoped.metrics:
                    self._take(metric, target, source)
            self._add_info(target)
        return self.batch

    def _source(self, target: _Target) -> Source | None:
        """Who the points of the resource are from, where that is not who the request is from."""
        source = Source(target.sender, "otel")
        if not self.place:
            self.batch.source = source
        return None if source == self.batch.source else source

    def _take(self, metric: wire.Metric, target: _Target, source: Source | None) -> None:
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        data = getattr(metric, kind)
        total = kind == "sum" and data.is_monotonic
        for point in data.data_points:
            if source is not None:
                self.batch.sources[self.place] = source
            try:
                family = names.metric(
                    attributes.text(metric.name), attributes.text(metric.unit),
                    counter=total, gauge=kind == "gauge",
                )  # fmt: skip
                self._take_point(kind, data, point, family, target)
            except (BadPointError, names.BadNameError, labelsets.BadLabelsError) as error:
                where, reason = getattr(error, "field", "name"), getattr(error, "reason", Reason.INVALID)
                why = getattr(error, "why", None) or str(error)
                self.batch.rejected.append(Rejection(self.place, where, why, reason))
            self.place += 1

    def _take_point(self, kind: str, data: Any, point: Any, family: str, target: _Target) -> None:
        at = point.time_unix_nano
        if not at:
            raise BadPointError("time_unix_nano", "missing; a data point needs its time")
        target.newest = max(target.newest, at)
        delta = getattr(data, "aggregation_temporality", 0) == DELTA
        if kind == "exponential_histogram":
            self._take_exponential(point, family, target, delta=delta)
            return
        rows = list(_rows(kind, point, family))
        series = [self._labels(target, point.attributes, name, more) for name, more, _ in rows]
        if target.host and family.startswith(_HARDWARE):
            self.batch.hosts.update(dict.fromkeys(series, target.host))
        amounts = [value for _, _, value in rows]
        if point.flags & NO_VALUE:
            amounts = [STALE] * len(rows)
        elif delta:
            stream = self._labels(target, point.attributes, family, {})
            self._add_delta(Delta(stream, at, series, amounts))
            return
        elif kind == "histogram" or (kind == "sum" and data.is_monotonic):
            self._begin(series, point.start_time_unix_nano, at)
        self._add(series, at, amounts)

    def _take_exponential(
        self, point: wire.ExponentialPoint, family: str, target: _Target, *, delta: bool
    ) -> None:
        labels = self._labels(target, point.attributes, family, {})
        at = point.time_unix_nano
        if point.flags & NO_VALUE:
            self._add([labels], at, [STALE])
            return
        found = _buckets(point)
        if delta:
            self._add_delta(Delta(labels, at, buckets=found))
            return
        self.batch.histograms.append((labels, _run(found, at // 1_000_000)))
        self.batch.histogram_places.append(self.place)

    def _add(
        self, series: Sequence[Labels], at: int, values: Iterable[float], place: int | None = None
    ) -> None:
        moment = at // 1_000_000
        self.batch.points += [(labels, moment, value) for labels, value in zip(series, values, strict=True)]
        self.batch.point_places += [self.place if place is None else place] * len(series)

    def _add_delta(self, delta: Delta) -> None:
        self.batch.deltas.append(delta)
        self.batch.delta_places.append(self.place)

    def _begin(self, series: Sequence[Labels], start: int, at: int) -> None:
        """A series that began anew stood at 0 then; without that, a restart that counts on fast is not seen."""
        if not start or start >= at:
            return
        for labels in series:
            before = self.begun.get(labels)
            if before == start:
                continue
            if len(self.begun) > 200_000:
                self.begun.clear()
            self.begun[labels] = start
            if before is not None and start > before:
                self._add([labels], start, [0.0], NOWHERE)

    def _labels(
        self, target: _Target, given: Sequence[bytes], family: str, more: Mapping[str, str]
    ) -> Labels:
        spelled = [value.encode() for value in more.values()]
        key = b"\0".join([target.key, family.encode(), *spelled, *given])
        labels = self.known.get(key)
        if labels is None:
            pairs = names.labels(attributes.read(given).items())
            labels = labelsets.checked({**pairs, **target.own, **more, NAME: family}.items())
            self.known[key] = labels
        return labels

    def _add_info(self, target: _Target) -> None:
        """``target_info`` says of job and instance what else their resource says."""
        if not (target.own and target.info and target.newest):
            return
        try:
            pairs = {**names.labels(target.info.items()), **target.own, NAME: "target_info"}
            labels = labelsets.checked(pairs.items())
        except (names.BadNameError, labelsets.BadLabelsError):
            return
        self.batch.points.append((labels, target.newest // 1_000_000, 1.0))
        self.batch.point_places.append(NOWHERE)


def _target(raw: Sequence[bytes]) -> _Target:
    found = attributes.read(raw)
    name, space = found.get("service.name"), found.get("service.namespace")
    own: dict[str, str] = {}
    if name is not None:
        own["job"] = (
            f"{names.value_text(space)}/{names.value_text(name)}" if space else names.value_text(name)
        )
    if "service.instance.id" in found:
        own["instance"] = names.value_text(found["service.instance.id"])
    info = {key: value for key, value in found.items() if key not in _NAMED}
    host = names.value_text(found.get("host.name") or found.get("k8s.node.name"))
    return _Target(b"\0".join(raw), own, info, str(name or ""), host)


def _rows(kind: str, point: Any, family: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Names, further labels and values of the float series that one point stands for."""
    if kind in {"gauge", "sum"}:
        which = point.WhichOneof("value")
        if which is None and not point.flags & NO_VALUE:
            raise BadPointError("value", "missing; give as_double or as_int")
        yield family, {}, float(getattr(point, which)) if which else STALE
    elif kind == "histogram":
        yield from _classic(point, family)
    else:
        for one in point.quantile_values:
            yield family, {"quantile": names.number_text(one.quantile)}, one.value
        yield f"{family}_sum", {}, point.sum
        yield f"{family}_count", {}, float(point.count)


def _classic(point: wire.HistogramPoint, family: str) -> Iterator[tuple[str, dict[str, str], float]]:
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if counts and len(counts) != len(bounds) + 1:
        why = f"{len(bounds)} bounds have {len(bounds) + 1} buckets, but {len(counts)} counts were sent"
        raise BadPointError("bucket_counts", why)
    if len(bounds) > MOST_BUCKETS:
        raise BadPointError("explicit_bounds", f"more than {MOST_BUCKETS} buckets", Reason.OVER_LIMIT)
    if point.HasField("sum"):
        yield f"{family}_sum", {}, point.sum
    yield f"{family}_count", {}, float(point.count)
    below = 0
    for bound, count in zip(bounds, counts, strict=False):
        below += count
        yield f"{family}_bucket", {"le": names.number_text(bound)}, float(below)
    yield f"{family}_bucket", {"le": "+Inf"}, float(point.count)


def _buckets(point: wire.ExponentialPoint) -> Buckets:
    scale = point.scale
    if scale < COARSEST:
        why = f"scale {scale} is coarser than {COARSEST}, the coarsest that native histograms have"
        raise BadPointError("scale", why, Reason.UNSUPPORTED)
    apart = max(0, scale - FINEST)
    if len(point.positive.bucket_counts) + len(point.negative.bucket_counts) > MOST_BUCKETS:
        raise BadPointError("bucket_counts", f"more than {MOST_BUCKETS} buckets", Reason.OVER_LIMIT)
    return Buckets(
        min(scale, FINEST), float(point.count), point.sum if point.HasField("sum") else 0.0,
        float(point.zero_count), point.zero_threshold or ZERO_THRESHOLD,
        _side(point.positive, apart), _side(point.negative, apart),
    )  # fmt: skip


def _side(given: wire.Buckets, apart: int) -> dict[int, float]:
    """Counts by index; OTLP's bucket 0 starts where Prometheus' ends."""
    found: dict[int, float] = {}
    for n, count in enumerate(given.bucket_counts):
        if count:
            index = ((given.offset + n) >> apart) + 1
            found[index] = found.get(index, 0.0) + count
    return found


def _run(given: Buckets, at_ms: int) -> HistogramRun:
    positive, negative = sorted(given.positive), sorted(given.negative)
    if not math.isfinite(given.zero_threshold) or given.zero_threshold < 0:
        raise BadPointError("zero_threshold", "is not a number of at least 0")
    return HistogramRun(
        times=np.array([at_ms], dtype=np.int64), count=np.array([given.count]),
        total=np.array([given.total]), zero=np.array([given.zero]), schema=given.schema,
        zero_threshold=given.zero_threshold, positive_index=np.array(positive, dtype=np.int64),
        positive=np.array([[given.positive[index] for index in positive]], dtype=np.float64),
        negative_index=np.array(negative, dtype=np.int64),
        negative=np.array([[given.negative[index] for index in negative]], dtype=np.float64),
    )  # fmt: skip
