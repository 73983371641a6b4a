"""Remote-write's own facts: both versions, native histograms, and one bad series among good ones."""

import struct
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.core.samples import STALE, STALE_BITS
from monitor.ingest.envelope import Batch
from monitor.ingest.labelsets import MAX_LABELS
from monitor.ingest.protocols.base import MalformedError, TooLargeError
from monitor.ingest.protocols.remote_write import MAX_BYTES, RemoteWrite
from tests.fixtures.remote_write import (
    HEADERS_1,
    HEADERS_2,
    Native,
    Sent,
    field,
    number,
    packed,
    placed,
    points,
    series,
    version_1,
    version_2,
)

AT = 1_795_000_000_000
UP = {"__name__": "up", "job": "a"}
Decode = Callable[[Iterable[Sent]], Batch]


def first(batch: Iterable[Sent]) -> Batch:
    return RemoteWrite().decode(version_1(batch), HEADERS_1)


def second(batch: Iterable[Sent]) -> Batch:
    return RemoteWrite().decode(version_2(batch), HEADERS_2)


both = pytest.mark.parametrize("decode", [first, second])


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


@both
def test_samples_become_points(decode: Decode) -> None:
    batch = decode([series(UP, (AT, 1.5)), series({"__name__": "x"}, (AT, 0.0), (AT + 1, -2.0))])
    assert points(batch) == [
        (Labels(UP), AT, 1.5), (Labels({"__name__": "x"}), AT, 0.0), (Labels({"__name__": "x"}), AT + 1, -2.0),
    ]  # fmt: skip
    assert [place for place, *_ in placed(batch)] == [0, 1, 1]
    assert batch.rejected == []


@both
@given(
    st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=9),
                    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=9), max_size=9),
    st.lists(st.tuples(st.integers(-(2**62), 2**62) | st.integers(2**35, 2**42), st.floats() | st.just(0.0)), max_size=4),
)  # fmt: skip
def test_what_was_sent_is_what_is_read_the_first_time_and_when_known(
    decode: Decode, labels: dict[str, str], samples: list[tuple[int, float]]
) -> None:
    labels = {**labels, "__name__": "m"}
    for _ in range(2):
        found = points(decode([series(labels, *samples)]))
        assert [(one, at, bits(value)) for one, at, value in found] == [
            (Labels(labels), at, bits(value)) for at, value in samples
        ]


@both
def test_the_zero_of_a_known_series_is_zero(decode: Decode) -> None:
    found = [points(decode([series({"__name__": "calm"}, (AT, value))]))[0] for value in (1.0, 0.0, 2.0, 0.0)]
    assert [value for _, _, value in found] == [1.0, 0.0, 2.0, 0.0]


@both
def test_the_bits_of_a_staleness_marker_and_of_other_nans_stay(decode: Decode) -> None:
    values = [STALE, float("nan"), -0.0, float("inf"), 5e-324]
    for _ in range(2):
        batch = decode([series({"__name__": f"n{i}"}, (AT, value)) for i, value in enumerate(values)])
        assert [bits(value) for _, _, value in points(batch)] == [bits(value) for value in values]
    assert bits(STALE) == STALE_BITS


@both
@pytest.mark.parametrize(
    "labels, field",
    [
        ([("__name__", "m"), *((f"l{i}", "x") for i in range(10_000))], "labels"),
        ([("__name__", "m"), ("a", "1"), ("a", "2")], "a"),
        ([("a", "1")], "__name__"),
        ([("__name__", "")], "__name__"),
        ([("__name__", "m"), ("", "x")], "labels"),
        ([("__name__", "m"), ("a", b"\xff\xfe")], "a"),
        ([("__name__", "m"), (b"b\xff", "x")], "b\ufffd"),
        ([("__name__", "m"), ("a", "x\0y")], "a"),
        ([("__name__", "m"), ("a", "x" * 5000)], "a"),
        ([("__name__", "m"), ("n" * 600, "x")], "n" * 64 + "…"),
    ],
)
def test_a_bad_series_is_refused_alone(decode: Decode, labels: list[tuple[str, str]], field: str) -> None:
    batch = decode([series(UP, (AT, 1)), Sent(labels, [(AT, 1.0)]), series(UP, (AT + 1, 2))])
    assert [(labels, at) for labels, at, _ in points(batch)] == [(Labels(UP), AT), (Labels(UP), AT + 1)]
    (refused,) = batch.rejected
    assert refused.index == 1
    assert refused.field == (field if len(labels) < 9_000 or decode is first else "labels_refs")


@both
def test_names_in_any_utf_8_are_taken_quotes_too(decode: Decode) -> None:
    labels = {"__name__": "模型.latency", 'we"ird': "a\nb", "": ""} | {"x": "y"}
    del labels[""]
    assert points(decode([series(labels, (AT, 1))]))[0][0] == Labels(labels)


@both
def test_an_empty_value_is_no_label_and_order_does_not_matter(decode: Decode) -> None:
    sent = Sent([("z", "1"), ("empty", ""), ("__name__", "m")], [(AT, 1.0)])
    assert points(decode([sent]))[0][0] == Labels({"__name__": "m", "z": "1"})


def test_labels_behind_the_samples_are_read_too() -> None:
    """Protobuf allows any order of fields; the memory of known labels must not be fooled by it."""
    start, rest = b"\x0a\x0d\x0a\x08__name__\x12\x01m", b"\x12\x09\x09" + struct.pack("<d", 1.0)
    late = b"\x0a\x06\x0a\x01a\x12\x01b"
    raw = start + rest + late
    for _ in range(2):
        batch = RemoteWrite().decode(packed(b"\x0a" + bytes([len(raw)]) + raw), HEADERS_1)
        assert points(batch) == [(Labels({"__name__": "m", "a": "b"}), 0, 1.0)]


def test_a_field_behind_the_time_is_not_read_as_part_of_it() -> None:
    """Sixteen bytes, a known series, and yet no time of six bytes: one byte of time and another field."""
    labels, value = field(1, field(1, b"__name__") + field(2, b"odd")), b"\x09" + struct.pack("<d", 1.0)
    for sample in (value + number(2, AT), value + number(2, 5) + number(3, 2**27)):
        assert len(sample) == 16
        batch = RemoteWrite().decode(packed(field(1, labels + field(2, sample))), HEADERS_1)
    assert points(batch) == [(Labels({"__name__": "odd"}), 5, 1.0)]


@both
@pytest.mark.parametrize("whole", [True, False])
def test_a_native_histogram_keeps_its_buckets(decode: Decode, *, whole: bool) -> None:
    native = Native(AT, {-2: 3, -1: 1, 4: 7}, total=12.5, zero=2, negative={1: 4}, whole=whole)
    ((labels, run),) = decode([Sent(list(UP.items()), histograms=[native])]).histograms
    assert labels == Labels(UP)
    assert run.positive_index.tolist() == [-2, -1, 4]
    assert run.positive.tolist() == [[3, 1, 7]]
    assert (run.negative_index.tolist(), run.negative.tolist()) == ([1], [[4]])
    assert (run.times[0], run.count[0], run.total[0], run.zero[0], run.schema) == (AT, 17, 12.5, 2, 3)


@both
def test_custom_bounds_and_gauges_are_kept(decode: Decode) -> None:
    native = Native(AT, {0: 1, 2: 5}, schema=-53, custom=[0.1, 0.5], hint=3)
    ((_, run),) = decode([Sent(list(UP.items()), histograms=[native])]).histograms
    assert (run.schema, run.custom_bounds, run.gauge) == (-53, (0.1, 0.5), True)


@both
def test_a_stale_histogram_is_a_marker_among_the_samples(decode: Decode) -> None:
    batch = decode([Sent(list(UP.items()), histograms=[Native(AT, {}, total=STALE)])])
    assert batch.histograms == []
    assert np.array([points(batch)[0][2]]).view(np.uint64)[0] == STALE_BITS


@both
@pytest.mark.parametrize(
    "native, why",
    [
        (Native(AT, {1: 5}, count=3), "count says 3"),
        (Native(AT, {1: 5}, schema=20), "schema 20"),
        (Native(AT, {1: -5}, count=0), "less than nothing"),
        (Native(AT, {1: float("nan")}, count=1, whole=False), "less than nothing"),
        (Native(AT, {5: 1}, schema=-53, custom=[0.1]), "bounds"),
        (Native(AT, {0: 1}, schema=-53, custom=[0.5, 0.1]), "ascending"),
        (Native(AT, {}, count=float("nan"), whole=False), "count"),
        (Native(AT, dict.fromkeys(range(10_001), 1)), "10000 buckets"),
    ],
)
def test_a_histogram_that_contradicts_itself_is_refused_alone(
    decode: Decode, native: Native, why: str
) -> None:
    batch = decode([Sent(list(UP.items()), [(AT, 1.0)], [native, Native(AT, {1: 1})])])
    assert (len(points(batch)), len(batch.histograms)) == (1, 1)
    assert batch.rejected[0].field == "histograms[0]"
    assert why in batch.rejected[0].error


def test_a_size_beyond_the_limit_is_refused_before_it_is_unpacked() -> None:
    claim = b"\xff\xff\xff\xff\x0f"
    with pytest.raises(TooLargeError, match=str(MAX_BYTES)):
        RemoteWrite().decode(claim, HEADERS_1)


def test_too_many_series_are_refused_as_a_whole() -> None:
    with pytest.raises(TooLargeError, match="100001 series"):
        RemoteWrite().decode(packed(b"\x0a\x00" * 100_001), HEADERS_1)


@pytest.mark.parametrize("body", [b"", b"not snappy at all", packed(b"not protobuf"), b"\x05ab"])
def test_a_body_that_is_none_is_malformed(body: bytes) -> None:
    if body == b"":
        body = b"\x80"
    with pytest.raises(MalformedError):
        RemoteWrite().decode(body, HEADERS_1)


def test_a_message_that_nobody_knows_is_of_an_unsupported_type() -> None:
    headers = {"content-type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"}
    with pytest.raises(MalformedError, match=r"v3\.request") as refusal:
        RemoteWrite().decode(version_1([]), headers)
    assert refusal.value.status == 415


@pytest.mark.parametrize("refs", [[1], [0, 9], [1, 2] * (MAX_LABELS + 1)])
def test_references_that_lead_nowhere_are_refused_alone(refs: list[int]) -> None:
    symbols = b"".join(field(4, symbol) for symbol in (b"", b"__name__", b"m"))
    sample = field(2, number(2, AT))
    good, bad = field(5, field(1, b"\x01\x02") + sample), field(5, field(1, bytes(refs)) + sample)
    batch = RemoteWrite().decode(packed(symbols + good + bad + good), HEADERS_2)
    assert [(one.index, one.field) for one in batch.rejected] == [(1, "labels_refs")]
    assert [place for place, *_ in placed(batch)] == [0, 2]


def test_2_0_is_told_what_was_written() -> None:
    sent = [series(UP, (AT, 1), (AT + 1, 2)), Sent([("__name__", "h")], histograms=[Native(AT, {1: 1})])]
    said = RemoteWrite().answer(second(sent), HEADERS_2, duplicates=0)
    assert (said.status, said.body) == (204, b"")
    assert said.headers == {
        "X-Prometheus-Remote-Write-Samples-Written": "2",
        "X-Prometheus-Remote-Write-Histograms-Written": "1",
        "X-Prometheus-Remote-Write-Exemplars-Written": "0",
    }
    assert RemoteWrite().answer(first(sent), HEADERS_1, duplicates=0).headers == {}


@both
def test_a_refusal_names_the_series_and_says_that_the_rest_is_stored(decode: Decode) -> None:
    said = RemoteWrite().answer(decode([series(UP, (AT, 1)), series({"a": "b"})]), HEADERS_1, duplicates=0)
    assert said.status == 400
    assert b"1 samples stored; first: series 1, __name__" in said.body
