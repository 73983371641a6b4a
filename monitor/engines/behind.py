"""What moved with a latency alert: which series are asked of cards, engines and input, and what they say.

The windows of the alert's own expression are shortened, and every candidate is a mean over the same window, so that
none of them lags behind another by how it is asked.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from monitor import query
from monitor.core.labels import NAME
from monitor.engines import signals, together
from monitor.engines.read import Placed, placed
from monitor.engines.together import Floats, Verdict
from monitor.promql import tree
from monitor.promql.errors import QueryError
from monitor.promql.parse import parse
from monitor.promql.text import text_of

LIMITS = query.Limits(samples=50_000_000, series=5_000, steps=11_000, seconds=15.0)
STEP = dt.timedelta(seconds=30)
BACK, AHEAD = dt.timedelta(hours=48), dt.timedelta(minutes=30)
LEAST_BACK = dt.timedelta(hours=3)
WIDEST_MS = 300_000
# an answer is good for so long while the alert is young
FRESH = dt.timedelta(minutes=5)
COMPARISONS = frozenset({">", ">=", "<", "<=", "==", "!="})
LATENCY = re.compile(
    r"duration|latency|ttft|tpot|queue_time|time_per|time_to_first|_seconds|tokens_per_second"
)
NO_LATENCY = re.compile(
    r"^(gpu|vigil|process|node|container|kube|machine|go|python|nv_energy|up$)|timestamp|_cpu_|created|start_time|uptime"
)
# gauges of a finding say by a label what it is about
ABOUT = ("signal", "feature", "metric")
IDENTITY = ("model", "version", "environment", "operation", "provider", "route")
SLOW = 'reason=~"hw_slowdown|sw_thermal|hw_thermal|power_brake"'
Family = Literal["gpu", "engine", "input"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The alert: its expression and labels, and since when the expression is true."""

    expr: str
    labels: Mapping[str, str]
    active_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Companion:
    """A series that moved with the alert's. ``lag_seconds`` above 0: it moved first."""

    family: Family
    signal: str
    unit: str
    lag_seconds: float
    r: float
    p: float
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Behind:
    """``hosts`` and ``engines``: whose figures were looked at. ``hours``: how far back chance was learnt."""

    verdict: Verdict
    tested: int
    companions: tuple[Companion, ...]
    hosts: tuple[str, ...]
    engines: tuple[str, ...]
    hours: float
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    family: Family
    signal: str
    unit: str
    expr: str


def end_of(active_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    """How far an alert is looked at: half an hour, in steps of a few minutes while it is young."""
    whole = active_at + AHEAD
    return whole if now >= whole else active_at + (now - active_at) // FRESH * FRESH


def measured(expr: str) -> str | None:
    """What an alert about latency measures, without its limit and with short windows; None for other alerts."""
    try:
        node = parse(expr)
    except QueryError:
        return None
    mine = next((one for one in _limited(node) if _about_latency(one)), None)
    if mine is None:
        return None
    try:
        return text_of(_short(mine))
    except QueryError:
        return None


def _limited(node: tree.Node) -> Iterator[tree.Node]:
    """The sides of an alert's comparisons that are no limits, in order; the right half of ``unless`` is none."""
    if isinstance(node, tree.Binary) and node.op in {"and", "or", "unless"}:
        yield from _limited(node.left)
        if node.op != "unless":
            yield from _limited(node.right)
    elif isinstance(node, tree.Binary) and node.op in COMPARISONS:
        yield from (one for one in (node.left, node.right) if any(_names(one)))
    else:
        yield node


def _about_latency(node: tree.Node) -> bool:
    return any(LATENCY.search(one) and not NO_LATENCY.search(one) for one in _names(node)) or any(
        LATENCY.search(one) for one in _findings(node)
    )


def _findings(node: tree.Node) -> Iterator[str]:
    if isinstance(node, tree.Selector):
        yield from (one.value for one in node.matchers if one.label in ABOUT)
    for child in tree.children(node):
        yield from _findings(child)


def behind(
    project_id: int, asked: Asked, names: AbstractSet[str], *, now: dt.datetime, own_hosts: Sequence[str] = ()
) -> Behind | None:
    """What moved with it; None for an alert that is not about latency. Raises ``query.Failed``."""
    expr = measured(asked.expr)
    if expr is None:
        return None
    end = end_of(asked.active_at, now)
    found, hosts = placed(project_id, names, end, own_hosts=own_hosts)
    mine = _concerned(found, asked.labels)
    on = tuple(sorted({one.place.host for one in mine if one.place.host})) or tuple(hosts)
    engines = tuple(sorted(one.instance for one in mine))
    width = _widest(expr)
    target = _line(project_id, expr, end, asked.labels)
    if not width:  # a gauge: its mean lags behind as the candidates' do
        width, target = WIDEST_MS, _trailing(target, WIDEST_MS / 1000)
    known = np.flatnonzero(np.isfinite(target))
    first = int(known[0]) if known.size else len(target)
    hours = (len(target) - first) * STEP.total_seconds() / 3600
    empty = Behind("short", 0, (), on, engines, hours, end)
    if hours * 3600 < LEAST_BACK.total_seconds():
        return empty
    times = _times(end)[first:]
    wanted = candidates(names, asked.labels, on, mine, width)
    lines = {one.signal: _line(project_id, one.expr, end, {})[first:] for one in wanted}
    active = asked.active_at.timestamp()
    earliest = active - 2 * max(_widest(asked.expr), WIDEST_MS) / 1000
    company = together.search(
        times, target[first:], together.onset_of(times, target[first:], active, earliest), lines
    )
    by_signal = {one.signal: one for one in wanted}
    companions = tuple(
        Companion(by_signal[one.key].family, one.key, by_signal[one.key].unit, one.lag, one.r, one.p, one.before, one.now)
        for one in company.moved
    )  # fmt: skip
    return replace(empty, verdict=company.verdict, tested=company.tested, companions=companions)


def candidates(
    names: AbstractSet[str], labels: Mapping[str, str], hosts: Sequence[str], engines: Sequence[Placed], width_ms: int
) -> list[Candidate]:  # fmt: skip
    """What is looked at; of several hosts or engines the worst, or their sum."""
    window = f"{width_ms}ms"
    return [
        *(_cards(hosts, window) if hosts else ()),
        *(_engines(names, engines, window) if engines else ()),
        *_input(names, labels, engines, window),
    ]


def _cards(hosts: Sequence[str], window: str) -> Iterator[Candidate]:
    on = f'host=~"{_any(hosts)}"'
    asked = (
        ("throttle", "ratio", f"max(avg_over_time(gpu_throttle{{{on},{SLOW}}}[{window}]))"),
        ("power_cap", "ratio", f'max(avg_over_time(gpu_throttle{{{on},reason="power_cap"}}[{window}]))'),
        ("memory", "ratio", f"max(avg_over_time(gpu_memory_used_bytes{{{on}}}[{window}]) / avg_over_time(gpu_memory_total_bytes{{{on}}}[{window}]))"),
        ("xid", "count", f"sum(increase(gpu_xid_errors_total{{{on}}}[{window}]))"),
        ("utilisation", "ratio", f"avg(avg_over_time(gpu_utilization_ratio{{{on}}}[{window}]))"),
        ("temperature", "celsius", f"max(avg_over_time(gpu_temperature_celsius{{{on}}}[{window}]))"),
        ("clock", "hertz", f'min(avg_over_time(gpu_clock_hertz{{{on},clock="sm"}}[{window}]))'),
    )  # fmt: skip
    for signal, unit, expr in asked:
        yield Candidate("gpu", signal, unit, expr)


def _engines(names: AbstractSet[str], engines: Sequence[Placed], window: str) -> Iterator[Candidate]:
    where = f'{{instance=~"{_any([one.instance for one in engines])}"}}'
    for signal, fold in (
        ("waiting", "sum"),
        ("running", "sum"),
        ("kv", "max"),
        ("preemptions", "sum"),
        ("retracted", "sum"),
        ("hits", "min"),
    ):
        expr = signals.expression(signal, names, window, where, smooth=True)
        if expr is not None:
            yield Candidate("engine", signal, signals.SIGNALS[signal].unit, f"{fold}({expr})")


def _input(
    names: AbstractSet[str], labels: Mapping[str, str], engines: Sequence[Placed], window: str
) -> Iterator[Candidate]:
    of = ",".join(f'{name}="{_escaped(labels[name])}"' for name in IDENTITY if name in labels)
    if "llm_requests_total" in names:
        yield Candidate("input", "calls", "per_second", f"sum(rate(llm_requests_total{{{of}}}[{window}]))")
        for signal, name in (("prompt_length", "llm_input_tokens"), ("answer_length", "llm_output_tokens")):
            yield Candidate("input", signal, "tokens", f"histogram_avg(sum(rate({name}{{{of}}}[{window}])))")
    elif engines:
        where = f'{{instance=~"{_any([one.instance for one in engines])}"}}'
        for signal in ("prompt_length", "prompt_tokens"):
            expr = signals.expression(signal, names, window, where)
            if expr is not None:
                yield Candidate("input", signal, signals.SIGNALS[signal].unit, f"max({expr})")


def _concerned(found: Sequence[Placed], labels: Mapping[str, str]) -> list[Placed]:
    """The engines that the alert's labels name: by instance, else by model, else all of them."""
    instance = labels.get("instance", "")
    same = [one for one in found if instance and one.instance == instance]
    model = labels.get("model") or labels.get("model_name") or ""
    return same or [one for one in found if model and model in one.models] or list(found)


def _line(project_id: int, expr: str, end: dt.datetime, labels: Mapping[str, str]) -> Floats:
    """The one series of an answer, or the one that carries the alert's labels; NaN where nothing is known."""
    result = query.range(project_id, expr, end - BACK, end, STEP, limits=LIMITS)
    times = _times(end)
    for row, one in enumerate(result.labels):
        if all(labels.get(name) == value for name, value in one.items() if name != NAME):
            line: Floats = np.where(result.floats[row], result.values[row], np.nan)
            return line
    return np.full(len(times), np.nan)


def _times(end: dt.datetime) -> Floats:
    times: Floats = (end - BACK).timestamp() + STEP.total_seconds() * np.arange(
        BACK // STEP + 1, dtype=np.float64
    )
    return times


def _names(node: tree.Node) -> Iterator[str]:
    if isinstance(node, tree.Selector):
        yield from (one.value for one in node.matchers if one.label == NAME)
    for child in tree.children(node):
        yield from _names(child)


def _short(node: tree.Node) -> tree.Node:
    if isinstance(node, tree.Range):
        return replace(node, width=min(node.width, WIDEST_MS))
    return tree.mapped(node, _short)


def _widest(expr: str) -> int:
    """The widest window of an expression in milliseconds; 0 without one."""

    def widths(node: tree.Node) -> Iterator[int]:
        if isinstance(node, tree.Range):
            yield node.width
        for child in tree.children(node):
            yield from widths(child)

    return max(widths(parse(expr)), default=0)


def _trailing(values: Floats, seconds: float) -> Floats:
    """The mean of what is known of the last so many seconds; NaN where that is nothing."""
    size = max(1, round(seconds / STEP.total_seconds()))
    known = np.isfinite(values)
    ones = np.ones(size)
    count = np.convolve(known, ones)[: len(values)]
    total = np.convolve(np.where(known, values, 0.0), ones)[: len(values)]
    found: Floats = np.where(known & (count > 0), total / np.maximum(count, 1), np.nan)
    return found


def _any(values: Sequence[str]) -> str:
    return _escaped("|".join(re.escape(one).replace(r"\-", "-") for one in values))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
