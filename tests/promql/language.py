"""A small language for tests of the query language: load some series, evaluate, say what must come out.

    load 30s
      requests_total{job="a"} 0+10x4 _ stale 7
      seconds {{schema:0 count:3 sum:4 buckets:[1 2] offset:1}}x3

    eval instant at 2m sum(requests_total)
      {} 40

    eval range from 0 to 1m step 30s requests_total > 5
      requests_total{job="a"} _ 10 20

    eval instant at 0 histogram_quantile(2, seconds)
      expect warn quantile value should be between 0 and 1
      {} +Inf

``a+bxn`` is n+1 values from a by b; ``axn`` n+1 times a; ``_`` no sample. ``expect`` takes warn, info, fail
(each with the text to be found), no_warn, no_info and ordered. ``clear`` forgets the series.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from monitor import query
from monitor.core import durations
from monitor.core.histograms import HistogramBlock, HistogramRun, equal_rows, stacked
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE, Selection, Series
from monitor.promql.errors import QueryError
from monitor.promql.parse import selector
from monitor.promql.values import Grid

Sample = float | HistogramRun | None
_ITEM = re.compile(r"\{\{(?P<histogram>.*?)\}\}(?:x(?P<repeats>\d+))?|(?P<plain>\S+)")
_NUMBER = re.compile(
    r"([-+]?(?:[\d.]+(?:e[-+]?\d+)?|inf|nan))(?:([-+][\d.]+(?:e[-+]?\d+)?))?(?:x(\d+))?", re.IGNORECASE
)


@dataclass
class Case:
    """One eval: where it stands, what it asks, and what must come out."""

    where: str
    expr: str
    grid: Grid
    at_once: bool
    series: list[Series]
    expected: list[tuple[Labels, list[Sample]]] = field(default_factory=list)
    number: float | None = None
    text: str | None = None
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def wants(self, what: str) -> bool:
        return any(kind == what for kind, _ in self.remarks)


def cases(path: Path) -> Iterator[Case]:
    """Every eval of a script, with the series loaded before it."""
    loaded: list[Series] = []
    lines = list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    while lines:
        number, line = lines.pop(0)
        if not line.strip() or line.startswith("#"):
            continue
        block = []
        while lines and lines[0][1].strip():
            block.append(lines.pop(0)[1].strip())
        block = [one for one in block if not one.startswith("#")]
        if line == "clear":
            loaded = []
        elif line.startswith("load "):
            step = durations.parse(line.removeprefix("load "))
            loaded = [*loaded, *(_series(one, step) for one in block)]
        else:
            yield _case(f"{path.name}:{number}", line, block, loaded)


def _case(where: str, line: str, block: Sequence[str], loaded: list[Series]) -> Case:
    instant = re.fullmatch(r"eval instant at (\S+) (.+)", line)
    if instant:
        at = durations.parse(instant.group(1))
        case = Case(where, instant.group(2), Grid(at, at, 1), at_once=True, series=loaded)
    else:
        ranged = re.fullmatch(r"eval range from (\S+) to (\S+) step (\S+) (.+)", line)
        assert ranged, f"{where}: not understood: {line}"
        start, end, step = (durations.parse(ranged.group(place)) for place in (1, 2, 3))
        case = Case(where, ranged.group(4), Grid(start, end, step), at_once=False, series=loaded)
    for one in block:
        if one.startswith("expect "):
            _, kind, *rest = one.split(" ", 2)
            case.remarks.append((kind, rest[0] if rest else ""))
        elif one.startswith('"'):
            case.text = one[1:-1]
        elif re.fullmatch(r"[-+]?[\w.+-]+", one) and not re.match(r"[a-zA-Z_]+$", one.replace("NaN", "1")):
            case.number = float(one)
        else:
            case.expected.append(_labelled(one))
    return case


def _labelled(line: str) -> tuple[Labels, list[Sample]]:
    match = re.match(r"([a-zA-Z_:][\w:]*)?(\{(?!\{)[^}]*\})?", line)
    assert match, line
    metric = match.group()
    pairs: dict[str, str] = {}
    if metric not in {"", "{}"}:
        pairs = {matcher.label: matcher.value for matcher in selector(metric)}
    return Labels(pairs), list(_values(line[match.end() :]))


def _values(text: str) -> Iterator[Sample]:
    for item in _ITEM.finditer(text):
        if item.group("histogram") is not None:
            yield from [_histogram(item.group("histogram"))] * (int(item.group("repeats") or 0) + 1)
            continue
        plain = item.group("plain")
        if plain.startswith("_"):
            yield from [None] * int(plain[2:] or 1)
        elif plain == "stale":
            yield float(STALE)
        else:
            match = _NUMBER.fullmatch(plain)
            assert match, f"not a value: {plain}"
            first, by, times = float(match.group(1)), float(match.group(2) or 0), int(match.group(3) or 0)
            yield from (first + by * count for count in range(times + 1))


def _histogram(body: str) -> HistogramRun:
    known = dict(re.findall(r"(\w+):(\[[^\]]*\]|\S+)", body))
    lists = {
        name: [float(one) for one in known.get(name, "[]")[1:-1].split()]
        for name in ("buckets", "n_buckets", "custom_values")
    }

    def number(name: str, default: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([float(known.get(name, default))])

    def index(name: str, buckets: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return int(known.get(name, 0)) + np.arange(len(lists[buckets]), dtype=np.int64)

    return HistogramRun(
        times=np.zeros(1, dtype=np.int64),
        count=number("count"),
        total=number("sum"),
        zero=number("z_bucket"),
        schema=int(known.get("schema", 0)),
        zero_threshold=float(known.get("z_bucket_w", 0)),
        positive_index=index("offset", "buckets"),
        positive=np.array([lists["buckets"]]),
        negative_index=index("n_offset", "n_buckets"),
        negative=np.array([lists["n_buckets"]]),
        custom_bounds=tuple(lists["custom_values"]),
        gauge=known.get("counter_reset_hint") == "gauge",
    )


def _series(line: str, step: int) -> Series:
    labels, samples = _labelled(line)
    floats = [(place * step, one) for place, one in enumerate(samples) if isinstance(one, float)]
    runs = []
    for place, one in enumerate(samples):
        if isinstance(one, HistogramRun):
            runs.append(_at(one, place * step))
    times = np.array([moment for moment, _ in floats], dtype=np.int64)
    return Series(labels, times, np.array([value for _, value in floats], dtype=np.float64), tuple(runs))


def _at(run: HistogramRun, moment: int) -> HistogramRun:
    return HistogramRun(
        np.array([moment]), run.count, run.total, run.zero, run.schema, run.zero_threshold, run.positive_index,
        run.positive, run.negative_index, run.negative, run.custom_bounds, run.gauge,
    )  # fmt: skip


def memory(series: Sequence[Series]) -> query.Source:
    """A source over series held in memory, which answers exactly what was asked."""

    def read(selections: Sequence[Selection], _: int) -> list[list[Series]]:
        return [[cut for one in series if (cut := _chosen(one, wanted)) is not None] for wanted in selections]

    return read


def _chosen(series: Series, wanted: Selection) -> Series | None:
    if not all(matcher.matches(series.labels.get(matcher.label, "")) for matcher in wanted.matchers):
        return None
    inside = (series.times >= wanted.start_ms) & (series.times <= wanted.end_ms)
    runs = tuple(run for run in series.histograms if wanted.start_ms <= run.times[0] <= wanted.end_ms)
    if not inside.any() and not runs:
        return None
    return Series(series.labels, series.times[inside], series.values[inside], runs)


def failure(case: Case) -> str | None:
    """Why the engine's answer is not the expected one; None when it is."""
    try:
        result = query.ask(memory(case.series), case.expr, case.grid, at_once=case.at_once)
    except QueryError as error:
        wanted = [text for kind, text in case.remarks if kind == "fail"]
        if not wanted:
            return f"failed: {error.message}"
        return None if wanted[0] in error.message else f"failed with {error.message!r}"
    if case.wants("fail"):
        return "expected a failure, got an answer"
    return _remarks_differ(case, result) or _values_differ(case, result)


def _remarks_differ(case: Case, result: query.Result) -> str | None:
    given = {"warn": result.warnings, "info": result.infos}
    for kind, text in case.remarks:
        if kind in given and not any(text in one for one in given[kind]):
            return f"no {kind} {text!r} among {given[kind]}"
        if kind.startswith("no_") and given[kind[3:]]:
            return f"unexpected {kind[3:]}: {given[kind[3:]]}"
    return None


def _values_differ(case: Case, result: query.Result) -> str | None:
    if case.text is not None:
        return None if result.text == case.text else f"got {result.text!r}"
    if case.number is not None:
        return (
            None
            if result.kind == "scalar" and close(case.number, result.values[0, 0])
            else f"got {result.values}"
        )
    got = {labels: answers(result, row) for row, labels in enumerate(result.labels)}
    wanted = dict(case.expected)
    if set(got) != set(wanted):
        return f"series {sorted(map(str, got))}, expected {sorted(map(str, wanted))}"
    if case.wants("ordered") and list(got) != list(wanted):
        return f"order {list(got)}"
    for labels, samples in wanted.items():
        padded = [*samples, *([None] * (case.grid.steps - len(samples)))]
        for step, (expected, actual) in enumerate(zip(padded, got[labels], strict=True)):
            if not same(expected, actual):
                return f"{labels} at step {step}: got {actual}, expected {expected}"
    return None


def answers(result: query.Result, row: int) -> list[float | HistogramBlock | None]:
    """One series of a result, step by step."""
    steps = len(result.times)
    line: list[float | HistogramBlock | None] = [
        float(value) if there else None
        for value, there in zip(result.values[row], result.floats[row], strict=True)
    ]
    for cells in result.histograms:
        for place, position in enumerate(cells.place.tolist()):
            if position // steps == row:
                line[position % steps] = cells.block.take(slice(place, place + 1))
    return line


def same(expected: Sample, actual: float | HistogramBlock | None) -> bool:
    if isinstance(expected, HistogramRun) and isinstance(actual, HistogramBlock):
        return _alike(expected, actual)
    if isinstance(expected, float) and isinstance(actual, float):
        return close(expected, actual)
    return expected is None and actual is None


def close(one: float, other: float, within: float = 1e-9) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=within, abs_tol=1e-12)


def _alike(expected: HistogramRun, actual: HistogramBlock) -> bool:
    """Equal up to rounding: both rounded to nine digits are the same histogram."""
    from monitor.core.histograms import block_of

    def rounded(block: HistogramBlock) -> HistogramBlock:
        block = stacked([block]).take(np.array([0]))
        for name in ("count", "total", "zero", "positive", "negative"):
            setattr(
                block,
                name,
                np.array([float(f"{one:.9g}") for one in getattr(block, name).reshape(-1)]).reshape(
                    getattr(block, name).shape
                ),
            )
        return block

    return bool(equal_rows(rounded(block_of(expected)), rounded(actual))[0])


def metric(name: str, **labels: str) -> Labels:
    return Labels({NAME: name, **labels})
