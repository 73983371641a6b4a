"""One look at each release that is on its way: count, judge, write series, decide, and see to it that it happens.

In event time, and safe to break off: what was counted is kept, and what was decided is decided once.
"""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models.fields.json import KT

from monitor.canary import acting, asking, deciding, gather, opening, proof, rollout, series, shares, words
from monitor.canary.buckets import SECONDS
from monitor.canary.gates import Judged, judge
from monitor.canary.gather import Gathered
from monitor.canary.models import LIVELY, DecisionKind, Mode, Release, ReleaseGate, ReleaseStage, State
from monitor.canary.paths import Gate, Plan
from monitor.canary.table import mix_distance, mixed
from monitor.canary.wishes import LONGEST
from monitor.core import clock
from monitor.store.models import Project

log = logging.getLogger("vigil.canary")

# points of a path that a page draws
DRAWN = 300
FRESH = (
    "stable", "mode", "state", "opened_by", "started_at", "ended_at", "alpha", "stratify", "deadline_hours", "body",
    "evaluated_to", "verdict", "decided_at", "looked",
)  # fmt: skip


def run_due(*, now: dt.datetime) -> int:
    """Look at every release of which there is anything new; how many. One that goes wrong stops no other.

    Between two buckets nothing is new unless somebody decided; what an alert rule reads is said again all the same.
    """
    rows = (
        Release.objects.filter(state__in=LIVELY, project__deleted_at=None)
        .select_related("project").defer("body").annotate(arrival=KT("body__arrival__state"), proof=KT("body__proof__state"))
    )  # fmt: skip
    looked = 0
    try:
        for release in rows:
            if release.looked and release.looked == _mark(release, gather.closed(now)):
                _tell_again(release, now=now)
            else:
                looked += 1
                step(release, now=now)
    finally:
        acting.run_due(now=now)
    return looked


def _mark(release: Release, end: int) -> str:
    """Of a look at a release: nothing is new while it is the same."""
    return f"{end} {release.state} {release.mode}"


def _tell_again(release: Any, *, now: dt.datetime) -> None:
    """A series stands for five minutes, and a look is as far from the next one."""
    if release.state in {State.OPEN, State.PROMOTING} and release.arrival == "unproved":
        series.missing(release, value=1.0, now=now)
    if release.state in {State.ROLLING_BACK, State.ESCALATED} and release.proof == "unproved":
        series.unproved(release, value=1.0, now=now)


def notice_new(*, now: dt.datetime) -> int:
    """Open a release for every version that appeared; how many."""
    return sum(
        len(opening.notice(project.pk, now=now)) for project in Project.objects.filter(deleted_at=None)
    )


def step(release: Release, *, now: dt.datetime) -> None:
    """Look at one release; what goes wrong is noted on it, whatever it is."""
    started, noted = clock.monotonic(), {}
    try:
        # the row may be older than what a person decided since
        release.refresh_from_db(fields=FRESH)
        if release.state not in LIVELY:
            return
        deciding.begin(release, now=now)
        looked = release.looked
        end = _look(release, now=now)
        noted = {"last_ok": now, "last_error": ""}
        if end is not None:
            # not where somebody decided meanwhile
            same = Release.objects.filter(pk=release.pk, looked=looked, state=release.state)
            same.update(looked=_mark(release, end))
    except Exception as error:
        log.exception("release %s", release.pk)
        noted = {"last_error": f"{type(error).__name__}: {error}".replace("\x00", "")}
    # the row alone: what a broken look left in the object is not kept, and the release may be gone
    Release.objects.filter(pk=release.pk).update(**noted, last_duration=clock.monotonic() - started)


def gates_of(rows: Sequence[ReleaseGate]) -> list[Gate]:
    """The gates as they are judged; ``key`` names them in series."""
    return [
        Gate(
            f"{row.kind}:{row.about}" if row.about else row.kind, row.kind, row.about, row.tolerance, row.margin,
            row.needed,
        )
        for row in rows
    ]  # fmt: skip


def plan_of(release: Release, stages: Sequence[ReleaseStage], first: int, buckets: int) -> Plan:
    """The plan over so many buckets from ``first`` on; a stage that begins after them is not in it yet."""
    begins = sorted({gather.bucket_of(stage.began_at) - first for stage in stages if stage.began_at})
    seen = tuple(begin for begin in begins if begin < buckets)
    return Plan(release.alpha, seen, len(stages), stages[0].share if stages else 1.0)


def _look(release: Release, *, now: dt.datetime) -> int | None:
    """Up to which bucket it was looked at; None: there was nothing to look at, or somebody else's release now."""
    end, begin = gather.closed(now), gather.bucket_of(release.started_at)
    if end <= begin:
        return None
    rows, stages = list(release.gates.all()), list(release.stages.all())
    gates = gates_of(rows)
    gathered = gather.gather(release, end)
    _ask(release, gathered, list(zip(gates, rows, strict=True)), begin)
    plan = plan_of(release, stages, gathered.first, len(gathered.bodies))
    judged = judge(gathered.bodies, gates, plan)
    _note(release, gathered, judged, plan, stages)
    release.evaluated_to = gathered.end * SECONDS
    with transaction.atomic():
        # it may have been taken over meanwhile, and then this was another plan
        if not _same(release):
            return None
        # an export sees either both or neither
        gather.keep(release, gathered, now=now)
        release.save(update_fields=["evaluated_to", "verdict", "decided_at", "body"])
    _tell(release, gathered, judged, stages, now=now)
    if release.state in {State.ROLLING_BACK, State.ESCALATED}:
        _prove(release, gathered, gates, now=now)
        return gathered.end
    _move(release, gathered, stages, now=now)
    _arrive(release, gathered, stages, now=now)
    going_on = release.state in {State.OPEN, State.HELD, State.PROMOTING}
    if going_on and release.verdict != "fail" and _too_long(release.started_at, gathered, now):
        deciding.give_up(release, words.not_ended(LONGEST.days), now=now)
    return gathered.end


def _tell(
    release: Release, gathered: Gathered, judged: Judged, stages: Sequence[ReleaseStage], *, now: dt.datetime
) -> None:
    """Its series, as far as they were not told before."""
    told_to = release.body["told_to"]
    goes = going(release, gathered, judged, stages, since=series.first_untold(release, told_to))
    release.body["told_to"] = series.write(release, gathered, judged, goes, after=told_to, now=now)
    with transaction.atomic():
        if _same(release):
            release.save(update_fields=["body"])


def _too_long(since: dt.datetime, gathered: Gathered, now: dt.datetime) -> bool:
    """Whether nobody need wait any longer; only once everything is counted and decided."""
    return now - since > LONGEST and gathered.end >= gather.closed(now)


def _same(release: Release) -> bool:
    """Whether it is still the release that was looked at; locked until the transaction ends."""
    found = Release.objects.select_for_update().filter(
        pk=release.pk, started_at=release.started_at, opened_by=release.opened_by
    )
    return found.exists()


def _ask(release: Release, gathered: Gathered, gates: Sequence[tuple[Gate, ReleaseGate]], begin: int) -> None:
    """Series are asked at the end of each bucket, once; what they said is kept with what was counted."""
    asked = [pair for pair in gates if pair[0].of.way == "asked"]
    told = [pair for pair in gates if pair[0].of.way == "told"]
    for bucket in sorted(gathered.fresh) if asked or told else ():
        body = gathered.bodies[bucket - gathered.first]
        if bucket < begin:
            continue
        at = gather.moment_of(bucket + 1)
        if not all(gate.key in body.asked for gate, _ in asked):
            body.asked = asking.answers(release, asked, at)
        if not all(gate.key in body.told for gate, _ in told):
            body.told = asking.differences(release, told, at)


def _note(
    release: Release, gathered: Gathered, judged: Judged, plan: Plan, stages: Sequence[ReleaseStage]
) -> None:
    """What pages and the gate API tell."""
    verdicts = judged.verdicts()
    release.verdict = verdicts[-1]
    first = decisive(verdicts)
    release.decided_at = None if first is None else gather.moment_of(gathered.first + first + 1)
    stage = current(stages)
    seen = observed(gathered, stages)
    begin, end = plan.begins[0], len(gathered.bodies)
    # the newest is among them
    places = list(range(end - 1, begin - 1, -max(1, (end - begin) // DRAWN)))[::-1]
    # first of all: what it lacks depends on it
    release.body["mix"] = apart(release.stratify, mix_distance(gathered.bodies[begin:]))
    promoting = release.state == State.PROMOTING
    release.body = {
        "strata": release.body.get("strata", [""]),
        "gates": [one.to_json() for one in judged.found],
        "seen": {"arrival": seen.arrival, "share": seen.share, "planned": seen.planned, "calls": seen.calls},
        "stage": stage.position,
        "lacks": [] if promoting else rollout.lacks(view_of(release, gathered, stages)),
        "buckets": [gathered.first + place for place in places],
        "paths": judged.drawn(places),
        "shares": [shares.share_of(gathered.bodies[place]) for place in places],
        "calls": [sum(body.calls(arm) for body in gathered.bodies[begin:]) for arm in (0, 1)],
        "mix": release.body["mix"],
        "told_to": release.body.get("told_to", 0),
        **{name: release.body[name] for name in ("proof", "arrival") if name in release.body},
    }


def decisive(verdicts: Sequence[str]) -> int | None:
    """The place from which on the last verdict stands; None while it is undecided."""
    last = verdicts[-1] if verdicts else "undecided"
    if last == "undecided":
        return None
    if last == "fail":
        return verdicts.index(last)
    return next((place + 1 for place in range(len(verdicts) - 1, -1, -1) if verdicts[place] != last), 0)


def apart(stratify: str, mix: Mapping[str, float]) -> dict[str, float]:
    """The dimensions in which the arms serve different people, and by which nobody told them apart."""
    return {name: round(far, 4) for name, far in mix.items() if far > 0.05 and name != stratify}


def current(stages: Sequence[ReleaseStage]) -> ReleaseStage:
    """The stage that began last."""
    return [stage for stage in stages if stage.began_at][-1]


def observed(gathered: Gathered, stages: Sequence[ReleaseStage]) -> shares.Seen:
    stage = current(stages)
    assert stage.began_at is not None
    since = gather.bucket_of(stage.began_at) - gathered.first
    return shares.observe(gathered.bodies[max(0, since) :], stage.share, share_before(stages, stage))


def share_before(stages: Sequence[ReleaseStage], stage: ReleaseStage) -> float:
    """The share of the stage that one followed; none before the first."""
    return max((one.share for one in stages if one.position < stage.position), default=0.0)


def going(
    release: Release, gathered: Gathered, judged: Judged, stages: Sequence[ReleaseStage], *, since: int
) -> dict[int, str]:
    """The answer to other tools after each bucket from ``since`` on, by place."""
    found: dict[int, str] = {}
    for place in range(max(0, since - gathered.first), len(gathered.bodies)):
        until = Gathered(gathered.first, gathered.bodies[: place + 1], frozenset())
        begun = [
            one for one in stages if one.began_at and gather.bucket_of(one.began_at) <= gathered.first + place
        ]
        verdict = judged.verdict(place)
        lacking = rollout.lacks(_view(release, until, begun, None, verdict)) if begun else ["share"]
        found[place] = rollout.go(verdict, release.state, lacking)
    return found


def view_of(release: Release, gathered: Gathered, stages: Sequence[ReleaseStage]) -> rollout.View:
    stage = current(stages)
    later = [one for one in stages if one.position > stage.position]
    return _view(release, gathered, stages, later[0].share if later else None, release.verdict)


def _view(
    release: Release, gathered: Gathered, stages: Sequence[ReleaseStage], next_share: float | None, verdict: str
) -> rollout.View:  # fmt: skip
    stage = current(stages)
    assert stage.began_at is not None
    minutes = (gathered.end * SECONDS - clock.to_ms(stage.began_at) / 1000) / 60
    return rollout.View(
        held=release.state == State.HELD, stage=stage.position, next_share=next_share,
        least_minutes=stage.least_minutes, least_calls=stage.least_calls,
        deadline_hours=release.deadline_hours, minutes=minutes,
        verdict=verdict, seen=observed(gathered, stages),  # type: ignore[arg-type] # its choices are these
        alike=not mixed(release.body.get("mix") or {}),
    )  # fmt: skip


def _move(release: Release, gathered: Gathered, stages: Sequence[ReleaseStage], *, now: dt.datetime) -> None:
    view = view_of(release, gathered, stages)
    if release.state not in {State.OPEN, State.HELD}:
        return
    if release.mode == Mode.OBSERVE:
        if view.minutes >= 60 * view.deadline_hours:
            deciding.end(release, now=now)
        return
    move = rollout.next_move(view)
    deciding.overtake(release, keep=move.kind if move else None)
    if move is not None:
        deciding.by_itself(release, move, stage=view.stage, now=now)


def _arrive(
    release: Release, gathered: Gathered, stages: Sequence[ReleaseStage], *, now: dt.datetime
) -> None:
    """Whether the share that was ordered has come; a promotion is done when the traffic says so."""
    decided = acting.last_order(release)
    if decided is None or decided.share is None or release.state not in {State.OPEN, State.PROMOTING}:
        return
    after = gathered.bodies[max(0, gather.bucket_of(decided.at) - gathered.first) :]
    wanted = proof.ALL
    if release.state == State.OPEN:
        wanted = shares.least(decided.share, share_before(stages, current(stages)))
    found = proof.arrived(after, wanted)
    release.body["arrival"] = _told(found)
    if release.state == State.PROMOTING:
        release.body["proof"] = _told(found)
    with transaction.atomic():
        release.save(update_fields=["body"])
        deciding.arrived(release, found, now=now)
    series.missing(release, value=1.0 if found.state == "unproved" else 0.0, now=now)


def _told(found: proof.Proof) -> dict[str, object]:
    return {"state": found.state, "reason": found.reason, "share": found.share, "gate": found.gate}


def _prove(release: Release, gathered: Gathered, gates: Sequence[Gate], *, now: dt.datetime) -> None:
    """A rollback is done when the traffic says so, not when somebody answered 200."""
    decided = release.decisions.filter(kind=DecisionKind.ROLLBACK, state="done").last()
    if decided is None:
        return
    edge = gather.bucket_of(decided.at) - gathered.first
    failed_keys = {one["key"] for one in release.body["gates"] if one["verdict"] == "fail"}
    found = proof.prove(
        gathered.bodies[:edge], gathered.bodies[edge:], [gate for gate in gates if gate.key in failed_keys]
    )
    release.body["proof"] = _told(found)
    with transaction.atomic():
        release.save(update_fields=["body"])
        deciding.proved(release, found, now=now)
    series.unproved(release, value=1.0 if found.state == "unproved" else 0.0, now=now)
    on_its_way_back = release.state in {State.ROLLING_BACK, State.ESCALATED}
    if on_its_way_back and _too_long(decided.at, gathered, now):
        deciding.give_up(release, words.not_shown(LONGEST.days), now=now)
