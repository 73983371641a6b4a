"""What one step found, as a row for the page and as points for PromQL."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.core.clock import to_ms
from monitor.core.labels import NAME, Labels
from monitor.core.sketches import CategorySketch, LogSketch, Numbers, Sketch
from monitor.core.stats import Floats, Ints
from monitor.drift import features, newest, windows
from monitor.drift.assess import Assessment, merged
from monitor.drift.detectors.base import Detector
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.subjects import Span, Subject
from monitor.drift.windows import Reference

# 4 buckets of a sketch side by side: a fifth of a doubling, about 60 bars from 1 to 30 000 tokens
BAR = 4
# of scores so many bars, and of categories so many that moved
BARS, MOST_SHARES = 40, 12


@dataclass(frozen=True, slots=True)
class Made:
    """A report before it is stored. Without an effect the state is unknown, never calm."""

    state: WatchState
    reason: str
    effect: float | None
    normal_low: float | None
    normal_high: float | None
    evidence: float | None
    body: dict[str, Any]


def unknown(
    watch: DriftWatch, detector: Detector, found: Reference, span: Span, current: Sketch, reason: str
) -> Made:
    body = _body(watch, detector, found, span, current)
    return Made(WatchState.UNKNOWN, reason, None, None, None, None, body)


def known(  # noqa: PLR0913, PLR0917 — everything that a step knows
    watch: DriftWatch, detector: Detector, found: Reference, span: Span, current: Sketch,
    result: Assessment, evidence: float, state: WatchState,
) -> Made:  # fmt: skip
    body = _body(watch, detector, found, span, current)
    body["facts"] = {name: round(value, 6) for name, value in result.score.facts.items()}
    if state != WatchState.OK:
        subject = Subject(watch.project_id, watch.model, watch.version)
        chosen = newest.examples(
            subject,
            features.of(watch.feature),
            span,
            detector,
            (merged(found.blocks), current),
            found.embedder,
        )
        body["examples"] = [str(one) for one in chosen]
    return Made(
        state, "", result.score.effect, result.normal_low, result.normal_high, evidence, body
    )  # fmt: skip


def points(watch: DriftWatch, made: Made, moment: dt.datetime) -> list[tuple[Labels, int, float]]:
    """The series of a known effect; an unknown one leaves a gap."""
    named = {
        "llm_drift_effect": made.effect,
        "llm_drift_normal_low": made.normal_low,
        "llm_drift_normal_high": made.normal_high,
        "llm_drift_evidence": made.evidence,
    }
    shared = labels(watch)
    at = to_ms(moment)
    return [
        (shared.having({NAME: name}), at, float(value)) for name, value in named.items() if value is not None
    ]


def held(
    watch: DriftWatch, before: dt.datetime | None, moment: dt.datetime, step: dt.timedelta
) -> list[tuple[Labels, int, float]]:
    """What was found at ``before`` holds until ``moment``: points between two steps that lie far apart."""
    last = DriftReport.objects.filter(watch=watch, at=before).first() if before is not None else None
    if before is None or last is None or last.effect is None:
        return []
    made = Made(WatchState(last.state), "", last.effect, last.normal_low, last.normal_high, last.evidence, {})
    between = (before + n * 2 * step for n in range(1, (moment - before) // (2 * step) + 1))
    return [point for at in between if at < moment for point in points(watch, made, at)]


def labels(watch: DriftWatch) -> Labels:
    """What the series of a watch are called by, beside their names."""
    return Labels(
        {
            "model": watch.model,
            "version": watch.version,
            "feature": watch.feature,
            "detector": watch.detector,
            "slice": "",
        }
    )


def store(watch: DriftWatch, made: Made, moment: dt.datetime) -> None:
    """The report of this moment, and the state on the watch itself."""
    DriftReport.objects.update_or_create(
        watch=watch,
        at=moment,
        defaults={
            "state": made.state,
            "effect": made.effect,
            "normal_low": made.normal_low,
            "normal_high": made.normal_high,
            "evidence": made.evidence,
            "body": made.body,
        },
    )
    DriftWatch.objects.filter(pk=watch.pk).update(state=made.state, reason=made.reason)


def drop_passing(watch: DriftWatch) -> None:
    """Only the newest report and one per window are kept; the series keep every step."""
    last = watch.evaluated_to
    if last is not None and last != windows.aligned(last, dt.timedelta(seconds=watch.window_seconds)):
        DriftReport.objects.filter(watch=watch, at=last).delete()


def _body(
    watch: DriftWatch, detector: Detector, found: Reference, span: Span, current: Sketch
) -> dict[str, Any]:
    before = merged(found.blocks)
    body: dict[str, Any] = {
        "detector": watch.detector,
        "unit": detector.unit,
        "signed": detector.signed,
        "embedder": found.embedder,
        "reference": {**found.span.to_json(), "version": found.version, "n": before.n},
        "current": {**span.to_json(), "version": watch.version, "n": current.n},
        "histogram": None,
        "quantiles": None,
        "shares": None,
        "change": None,
        "facts": {},
        "examples": [],
    }
    if isinstance(before, Numbers) and isinstance(current, Numbers) and before.n and current.n:
        body["histogram"] = _bars(before, current)
        body["quantiles"] = {
            name: {f"p{q}": float(f"{sketch.quantile(q / 100):.4g}") for q in (5, 25, 50, 75, 95, 99)}
            for name, sketch in (("reference", before), ("current", current))
        }
        if isinstance(before, LogSketch):
            body["change"] = float(np.expm1(current.mean - before.mean))
    if isinstance(before, CategorySketch) and isinstance(current, CategorySketch) and before.n and current.n:
        body["shares"] = _shares(before, current)
    return body


def _shares(before: CategorySketch, after: CategorySketch) -> list[tuple[str, float, float]]:
    """The categories that moved most: name, share before and now."""
    both = [
        (name, before.counts.get(name, 0) / before.n, after.counts.get(name, 0) / after.n)
        for name in sorted({*before.counts, *after.counts})
    ]
    return sorted(both, key=lambda one: -abs(one[2] - one[1]))[:MOST_SHARES]


def _bars(before: Numbers, after: Numbers) -> dict[str, list[float]]:
    """Both windows on the same bars: edges (n + 1) and the share of calls in each (n)."""
    places, edges = _logarithmic(before, after) if isinstance(before, LogSketch) else _even(before, after)
    shares = [
        np.bincount(place, sketch.counts, edges.size - 1) / sketch.counts.sum()
        for place, sketch in zip(places, (before, after), strict=True)
    ]
    return {
        "edges": [float(f"{edge:.6g}") for edge in edges],
        "reference": [round(float(share), 6) for share in shares[0]],
        "current": [round(float(share), 6) for share in shares[1]],
    }


def _logarithmic(before: Numbers, after: Numbers) -> tuple[list[Ints], Floats]:
    """The bar of each bucket, and the edges."""
    # bucket i holds (2^((i-1)/16), 2^(i/16)]
    groups = [(sketch.index - 1) // BAR for sketch in (before, after)]
    low, high = (int(f(f(group) for group in groups)) for f in (min, max))
    return [group - low for group in groups], np.exp2(np.arange(low, high + 2) * BAR / 16.0)


def _even(before: Numbers, after: Numbers) -> tuple[list[Ints], Floats]:
    """The same of scores, which have no logarithm: equal bars over all but the farthest of them."""
    low = min(before.quantile(0.001), after.quantile(0.001))
    high = max(before.quantile(0.999), after.quantile(0.999))
    edges: Floats = np.linspace(low, high if high > low else low + 1.0, BARS + 1)
    places = [
        np.clip(np.searchsorted(edges, sketch.values, side="right") - 1, 0, BARS - 1)
        for sketch in (before, after)
    ]
    return places, edges
