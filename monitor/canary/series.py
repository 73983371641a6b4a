"""What is known of a release as points for PromQL: verdicts, evidence, the share that it really has."""

import datetime as dt
from collections.abc import Iterator, Mapping

from monitor.canary.buckets import SECONDS
from monitor.canary.gates import Judged
from monitor.canary.gather import CLOSED_SECONDS, Gathered, bucket_of
from monitor.canary.models import Release
from monitor.canary.shares import share_of
from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.store.samples import append

VALUES = {"fail": -1.0, "undecided": 0.0, "pass": 1.0}
# what a bucket said stands until the next one is closed; PromQL looks back five minutes
HOLD = 240
ALL = "all"

Point = tuple[Labels, int, float]


def first_untold(release: Release, after: int) -> int:
    """The first bucket of which points may lie after ``after`` (Unix seconds)."""
    return max(bucket_of(release.started_at), (after - CLOSED_SECONDS) // SECONDS - 1)


def write(
    release: Release, gathered: Gathered, judged: Judged, goes: Mapping[int, str], *, after: int, now: dt.datetime
) -> int:  # fmt: skip
    """The points that lie after ``after`` (Unix seconds) and not in the future; the time of the last one written.

    ``goes``: the answer to other tools by place, which is the verdict on ``all``.
    """
    points = list(_points(release, gathered, judged, goes, (after, clock.to_ms(now) // 1000)))
    if points:
        append.samples(release.project_id, points, now=now)
    return max((at // 1000 for _, at, _ in points), default=after)


def unproved(release: Release, *, value: float, now: dt.datetime) -> None:
    """1 while a rollback is not proved: for an alert rule."""
    labels = _labels(release).having({NAME: "llm_canary_rollback_unproved"})
    append.samples(release.project_id, [(labels, clock.to_ms(now), value)], now=now)


def missing(release: Release, *, value: float, now: dt.datetime) -> None:
    """1 while a share that was ordered has not arrived: for an alert rule."""
    labels = _labels(release).having({NAME: "llm_canary_share_missing"})
    append.samples(release.project_id, [(labels, clock.to_ms(now), value)], now=now)


def _points(
    release: Release, gathered: Gathered, judged: Judged, goes: Mapping[int, str], span: tuple[int, int]
) -> Iterator[Point]:
    base = _labels(release)
    states = {path.gate.key: (path, path.failed(), path.passed()) for path in judged.paths}
    for place, go in goes.items():
        start = (gathered.first + place + 1) * SECONDS + CLOSED_SECONDS
        found: list[tuple[str, str, float]] = [("llm_canary_verdict", ALL, VALUES[go])]
        for key, (path, failed, passed) in states.items():
            value = -1.0 if failed[place] else 1.0 if passed[place] else 0.0
            found += [
                ("llm_canary_verdict", key, value),
                ("llm_canary_evidence", key, float(path.fail[place] / path.fail_limit)),
                ("llm_canary_good", key, float(path.good[place] / path.good_limit)),
            ]
        share = share_of(gathered.bodies[place])
        for at in (start, start + HOLD):
            if not span[0] < at <= span[1]:
                continue
            for name, metric, value in found:
                yield base.having({NAME: name, "metric": metric}), at * 1000, value
            if share is not None:
                yield base.having({NAME: "llm_canary_share"}), at * 1000, share


def _labels(release: Release) -> Labels:
    return Labels({"release": str(release.pk), "model": release.model, "version": release.canary})
