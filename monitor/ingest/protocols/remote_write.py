"""Prometheus remote-write 1.0 and 2.0: what Prometheus, its agents and most collectors push."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from typing import ClassVar

import msgspec
from google.protobuf.message import DecodeError

from monitor.core.labels import Labels
from monitor.core.samples import STALE
from monitor.ingest import labelsets
from monitor.ingest.answers import Answer
from monitor.ingest.envelope import Batch, Rejection
from monitor.ingest.protocols.base import MalformedError, TooLargeError
from monitor.ingest.wire import buckets, fixed, snappy
from monitor.ingest.wire import remote_write_pb2 as wire
from monitor.ingest.wire.known import MAX_KEY, KnownLabels

MAX_BYTES = 32_000_000
MAX_SERIES = 100_000
MAX_SERIES_BYTES = 4_000_000
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
        rest = fixed.Reader(self.known_1)
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
                _append(batch, index, labels, message.samples, message.histograms)
        batch.columns, batch.column_places = rest.columns(), rest.places

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
        for index, series in enumerate(_bounded(request.timeseries)):
            try:
                message_2 = wire.Series2.FromString(_short(series))
                labels = self._labels_2(symbols, message_2.labels_refs)
            except labelsets.BadLabelsError as error:
                batch.rejected.append(Rejection(index, error.field, error.why))
            except DecodeError:
                batch.rejected.append(Rejection(index, "timeseries", "is no Protobuf message"))
            else:
                _append(batch, index, labels, message_2.samples, message_2.histograms)

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
    """Which message the content type announces; raises MalformedError for one we don't know."""
    _, _, parameters = headers.get("content-type", "").partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        message = value.strip(' "').lower()
        if name.strip().lower() == "proto" and message not in {VERSION_1, VERSION_2}:
            why = (
                f"unknown message {message!r}; send prometheus.WriteRequest or io.prometheus.write.v2.Request"
            )
            raise MalformedError(why, "content-type")
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


def _append(
    batch: Batch,
    index: int,
    labels: Labels,
    samples: Iterable[wire.Sample],
    histograms: Iterable[wire.Histogram],
) -> None:
    points = [(labels, sample.timestamp, sample.value) for sample in samples]
    for n, histogram in enumerate(histograms):
        try:
            run = buckets.run_of(histogram)
        except buckets.BadHistogramError as error:
            batch.rejected.append(Rejection(index, f"histograms[{n}]", str(error)))
            continue
        if run is None:
            points.append((labels, histogram.timestamp, STALE))
        else:
            batch.histograms.append((labels, run))
            batch.histogram_places.append(index)
    batch.points += points
    batch.point_places += [index] * len(points)


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
