"""Releases of the past once more, in shadow: what would have been said and decided, and nobody is told."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from monitor.canary import gather, opening, run, words
from monitor.canary.buckets import BEFORE, SECONDS
from monitor.canary.gates import Judged, judge
from monitor.canary.gather import Gathered
from monitor.canary.kinds import USUAL
from monitor.canary.models import Release, ReleaseStage
from monitor.canary.paths import Gate, Plan
from monitor.canary.rollout import View, next_move
from monitor.canary.shares import observe
from monitor.canary.sums import Body
from monitor.canary.table import Mixes, mixed


@dataclass(frozen=True, slots=True)
class Line:
    """A change of the verdict, or a move that automatic mode would have made. ``at``: when its bucket was closed."""

    at: dt.datetime
    what: str
    model: str
    stable: str
    canary: str
    said: str
    reason: str


def rehearse(project_id: int, start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> Iterator[Line]:
    """Every release that was on its way in [start, end), and every version that appeared in it without one.

    Of a release that began before, what happened before ``start`` is taken as it was counted then.
    """
    known = Release.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=start), project_id=project_id, started_at__lt=end
    )
    for release in known:
        gates, stages = run.gates_of(list(release.gates.all())), list(release.stages.all())
        lines = _one(release, gates, stages, start, min(end, release.ended_at or end))
        yield from (line for line in lines if line.at >= start)
    for wish in opening.unannounced(project_id, start, end):
        release = Release(
            project_id=project_id, model=wish.model, stable=wish.stable or "", canary=wish.canary,
            started_at=wish.started_at or start, stratify=wish.stratify,
        )  # fmt: skip
        gates = [Gate(kind, kind, needed=needed) for kind, needed in USUAL]
        stages = [ReleaseStage(position=0, share=wish.stages[0].share, began_at=wish.started_at)]
        yield from _one(release, gates, stages, start, min(end, now))


def _one(
    release: Release, gates: list[Gate], stages: list[ReleaseStage], start: dt.datetime, end: dt.datetime
) -> Iterator[Line]:
    """One release bucket by bucket."""
    first = gather.bucket_of(release.started_at) - BEFORE
    last = gather.closed(end + dt.timedelta(seconds=gather.CLOSED_SECONDS))
    if last <= first + BEFORE:
        return
    gathered = gather.count_all(release, first, last, start=gather.bucket_of(start))
    plan = run.plan_of(release, stages, first, len(gathered.bodies))
    judged = judge(gathered.bodies, gates, plan)
    yield from _verdicts(release, gathered, judged, plan)
    yield from _moves(release, gathered, judged, stages)


def _verdicts(release: Release, gathered: Gathered, judged: Judged, plan: Plan) -> Iterator[Line]:
    before = "undecided"
    for place, verdict in enumerate(judged.verdicts()):
        if place >= plan.begins[0] and verdict != before:
            failed = [
                words.gate_name(path.gate.kind, path.gate.about)
                for path in judged.paths
                if path.failed()[place]
            ]
            yield _line(release, gathered, place, "verdict", verdict, ", ".join(failed))
            before = verdict


def _moves(
    release: Release, gathered: Gathered, judged: Judged, stages: list[ReleaseStage]
) -> Iterator[Line]:
    """The first move of each stage; one that is held waits for a person, and is rolled back when it fails."""
    verdicts = judged.verdicts()
    mixes = _Apart(release, gathered.bodies, gather.bucket_of(release.started_at) - gathered.first)
    for number, stage in enumerate(stages):
        if stage.began_at is None:
            continue
        begin = gather.bucket_of(stage.began_at) - gathered.first
        following = stages[number + 1] if number + 1 < len(stages) else None
        edge = len(gathered.bodies)
        if following is not None and following.began_at is not None:
            edge = min(edge, gather.bucket_of(following.began_at) - gathered.first)
        held = False
        for place in range(max(0, begin), edge):
            far = mixes.upto(place)
            move = next_move(View(
                held=held, stage=stage.position, next_share=following.share if following else None,
                least_minutes=stage.least_minutes, least_calls=stage.least_calls,
                deadline_hours=release.deadline_hours, minutes=(place + 1 - begin) * SECONDS / 60,
                verdict=verdicts[place], seen=observe(gathered.bodies[begin : place + 1], stage.share, run.share_before(stages, stage)),
                alike=not far,
            ))  # fmt: skip
            kind = move.kind if move else None
            if kind == "rollback" and far:
                # held for a person, once
                kind = None if held else "inconclusive"
            if kind is not None:
                yield _line(release, gathered, place, "move", kind, f"stage of {stage.share:.0%}")
                held = kind == "inconclusive"
                if not held:
                    break


class _Apart:
    """By what the versions served calls too far apart up to a bucket; asked of one after the other."""

    def __init__(self, release: Release, bodies: Sequence[Body], first: int) -> None:
        self._release, self._bodies, self._next = release, bodies, first
        self._mixes = Mixes()

    def upto(self, place: int) -> dict[str, float]:
        for body in self._bodies[self._next : place + 1]:
            self._mixes.add(body)
        self._next = max(self._next, place + 1)
        return mixed(run.apart(self._release.stratify, self._mixes.distances()))


def _line(release: Release, gathered: Gathered, place: int, what: str, said: str, reason: str) -> Line:
    at = gather.moment_of(gathered.first + place + 1) + dt.timedelta(seconds=gather.CLOSED_SECONDS)
    return Line(at, what, release.model, release.stable, release.canary, said, reason)
