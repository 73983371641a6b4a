"""Metrics pages: what Prometheus reads, we read; what is odd is refused line by line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from monitor.core.labels import Labels
from monitor.ingest.envelope import UNTIMED
from monitor.ingest.exposition import page


def read(text: str, *, openmetrics: bool = False) -> page.Page:
    return page.read(text.encode(), {}, openmetrics=openmetrics)


def labels(name: str, **more: str) -> Labels:
    return Labels({"__name__": name, **more})


def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("hits", "Hits.\nAnd more", ["path", "version"], registry=found).labels('/a"b\\c\nd', "v1").inc(3)
    Histogram("latency_seconds", "Latency", ["version"], registry=found).labels("v1").observe(
        0.2, exemplar={"trace_id": "ab}c#"}
    )
    Gauge("温度", "UTF-8", registry=found).set(math.nan)
    return found


@pytest.mark.parametrize(
    "line, expected",
    [
        ("up 1", (labels("up"), UNTIMED, 1.0)),
        ('up{job="a b",x="}"} 1.5e3', (labels("up", job="a b", x="}"), UNTIMED, 1500.0)),
        ("up 1 1795000000000", (labels("up"), 1795000000000, 1.0)),
        ("up -Inf -5", (labels("up"), -5, -math.inf)),
        ('\tup{a="b"}  7  ', (labels("up", a="b"), UNTIMED, 7.0)),
        ('up {a="b",} 7', (labels("up", a="b"), UNTIMED, 7.0)),
        ('up{a="b"}7', (labels("up", a="b"), UNTIMED, 7.0)),
        ('up{a="\\"\\\\\\n"} 7', (labels("up", a='"\\\n'), UNTIMED, 7.0)),
        ('{"my.metric","a b"="c"} 7', (Labels({"__name__": "my.metric", "a b": "c"}), UNTIMED, 7.0)),
        ('up{a="# 5"} 7', (labels("up", a="# 5"), UNTIMED, 7.0)),
        ("up{} 7\r", (labels("up"), UNTIMED, 7.0)),
    ],
)
def test_a_line_becomes_a_point(line: str, expected: tuple[Labels, int, float]) -> None:
    found = read(f"# HELP up Words\n{line}\n")
    assert (found.points, found.lines, found.rejected) == ([expected], [2], [])


@pytest.mark.parametrize(
    "line, field",
    [
        ("up", "line"), ("up{", "line"), ('up{a="b" 1', "line"), ("up x", "value"), ("up 1_000", "value"),
        ("up{a=b} 1", "labels"), ('up{a="1",a="2"} 1', "labels"), ('{a="b"} 1', "labels"), ("1up 1", "labels"),
        ("up 1 2 3", "line"), ("up 1 " + "9" * 400, "timestamp"), ("up 1 " + "9" * 20, "timestamp"), ("<html lang=en>", "value"), ("x" * 20_000, "line"),
        ("up{" + ",".join(f'l{i}="x"' for i in range(1000)) + "} 1", "labels"),
    ],
)  # fmt: skip
def test_an_odd_line_is_refused_alone(line: str, field: str) -> None:
    found = read(f"a 1\n{line}\nb 2\n")
    assert [one[0] for one in found.points] == [labels("a"), labels("b")]
    assert [(one.index, one.field) for one in found.rejected] == [(2, field)]


def test_a_page_of_prometheus_client_is_read_as_its_own_parser_reads_it() -> None:
    text = generate_latest(registry()).decode()
    expected = [
        (Labels({**sample.labels, "__name__": sample.name}), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    found = read(text)
    assert found.rejected == []
    assert [(one, str(float(value))) for one, _, value in found.points] == [
        (a, str(float(b))) for a, b in expected
    ]


def test_openmetrics_with_exemplars_is_read() -> None:
    text = generate_openmetrics(registry())  # type: ignore[no-untyped-call] # the package has no types
    found = page.read(text, {}, openmetrics=True)
    assert found.rejected == []
    assert (labels("latency_seconds_bucket", version="v1", le="0.25"), UNTIMED, 1.0) in found.points


def test_times_are_seconds_in_openmetrics() -> None:
    found = read('a{b="c"} 1 1795000000.123 # {t="1"} 4\n# EOF\n', openmetrics=True)
    assert found.points == [(labels("a", b="c"), 1795000000123, 1.0)]


def test_a_page_that_was_cut_off_is_refused() -> None:
    with pytest.raises(page.BadPageError, match="EOF"):
        read("a 1\n", openmetrics=True)


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(page.BadPageError, match="line 2: byte 5"):
        page.read(b"a 1\nb\xff", {})


def test_a_known_line_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Labels] = {}
    page.read(b'a{b="c d"} 1\n', known)
    monkeypatch.setattr(page, "_labels", lambda _: pytest.fail("parsed again"))
    assert page.read(b'a{b="c d"} 2\n', known).points == [(labels("a", b="c d"), UNTIMED, 2.0)]


def test_a_number_that_only_python_reads_is_refused_on_a_known_line_too() -> None:
    found = read("up 1\nup 1_0\n")
    assert [one.index for one in found.rejected] == [2]


def test_labels_are_finished_once_per_series() -> None:
    known: dict[str, Labels] = {}
    found = page.read(b"a 1\na 2\n", known, finish=lambda one: one.having({"job": "x"}))
    assert [one[0] for one in found.points] == [labels("a", job="x")] * 2
    assert list(known.values()) == [labels("a", job="x")]


name = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,9}", fullmatch=True).filter(lambda text: text != "__name__")
value = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(
    name,
    st.dictionaries(st.text("abc", min_size=1, max_size=4), value, max_size=4),
    st.floats(allow_nan=False),
)
def test_what_a_client_writes_is_what_is_read(
    metric: str, given_labels: dict[str, str], number: float
) -> None:
    found = CollectorRegistry()
    gauge = Gauge("m", "x", list(given_labels), registry=found)
    (gauge.labels(**given_labels) if given_labels else gauge).set(number)
    text = generate_latest(found).decode().replace("\nm", f"\n{metric}")
    known: dict[str, Labels] = {}
    for _ in range(2):
        points = page.read(text.encode(), known).points
        assert points == [(Labels({**given_labels, "__name__": metric}), UNTIMED, number)]


@given(st.text(st.sampled_from('ab{}=",\\ #19.\n\t-e_'), max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    read(text)


@pytest.mark.parametrize("piece", ["a{", 'a{b="', "\\", '"', "a 1 ", " ", "#", 'a{b="c",', "1"])
def test_no_line_makes_it_slow(piece: str) -> None:
    """Half a megabyte in lines of the greatest length; a quadratic pattern would take minutes."""
    read("\n".join([piece * (16_000 // len(piece))] * 30))


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("histogram", 'x_bucket{le="1"}', labels("x_bucket", le="1.0")),
        ("histogram", 'x_bucket{le="+Inf"}', labels("x_bucket", le="+Inf")),
        ("histogram", 'x_bucket{le="1000000"}', labels("x_bucket", le="1e+06")),
        ("histogram", 'x_bucket{le="many"}', labels("x_bucket", le="many")),
        ("summary", 'x{quantile="0.50"}', labels("x", quantile="0.5")),
        ("summary", 'x{le="1"}', labels("x", le="1")),
        ("gauge", 'x{le="1",quantile="1"}', labels("x", le="1", quantile="1")),
    ],
)
def test_bounds_are_stored_in_one_spelling(kind: str, written: str, stored: Labels) -> None:
    known: dict[str, Labels] = {}
    for _ in range(2):
        found = page.read(f"# TYPE x {kind}\n{written} 1\n".encode(), known)
        assert found.points == [(stored, UNTIMED, 1.0)]


def test_the_type_of_one_family_ends_where_the_next_begins() -> None:
    found = read('# TYPE x histogram\nx_bucket{le="1"} 1\n# TYPE y gauge\ny{le="1"} 1\n')
    assert [one["le"] for one, _, _ in found.points] == ["1.0", "1"]
