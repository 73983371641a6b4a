"""Prometheus remote-write 1.0 and 2.0: what Prometheus, its agents and most collectors push."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from typing import ClassVar

import msgspec
import numpy as np
from google.protobuf.message import DecodeError

from monitor.core import samples
from monitor.core.labels import Labels
from monitor.ingest import labelsets
from monitor.ingest.answers import Answer
from monitor.ingest.envelope import About, Batch, Rejection
from monitor.ingest.protocols.base import MalformedError, TooLargeError, UnknownKindError
from monitor.ingest.wire import buckets, fixed, snappy
from monitor.ingest.wire import remote_write_pb2 as wire
from monitor.ingest.wire.known import MAX_KEY, KnownLabels

MAX_BYTES = 32_000_000
MAX_SERIES = 100_000
MAX_SERIES_BYTES = 4_000_000
MAX_DESCRIBED, MAX_HELP_BYTES = 5_000, 4_000
# by the numbers of the specification; those of PARTED have series named after their parts
TYPES = (
    "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset",
)  # fmt: skip
PARTED, PARTS = (3, 4, 5), ("_bucket", "_count", "_sum")
VERSION_2 = "io.prometheus.write.v2.request"
VERSION_1 = "prometheus.writerequest"


class RemoteWrite:
    """Snappy and Protobuf; label sets are known by the bytes that spell them, so they are decoded once."""

    paths = ("/api/v1/write",)
    content_types = ("application/x-protobuf",)
    unpacks = ("snappy",)

    # shared by all requests of a process
    known_1: ClassVar[KnownLabels[bytes]] = KnownLabels()
    known_2: ClassVar[KnownLabels[tuple[bytes, ...]]] = KnownLabels()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Batch:
        second = is_version_2(headers)
        raw = _unpacked(body)
        batch = Batch()
        try:
            if second:
                self._take_2(wire.Request2.FromString(raw), batch)
            else:
                self._take_1(wire.Request1.FromString(raw), batch)
        except DecodeError as error:
            message = "no remote-write request in Protobuf; check the sender's content type"
            raise MalformedError(message, "body") from error
        return batch

    def answer(self, batch: Batch, headers: Mapping[str, str], *, duplicates: int) -> Answer:  # noqa: ARG002 — the contract
        """204, or 400 that names what was refused: senders then drop it and do not send it again."""
        written = _written(batch) if is_version_2(headers) else {}
        if not batch.rejected:
            return Answer(204, headers=written)
        first = batch.rejected[0]
        stored = batch.samples + len(batch.histograms)
        error = (
            f"{len(batch.rejected)} series or samples refused, {stored} samples stored; "
            f"first: series {first.index}, {first.field}: {first.error}"
        )
        content = {"status": "error", "errorType": "bad_data", "error": error}
        return Answer(400, msgspec.json.encode(content), headers=written)

    def _take_1(self, request: wire.Request1, batch: Batch) -> None:
        rest, found = fixed.Reader(self.known_1), _Gathered()
        for index, series in rest.left(_bounded(request.timeseries)):
            try:
                message = wire.Series1.FromString(_short(series))
                labels = self._labels_1(series, message)
            except labelsets.BadLabelsError as error:
                batch.rejected.append(Rejection(index, error.field, error.why))
            except DecodeError:
                batch.rejected.append(Rejection(index, "timeseries", "is no Protobuf message"))
            else:
                rest.expect(len(message.samples))
                found.add(index, labels, message.samples)
                _take_histograms(batch, found, index, labels, message.histograms)
        batch.columns = samples.joined(rest.columns(), found.columns())
        batch.column_places = rest.places + found.places
        for fact in request.metadata:
            _describe(batch, fact.metric_family_name, fact.type, fact.help, fact.unit)

    def _labels_1(self, series: bytes, message: wire.Series1) -> Labels:
        end, count = _labels_end(series)
        # labels may also stand behind the samples: then no prefix spells them
        key = series[:end] if count == len(message.labels) else b""
        labels = self.known_1.get(key)
        if labels is None:
            labels = labelsets.checked(_decoded((label.name, label.value) for label in message.labels))
            if key:
                self.known_1[key] = labels
        return labels

    def _take_2(self, request: wire.Request2, batch: Batch) -> None:
        symbols = list(request.symbols)
        if symbols and symbols[0]:
            message = "the first symbol is not empty, as version 2.0 asks"
            raise MalformedError(message, "symbols[0]")
        found = _Gathered()
        for index, series in enumerate(_bounded(request.timeseries)):
            try:
                message_2 = wire.Series2.FromString(_short(series))
                labels = self._labels_2(symbols, message_2.labels_refs)
            except labelsets.BadLabelsError as error:
                batch.rejected.append(Rejection(index, error.field, error.why))
            except DecodeError:
                batch.rejected.append(Rejection(index, "timeseries", "is no Protobuf message"))
            else:
                found.add(index, labels, message_2.samples)
                if message_2.histograms:
                    _take_histograms(batch, found, index, labels, message_2.histograms)
                if message_2.HasField("metadata"):
                    _describe_series(batch, labels, message_2.metadata, symbols)
        batch.columns, batch.column_places = found.columns(), found.places

    def _labels_2(self, symbols: Sequence[bytes], refs: Sequence[int]) -> Labels:
        if len(refs) % 2 or len(refs) > 2 * labelsets.MAX_LABELS:
            why = f"{len(refs)} references; each label takes two, at most {labelsets.MAX_LABELS} labels"
            raise labelsets.BadLabelsError("labels_refs", why)
        try:
            key = tuple([symbols[ref] for ref in refs])
        except IndexError:
            why = f"points beyond the {len(symbols)} symbols"
            raise labelsets.BadLabelsError("labels_refs", why) from None
        labels = self.known_2.get(key)
        if labels is None:
            labels = labelsets.checked(_decoded(zip(key[::2], key[1::2], strict=True)))
            if sum(map(len, key)) <= MAX_KEY:
                self.known_2[key] = labels
        return labels


def is_version_2(headers: Mapping[str, str]) -> bool:
    """Which message the content type announces; raises UnknownKindError for one we don't know."""
    _, _, parameters = headers.get("content-type", "").partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        message = value.strip(' "').lower()
        if name.strip().lower() == "proto" and message not in {VERSION_1, VERSION_2}:
            why = (
                f"unknown message {message!r}; send prometheus.WriteRequest or io.prometheus.write.v2.Request"
            )
            raise UnknownKindError(why, "content-type")
        if message == VERSION_2:
            return True
    return False


def _unpacked(body: bytes) -> bytes:
    try:
        raw = snappy.unpack(body, MAX_BYTES)
    except snappy.BadSnappyError as error:
        raise MalformedError(str(error), "body") from error
    if raw is None:
        message = f"holds more than {MAX_BYTES} bytes unpacked; send smaller batches"
        raise TooLargeError(message, "body")
    return raw


def _bounded(series: Sequence[bytes]) -> Sequence[bytes]:
    if len(series) > MAX_SERIES:
        message = f"{len(series)} series in one request; at most {MAX_SERIES}"
        raise TooLargeError(message, "timeseries")
    return series


def _short(series: bytes) -> bytes:
    # unpacked messages take many times their bytes
    if len(series) > MAX_SERIES_BYTES:
        raise labelsets.BadLabelsError(
            "timeseries", f"more than {MAX_SERIES_BYTES} bytes; send fewer samples"
        )
    return series


def _decoded(pairs: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return starmap(_text, pairs)


def _text(name: bytes, value: bytes) -> tuple[str, str]:
    try:
        return name.decode(), value.decode()
    except UnicodeDecodeError as error:
        field = labelsets.shown(name.decode("utf-8", "replace"))
        raise labelsets.BadLabelsError(field, "is not valid UTF-8") from error


class _Gathered:
    """Float samples that were read one by one, in columns."""

    def __init__(self) -> None:
        self.labels: list[Labels] = []
        self.places: list[int] = []
        self.counts: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []

    def add(self, place: int, labels: Labels, found: Sequence[wire.Sample]) -> None:
        if found:
            self.labels.append(labels)
            self.places.append(place)
            self.counts.append(len(found))
            self.times += [one.timestamp for one in found]
            self.values += [one.value for one in found]

    def columns(self) -> samples.Columns:
        counts, times = np.array(self.counts, dtype=np.int64), np.array(self.times, dtype=np.int64)
        return samples.Columns(self.labels, counts, times, np.array(self.values, dtype=np.float64))


def _take_histograms(
    batch: Batch, found: _Gathered, index: int, labels: Labels, histograms: Iterable[wire.Histogram]
) -> None:
    for n, histogram in enumerate(histograms):
        try:
            run = buckets.run_of(histogram)
        except buckets.BadHistogramError as error:
            batch.rejected.append(Rejection(index, f"histograms[{n}]", str(error)))
            continue
        if run is None:
            found.add(index, labels, [wire.Sample(value=float(samples.STALE), timestamp=histogram.timestamp)])
        else:
            batch.histograms.append((labels, run))
            batch.histogram_places.append(index)


def _describe(batch: Batch, family: bytes, kind: int, text: bytes, unit: bytes) -> None:
    """What is said of a family; it is no record, so nothing that is wrong with it refuses anything."""
    if family and len(family) <= labelsets.MAX_NAME_BYTES and len(batch.described) < MAX_DESCRIBED:
        batch.described[family.decode(errors="replace")] = About(
            TYPES[kind] if 0 <= kind < len(TYPES) else TYPES[0],
            text[:MAX_HELP_BYTES].decode(errors="replace"),
            unit[:MAX_HELP_BYTES].decode(errors="replace"),
        )


def _describe_series(batch: Batch, labels: Labels, fact: wire.Metadata2, symbols: Sequence[bytes]) -> None:
    """Version 2.0 says it with each series: those of a histogram or summary belong to one family."""
    name = labels.name
    if fact.type in PARTED:
        name = next((name.removesuffix(end) for end in PARTS if name.endswith(end)), name)
    if name not in batch.described and max(fact.help_ref, fact.unit_ref) < len(symbols):
        _describe(batch, name.encode(), fact.type, symbols[fact.help_ref], symbols[fact.unit_ref])


def _labels_end(series: bytes) -> tuple[int, int]:
    """Where the label fields that open a series end, and how many they are."""
    at, count, size = 0, 0, len(series)
    while at < size and series[at] == 0x0A:
        length, shift, place = 0, 0, at + 1
        while place < size and series[place] > 0x7F:
            length |= (series[place] & 0x7F) << shift
            shift, place = shift + 7, place + 1
        if place >= size:
            break
        at, count = place + 1 + (length | series[place] << shift), count + 1
    return at, count


def _written(batch: Batch) -> dict[str, str]:
    return {
        "X-Prometheus-Remote-Write-Samples-Written": str(batch.samples),
        "X-Prometheus-Remote-Write-Histograms-Written": str(
            sum(len(run.times) for _, run in batch.histograms)
        ),
        "X-Prometheus-Remote-Write-Exemplars-Written": "0",
    }
