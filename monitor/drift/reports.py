"""What one step found, as a row for the page and as points for PromQL."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.core.clock import to_ms
from monitor.core.labels import NAME, Labels
from monitor.core.sketches import LogSketch, Sketch
from monitor.drift import windows
from monitor.drift.assess import Assessment, merged
from monitor.drift.detectors.base import Detector
from monitor.drift.features import FEATURES
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.windows import Reference, Span, Subject

# 4 buckets of a sketch side by side: a fifth of a doubling, about 60 bars from 1 to 30 000 tokens
BAR = 4


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
        chosen = windows.examples(
            subject, FEATURES[watch.feature], span, merged(found.blocks), current, embedder=found.embedder
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
        "change": None,
        "facts": {},
        "examples": [],
    }
    if isinstance(before, LogSketch) and isinstance(current, LogSketch) and before.n and current.n:
        body["histogram"] = _bars(before, current)
        body["quantiles"] = {
            name: {f"p{q}": round(sketch.quantile(q / 100), 1) for q in (5, 25, 50, 75, 95, 99)}
            for name, sketch in (("reference", before), ("current", current))
        }
        means = [float(np.average(np.log(one.values), weights=one.counts)) for one in (before, current)]
        body["change"] = float(np.expm1(means[1] - means[0]))
    return body


def _bars(before: LogSketch, after: LogSketch) -> dict[str, list[float]]:
    """Both windows on the same logarithmic bars: edges (n + 1) and the share of calls in each (n)."""
    # bucket i holds (2^((i-1)/16), 2^(i/16)]
    groups = [(sketch.index - 1) // BAR for sketch in (before, after)]
    low, high = (int(f(f(group) for group in groups)) for f in (min, max))
    edges = np.exp2(np.arange(low, high + 2) * BAR / 16.0)
    shares = [
        np.bincount(group - low, sketch.counts, high - low + 1) / sketch.counts.sum()
        for group, sketch in zip(groups, (before, after), strict=True)
    ]
    return {
        "edges": [round(float(edge), 3) for edge in edges],
        "reference": [round(float(share), 6) for share in shares[0]],
        "current": [round(float(share), 6) for share in shares[1]],
    }
