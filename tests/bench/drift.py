"""The drift engine and the canary gates over generated worlds: delays, misses and false pages per scenario.

    python -m tests.bench.drift SCENARIOS.py [ID ...]

SCENARIOS.py offers ``SCENARIOS`` (id → scenario with ``build(seed)``, ``seeds``, ``kind``, ``at_h``, ``about``)
and ``stream(world, changes)``, which yields a day of calls at a time as arrays. One JSON line per scenario, then a
table over all seeds.
"""

import importlib.util
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from monitor.drift import channels
from monitor.drift.bodies import Body, Marks, body_of
from monitor.drift.bodies import merged as whole
from monitor.drift.channels import NothingToLearnError, Window
from monitor.drift.engine import vectors
from monitor.drift.engine.detector import Alarm, limit_for
from monitor.drift.engine.matching import HOUR, Calendar
from monitor.drift.signals import SIGNALS, SignalKind
from monitor.drift.stages import FULL, Maturity

# 1970 began on a Thursday, worlds begin on a Monday
MONDAY = 4 * 24
MERGE_HOURS = 6.0


def loaded(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("scenarios", path)
    if spec is None or spec.loader is None:
        message = f"{path} is no Python file"
        raise SystemExit(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules["scenarios"] = module
    spec.loader.exec_module(module)
    return module


def columns(day: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A day of a world as the store would give its calls."""
    n = day["t"].size
    nothing = np.full(n, "", dtype=object)
    return {
        "started_at": (day["t"] * 1000).astype(np.int64) + MONDAY * HOUR * 1000,
        "input_tokens": day["prompt_tokens"].astype(np.float64),
        "output_tokens": day["output_tokens"].astype(np.float64),
        "duration_seconds": day["latency"],
        "ttft_seconds": day["ttft"],
        "error": np.array(["timeout" if failed else None for failed in day["error"]], dtype=object),
        "finish_reason": nothing,
        "mean_logprob": np.full(n, np.nan),
        "grounding": np.where(day["rag"], np.where(day["nli_flag"] > 0, "unused", "used"), "").astype(object),
        "language": day["lang"].astype(str).astype(object),
        "topic": day["topic"].astype(str).astype(object),
        "tenant": day["tenant"].astype(str).astype(object),
        "route": nothing,
    }


def window_of(module: ModuleType, world: Any, changes: Any) -> tuple[Window, vectors.Clusters | None]:
    """A whole world as sums of its hours, with its vectors sorted by the clusters of the first 14 days."""
    bodies: list[Body] = []
    marks: list[Marks] = []
    learnt: list[np.ndarray] = []
    clusters: vectors.Clusters | None = None
    sums: list[vectors.VectorHours] = []
    waiting: list[tuple[int, np.ndarray]] = []
    for number, day in enumerate(module.stream(world, changes)):
        calls = columns(day)
        hour = calls["started_at"] // (HOUR * 1000)
        for one in range(MONDAY + number * 24, MONDAY + number * 24 + 24):
            here = hour == one
            bodies.append(whole([body_of({name: values[here] for name, values in calls.items()})]))
            marks.append(_marks(day["judge_score"][here]))
            if "embedding" in day:
                waiting.append((one, vectors.project(day["embedding"][here])))
        if "embedding" in day and number * 24 + 24 >= FULL:
            if clusters is None:
                learnt = [found for _, found in waiting]
                clusters = vectors.find_clusters(np.concatenate(learnt))
            sums += [clusters.hour(one, found) for one, found in waiting]
            waiting = []
    hours = np.arange(MONDAY, MONDAY + len(bodies), dtype=np.int64)
    load = np.array([body.rates.get("calls", [0] * 12) for body in bodies], dtype=np.float64).reshape(-1)
    kept = vectors.VectorHours.joined(sums) if sums else None
    return Window(hours, bodies, marks, load, kept), clusters


def _marks(scores: np.ndarray) -> Marks:
    kept = scores[np.isfinite(scores)]
    return Marks(
        {"judge": [float(kept.size), float(kept.sum()), float((kept**2).sum())]} if kept.size else {}
    )


def part(window: Window, first: int, end: int) -> Window:
    kept = slice(first, end)
    found = window.vectors.part(np.arange(first, min(end, window.hours.size))) if window.vectors else None
    return Window(
        window.hours[kept], window.bodies[kept], window.marks[kept], window.load[first * 12 : end * 12], found
    )


def pages_of(kind: SignalKind, window: Window, clusters: vectors.Clusters | None) -> list[tuple[float, str]]:
    """When pages of one signal began, in hours since the world did, and what they name."""
    if kind.part == "vectors" and kind.source != "prompt":
        return []
    try:
        channel = channels.fit(kind, part(window, 0, FULL), Calendar(), Maturity.FULL, clusters)
    except NothingToLearnError:
        return []
    judged = channel.judge(part(window, FULL - 7, window.hours.size))
    evidence, alarm, limit = channel.evidence(), Alarm(), limit_for(len(SIGNALS), kind.tick)
    found, state = [], ""
    for tick in np.flatnonzero(judged.ends > (MONDAY + FULL) * HOUR).tolist():
        judged.take(evidence, tick)
        name, end = channel.names[int(channel.by_name(evidence).argmax())], float(judged.ends[tick])
        before, state = state, alarm.step(evidence, limit, end, calm=judged.calm(tick))
        if state == "page" != before:
            found.append(((end + kind.seal) / HOUR - MONDAY, name))
    return found


def merged(pages: list[float]) -> list[float]:
    """Pages closer than six hours to the one before are one."""
    kept: list[float] = []
    for at in sorted(pages):
        if not kept or at - kept[-1] > MERGE_HOURS:
            kept.append(at)
    return kept


def drift(module: ModuleType, scenario: Any) -> dict[str, Any]:
    false: dict[str, int] = {}
    delays: list[float] = []
    named: list[str] = []
    for seed in scenario.seeds:
        window, clusters = window_of(module, *scenario.build(seed))
        first: tuple[float, str] | None = None
        for kind in SIGNALS.values():
            pages = pages_of(kind, window, clusters)
            late = [page for page in pages if scenario.at_h is not None and page[0] >= scenario.at_h]
            early = merged([page[0] for page in pages if page not in late])
            if early:
                false[kind.name] = false.get(kind.name, 0) + len(early)
            if late and any(word in kind.name for word in scenario.about) and (not first or late[0] < first):
                first = late[0]
        if scenario.at_h is not None:
            delays.append(first[0] - scenario.at_h if first else float("inf"))
            named.append(first[1] if first else "")
    return {
        "false_pages": sum(false.values()), "by_signal": false, "named": named,
        "delay_h": [round(one, 2) for one in delays],
        "median_h": round(statistics.median(delays), 2) if delays else None,
    }  # fmt: skip


def volume(module: ModuleType, scenario: Any) -> dict[str, Any]:
    from monitor.drift.engine import baseline

    rates = (1000, 10_000) if scenario.at_h is None else (0,)
    false, delays = 0, []
    for rate in rates:
        for seed in scenario.seeds:
            world, changes = scenario.build(seed)
            if rate:
                world = module.replace(world, rate=rate)
            values = module.counts(world, changes)
            day = np.arange(values.size) // baseline.DAY
            kinds = (np.isin(day % 7, (5, 6)) | np.isin(day, np.array(world.holiday_days, dtype=int))).astype(
                np.int64
            )
            at = np.flatnonzero(baseline.expect(values, kinds).anomalous) / 12.0
            start = 28 * 24.0 if scenario.at_h is None else scenario.at_h
            after = at[at >= start]
            if scenario.at_h is None:
                false += len(merged(after.tolist()))
            else:
                delays.append(float(after[0] + 1 / 12 - start) if after.size else float("inf"))
    return {"false_pages": false, "delay_h": [round(one, 2) for one in delays],
            "median_h": round(statistics.median(delays), 2) if delays else None}  # fmt: skip


def lines(module: ModuleType, wanted: list[str]) -> Iterator[dict[str, Any]]:
    kinds = {"drift": drift, "volume": volume}
    for scenario in module.SCENARIOS.values():
        if (not wanted or scenario.id in wanted) and scenario.kind in kinds:
            yield {"scenario": scenario.id, "title": scenario.title, **kinds[scenario.kind](module, scenario),
                   "limit": scenario.limit}  # fmt: skip


def row(line: dict[str, Any]) -> str:
    """A line of the table: median and longest delay in hours (of all seeds), and false pages."""
    known = [one for one in line["delay_h"] if one != float("inf")]
    cells = (
        line["scenario"], line["title"], len(line["delay_h"]) - len(known), line["median_h"], max(known, default=None),
        line["false_pages"], json.dumps(line["limit"]),
    )  # fmt: skip
    return "| " + " | ".join("–" if cell is None else str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        raise SystemExit(__doc__)
    rows = ["| scenario | title | missed | median h | longest h | false pages | limits |"]
    for line in lines(loaded(sys.argv[1]), sys.argv[2:]):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        rows.append(row(line))
    sys.stdout.write("\n".join(rows) + "\n")
