"""Volume against its season: what is expected of a model now, as ``llm_anomaly_*`` series. Event time only.

Every 5 minutes, for all versions together, so that a release is no anomaly. Until two days are known nothing is
expected, until 15 yesterday is the measure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from monitor.core.labels import NAME, Labels
from monitor.drift.engine import baseline
from monitor.drift.engine.baseline import TICK, Expected
from monitor.drift.engine.matching import HOUR, Calendar
from monitor.drift.models import DriftSketch
from monitor.drift.shelf import Shelf
from monitor.store.samples import append

# signal → the rate of the sums of an hour that it is made of
SIGNALS = {"requests": "calls", "output_tokens": "output_tokens"}
SERIES = ("llm_anomaly_expected", "llm_anomaly_low", "llm_anomaly_high", "llm_anomaly_detected")
SEAL = 120
# four weeks of seasons, a week of noise, and a day of level
LEAD_HOURS = 36 * 24
# after a day of silence the model is gone rather than quiet
SILENT_HOURS = 24
# a first run over a long past looks back so far
FIRST_HOURS = 2 * 24


def run(
    shelf: Shelf, firsts: Mapping[str, int], calendar: Calendar, *, until: int, begin: int | None = None
) -> list[tuple[str, int]]:
    """Judge the closed ticks up to ``until`` (Unix s) and write their series; anomalies that began, with when.

    ``begin``: judge again from then on; else from where the last run ended.
    """
    return [
        (name, at) for name in SIGNALS if firsts for at in _run(shelf, name, firsts, calendar, begin, until)
    ]


def _run(
    shelf: Shelf, name: str, firsts: Mapping[str, int], calendar: Calendar, begin: int | None, until: int
) -> list[int]:
    born, end = min(firsts.values()), (until - SEAL) // TICK * TICK
    before = told(shelf.project_id, shelf.model, name).get("to")
    kept = before or max(born * HOUR, end - FIRST_HOURS * HOUR)
    start = max(born * HOUR, begin if begin is not None else kept) // TICK * TICK
    if start >= end:
        return []
    # aligned to a day, so that noise is renewed at the same hours whenever it is looked at
    first = max(born, (start // HOUR - LEAD_HOURS) // 24 * 24)
    hours = np.arange(first, -(-end // HOUR), dtype=np.int64)
    values = shelf.ticks(firsts, first, int(hours[-1]) + 1, SIGNALS[name])[: (end - first * HOUR) // TICK]
    kinds = np.repeat(calendar.strata(hours) >= 24, baseline.HOUR).astype(np.int64)[: values.size]
    ahead = np.repeat(calendar.ahead(hours) // TICK, baseline.HOUR)[: values.size]
    judged = baseline.expect(values, kinds, age=(first - born) * baseline.HOUR, ahead=ahead)
    ticks = np.arange((start - first * HOUR) // TICK, values.size)
    ticks = ticks[_alive(values)[ticks]]
    points = [point for tick in ticks.tolist() for point in _points(shelf.model, name, judged, tick, first)]
    append.samples(shelf.project_id, points, now=shelf.now)
    _keep(shelf, name, {"to": end, **_body(values, judged)})
    return _began(judged, ticks, first)


def told(project_id: int, model: str, signal: str) -> dict[str, Any]:
    """What the last run found: ``to``, ``basis``, ``value``, ``expected``, ``anomalous``; empty before the first."""
    row = DriftSketch.objects.filter(
        project_id=project_id, model=model, version="", part=f"baseline {signal}"
    )
    body = row.values_list("body", flat=True).first()
    found: dict[str, Any] = msgspec.msgpack.decode(bytes(body)) if body else {}
    return found


def _keep(shelf: Shelf, signal: str, body: dict[str, Any]) -> None:
    DriftSketch.objects.update_or_create(
        project_id=shelf.project_id, model=shelf.model, version="", part=f"baseline {signal}", hour=0,
        defaults={"body": msgspec.msgpack.encode(body)},
    )  # fmt: skip


def _alive(values: np.ndarray) -> np.ndarray:
    """Whether there was any call within a day before each tick."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
    at = np.arange(1, values.size + 1)
    found: np.ndarray = total[at] - total[np.maximum(0, at - SILENT_HOURS * baseline.HOUR)] > 0
    return found


def _points(
    model: str, signal: str, judged: Expected, tick: int, first: int
) -> Iterator[tuple[Labels, int, float]]:
    if not np.isfinite(judged.expected[tick]):
        return
    end = first * HOUR + (tick + 1) * TICK + SEAL
    values = (judged.expected[tick], judged.low[tick], judged.high[tick], float(judged.anomalous[tick]))
    for name, value in zip(SERIES, values, strict=True):
        labels = Labels({NAME: name, "model": model, "signal": signal})
        yield labels, end * 1000, float(value)


def _began(judged: Expected, ticks: np.ndarray, first: int) -> list[int]:
    """When anomalies began, as the series tell it."""
    before = np.concatenate([[False], judged.anomalous[:-1]])
    return [
        first * HOUR + (tick + 1) * TICK + SEAL
        for tick in ticks.tolist()
        if judged.anomalous[tick] and not before[tick]
    ]


def _body(values: np.ndarray, judged: Expected) -> dict[str, object]:
    known = bool(np.isfinite(judged.expected[-1]))
    return {
        "basis": judged.basis, "value": float(np.nan_to_num(values[-1])),
        "expected": float(judged.expected[-1]) if known else None,
        "anomalous": bool(judged.anomalous[-1]),
    }  # fmt: skip
