"""What was called in each five minutes of a release, read from the store once and then kept.

A bucket is closed a minute after its end, and sealed ten minutes after it: until then late calls still count.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.canary import sums
from monitor.canary.buckets import BEFORE, SECONDS
from monitor.canary.models import Release, ReleaseEvidence
from monitor.canary.sums import Arm, Body, Columns, Wanted
from monitor.core import clock
from monitor.store.calls import compared
from monitor.store.calls.compared import TooManyCallsError

CLOSED_SECONDS, SEALED_SECONDS = 60, 600
# a stretch of the past is read in parts of so many buckets
AT_ONCE = 72
# marks may come for 26 hours after the call; those of three hours are looked for every half hour, all every three hours
MARKS_FOR, MARKS_EVERY, MARKS_SELDOM = 312, 6, 36
# and so many buckets are counted in one look: who has been away catches up in several
MOST_FRESH = 288


@dataclass(frozen=True, slots=True)
class Gathered:
    """Consecutive buckets from ``first`` on; ``begin``: where the release began. ``fresh``: newly counted ones."""

    first: int
    bodies: list[Body]
    fresh: frozenset[int]

    @property
    def end(self) -> int:
        return self.first + len(self.bodies)


def bucket_of(moment: dt.datetime) -> int:
    """The first bucket that begins at or after a moment."""
    return -(-clock.to_ms(moment) // (SECONDS * 1000))


def closed(now: dt.datetime) -> int:
    """The buckets before this one are closed."""
    return (clock.to_ms(now) // 1000 - CLOSED_SECONDS) // SECONDS


def moment_of(bucket: int) -> dt.datetime:
    return clock.from_ms(bucket * SECONDS * 1000)


def gather(release: Release, end: int) -> Gathered:
    """Every bucket from six hours before the release to ``end``, or to where counting so much ends: kept
    ones as they are, the rest counted.
    """
    first = bucket_of(release.started_at) - BEFORE
    kept = {
        row.bucket: row
        for row in ReleaseEvidence.objects.filter(release=release, bucket__gte=first, bucket__lt=end)
    }
    known = {bucket: sums.unpack(bytes(row.body)) for bucket, row in kept.items() if row.sealed}
    missing = [bucket for bucket in range(first, end) if bucket not in known]
    if len(missing) > MOST_FRESH:
        end, missing = missing[MOST_FRESH], missing[:MOST_FRESH]
    open_ = {bucket: sums.unpack(bytes(row.body)) for bucket, row in kept.items() if not row.sealed}
    wanted = _wanted(release, first)
    for low, high in _runs(missing):
        for bucket, body in count(release, low, high, wanted).items():
            if bucket in open_:
                body.asked, body.told = open_[bucket].asked, open_[bucket].told
            known[bucket] = body
    fresh = {*missing, *_marked_late(release, known, end, wanted)}
    return Gathered(first, [known[bucket] for bucket in range(first, end)], frozenset(fresh))


def _marked_late(release: Release, known: dict[int, Body], end: int, wanted: Wanted) -> list[int]:
    """The sealed buckets whose calls were marked since; counted anew."""
    before = (release.evaluated_to or 0) // SECONDS
    if end // MARKS_EVERY == before // MARKS_EVERY or not _reads_marks(release):
        return []
    far = MARKS_SELDOM if end // MARKS_SELDOM == before // MARKS_SELDOM else MARKS_FOR + MARKS_SELDOM
    first = max(min(known), end - far)
    versions = [release.stable, release.canary]
    there = compared.mark_counts(
        release.project_id, moment_of(first), moment_of(end), model=release.model, versions=versions,
        rules=wanted.rules, seconds=SECONDS,
    )  # fmt: skip
    late = [one for one in range(first, end) if there.get(one, 0) != sums.marks_in(known[one])]
    for low, high in _runs(late):
        marks = [_marks(release, version, moment_of(low), moment_of(high)) for version in versions]
        sums.remark(known, (marks[0], marks[1]), wanted)
    return late


def _reads_marks(release: Release) -> bool:
    return release.gates.filter(kind__in=("judge_score", "business_rule")).exists()


def count_all(release: Release, first: int, end: int, *, start: int) -> Gathered:
    """The same in shadow: from ``start`` on counted anew, before it as it was counted then; nothing is kept."""
    kept = {
        row.bucket: sums.unpack(bytes(row.body))
        for row in (release.evidence.filter(bucket__gte=first, bucket__lt=end) if release.pk else ())
    }
    wanted = _wanted(release, first)
    found = {bucket: body for bucket, body in kept.items() if bucket < start}
    for low, high in _runs([bucket for bucket in range(first, end) if bucket not in found]):
        found.update(count(release, low, high, wanted))
    for bucket, body in kept.items():
        found[bucket].asked, found[bucket].told = body.asked, body.told
    return Gathered(first, [found[bucket] for bucket in range(first, end)], frozenset(found))


def keep(release: Release, gathered: Gathered, *, now: dt.datetime) -> None:
    """Write down what was counted."""
    sealed = (clock.to_ms(now) // 1000 - SEALED_SECONDS) // SECONDS
    ReleaseEvidence.objects.bulk_create(
        [
            ReleaseEvidence(
                release=release, bucket=bucket, sealed=bucket < sealed,
                body=sums.pack(gathered.bodies[bucket - gathered.first]),
            )
            for bucket in sorted(gathered.fresh)
        ],
        update_conflicts=True, unique_fields=["release", "bucket"], update_fields=["sealed", "body"],
    )  # fmt: skip


def count(release: Release, first: int, end: int, wanted: Wanted) -> dict[int, Body]:
    """The sums of [first, end), read from the calls; a stretch with too many of them is halved."""
    span = moment_of(first), moment_of(end)
    try:
        arms = [_arm(release, version, *span) for version in (release.stable, release.canary)]
    except TooManyCallsError:
        if end - first == 1:
            raise
        middle = (first + end) // 2
        return count(release, first, middle, wanted) | count(release, middle, end, wanted)
    found = sums.bodies(arms[0], arms[1], first, end, wanted)
    known = {release.stable, release.canary}
    for bucket, version, n in compared.counts(
        release.project_id, *span, model=release.model, seconds=SECONDS
    ):
        if version not in known and bucket in found:
            found[bucket].others += n
    return found


def _arm(release: Release, version: str, start: dt.datetime, end: dt.datetime) -> Arm:
    place = (release.project_id, start, end)
    calls = compared.calls(*place, model=release.model, version=version)
    marks = _marks(release, version, start, end)
    nothing = np.full(calls["at"].size, "", dtype=object)
    decoding = calls["duration_seconds"] - np.nan_to_num(calls["ttft_seconds"])
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(decoding > 0, calls["output_tokens"] / decoding, np.nan)
    columns = {
        **{name: calls[name] for name in sums.MIXES},
        "bucket": calls["at"] // (SECONDS * 1000), "group": calls["group"], "error": calls["failed"],
        "stratum": calls[release.stratify] if release.stratify else nothing,
        "grounding": calls["grounding"], "finish": calls["finish_reason"],
        "duration": calls["duration_seconds"], "ttft": calls["ttft_seconds"], "speed": speed,
        "cost": calls["cost_usd"],
    }  # fmt: skip
    return Arm(columns, marks)


def _marks(release: Release, version: str, start: dt.datetime, end: dt.datetime) -> Columns:
    marks = compared.marks(
        release.project_id, start, end, model=release.model, version=version, stratum=release.stratify,
        sources=("judge", "rule"),
    )  # fmt: skip
    return {**marks, "bucket": marks["at"] // (SECONDS * 1000)}


def _wanted(release: Release, first: int) -> Wanted:
    """The strata are those that stable had before the release; they stay, so that a recount gives the same."""
    gates = list(release.gates.all()) if release.pk else []
    if not release.body.get("strata"):
        release.body["strata"] = _strata(release, first)
    return Wanted(
        tuple(gate.about for gate in gates if gate.kind == "finish_reason"),
        tuple(gate.about for gate in gates if gate.kind == "business_rule"),
        frozenset(release.body["strata"]),
    )


def _strata(release: Release, first: int) -> list[str]:
    """The commonest values among stable's calls of before; of the first hour where there was nothing before."""
    if not release.stratify:
        return [""]
    begin = release.started_at
    for start, end in ((moment_of(first), begin), (begin, begin + dt.timedelta(hours=1))):
        found = compared.commonest(
            release.project_id, start, end, model=release.model, version=release.stable,
            stratum=release.stratify, most=sums.MOST_STRATA,
        )  # fmt: skip
        if found:
            return found
    return []


def _runs(buckets: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive buckets as half-open runs, none too long."""
    found: list[tuple[int, int]] = []
    for bucket in buckets:
        if found and found[-1][1] == bucket and bucket - found[-1][0] < AT_ONCE:
            found[-1] = (found[-1][0], bucket + 1)
        else:
            found.append((bucket, bucket + 1))
    return found
