"""A page of metrics in Prometheus' text format or OpenMetrics, line by line; pure.

Pages come again every few seconds with the same series in them, so a line is known by all that stands
before its value. Only a line that is new is parsed.
"""

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from monitor.core.histograms import HistogramRun
from monitor.core.labels import NAME, Labels
from monitor.ingest.envelope import UNTIMED, Point, Rejection
from monitor.ingest.exposition import bounds
from monitor.ingest.labelsets import BadLabelsError, checked

# stands for the label set of a line that is left out
DROPPED = Labels()
OPENMETRICS = "application/openmetrics-text"
MAX_LINE = 16_384
MAX_SAMPLES = 100_000
_LINE = re.compile(
    r"[ \t]*+(?P<key>[^\s{#]*+[ \t]*+\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*+\")*+\}|[^\s{#]++)"
    r"(?:(?<=\})[ \t]*+|[ \t]++)(?P<value>[^\s#]++)(?:[ \t]++(?P<time>-?[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?))?+"
    r"[ \t]*+(?:#.*+)?"
)


class BadPageError(ValueError):
    """A page of which nothing can be taken; ``line`` says where, 0 for the page as a whole."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {why}" if line else why)
        self.why = why
        self.line = line


@dataclass(slots=True)
class Page:
    """``points`` without a time of their own are UNTIMED; ``lines`` are the points' line numbers.

    ``dropped`` counts samples that were read and left out.
    """

    points: list[Point] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    histograms: list[tuple[Labels, HistogramRun]] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    dropped: int = 0


def read(
    body: bytes,
    known: MutableMapping[str, Labels],
    *,
    openmetrics: bool = False,
    finish: Callable[[Labels], Labels] = lambda labels: labels,
) -> Page:
    """All samples of a page; raises BadPageError.

    ``known`` maps the text before a value to the label set it stands for, after
    ``finish``; new ones are added. ``finish`` may answer DROPPED.
    """
    lines = _lines(body, openmetrics=openmetrics)
    page, reader = Page(), _Reader(known, finish, seconds=openmetrics)
    points, places, bound = page.points, page.lines, ""
    for number, line in enumerate(lines, 1):
        if not line or line[0] == "#":
            bound = _bound_of(line, bound)
            continue
        key, _, text = line.rpartition(" ")
        labels = known.get(f"{key}#{bound}" if bound else key)
        if labels is None or "_" in text:
            reader.take(page, number, line, bound)
            continue
        try:
            value = float(text)
        except ValueError:
            page.rejected.append(_bad_value(number, text))
            continue
        if labels is DROPPED:
            page.dropped += 1
            continue
        points.append((labels, UNTIMED, value))
        places.append(number)
    return page


def is_openmetrics(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == OPENMETRICS


def _lines(body: bytes, *, openmetrics: bool) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        raise BadPageError(message, body.count(b"\n", 0, error.start) + 1) from error
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > 4 * MAX_SAMPLES:
        message = f"{len(lines)} lines; at most {4 * MAX_SAMPLES}"
        raise BadPageError(message)
    if not openmetrics:
        return lines
    while lines and not lines[-1]:
        lines.pop()
    if not lines or lines[-1] != "# EOF":
        message = "an OpenMetrics page ends with '# EOF'; this one was cut off"
        raise BadPageError(message, len(lines))
    return lines


def _bound_of(line: str, before: str) -> str:
    """The label that holds a number in the lines that follow, if this one says what type they are of."""
    if not line.startswith("# TYPE "):
        return before
    return bounds.LABELS.get(line.rpartition(" ")[2], "")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one line the slow way: new, odd, or with a time or an exemplar."""

    known: MutableMapping[str, Labels]
    finish: Callable[[Labels], Labels]
    seconds: bool

    def take(self, page: Page, number: int, line: str, bound: str) -> None:
        if len(line) > MAX_LINE:
            page.rejected.append(Rejection(number, "line", f"{len(line)} characters; at most {MAX_LINE}"))
            return
        if not line.strip() or line.lstrip().startswith("#"):
            return
        match = _LINE.fullmatch(line)
        if match is None:
            page.rejected.append(Rejection(number, "line", 'is no sample; write name{label="value"} number'))
            return
        key, text, time = match["key"], match["value"], match["time"]
        try:
            value = _number(text)
        except ValueError:
            page.rejected.append(_bad_value(number, text))
            return
        try:
            labels = self._labels(key, bound)
        except BadLabelsError as error:
            page.rejected.append(Rejection(number, error.field, error.why))
            return
        try:
            at = _time(time, seconds=self.seconds)
        except OverflowError:
            page.rejected.append(Rejection(number, "timestamp", f"{time[:40]!r} is no time"))
            return
        if labels is DROPPED:
            page.dropped += 1
            return
        page.points.append((labels, at, value))
        page.lines.append(number)

    def _labels(self, key: str, bound: str) -> Labels:
        name = f"{key}#{bound}" if bound else key
        labels = self.known.get(name)
        if labels is None:
            labels = self.known[name] = self.finish(_labels(key, bound))
        return labels


def _number(text: str) -> float:
    # Python reads 1_000, no exposition means it
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _bad_value(number: int, text: str) -> Rejection:
    return Rejection(number, "value", f"{text[:40]!r} is no number")


def _time(text: str | None, *, seconds: bool) -> int:
    if text is None:
        return UNTIMED
    moment = round(float(text) * 1000) if seconds else round(float(text))
    if abs(moment) >= 2**63:
        raise OverflowError(text)
    return moment


def _labels(key: str, bound: str) -> Labels:
    try:
        (family,) = text_string_to_metric_families(f"{key} 1\n")
        (sample,) = family.samples
    except ValueError as error:
        raise BadLabelsError("labels", f"can't be read: {error or 'no metric name'}"[:200]) from error
    pairs = [(NAME, sample.name), *sample.labels.items()]
    return checked(bounds.normal(bound, pairs) if bound else pairs)
