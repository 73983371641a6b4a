"""How a release begins: by hand, by API, by a deploy webhook, or because a new version appeared."""

import datetime as dt
from collections.abc import Sequence

from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from monitor.canary.kinds import USUAL
from monitor.canary.models import (
    LIVELY,
    Mode,
    Opened,
    Release,
    ReleaseGate,
    ReleasePolicy,
    ReleaseStage,
    State,
    Verdict,
)
from monitor.canary.wishes import BadReleaseError, GateWish, StageWish, Wish, check_wish, stages_of
from monitor.store.calls import compared, generations, lately
from monitor.store.models import Project

LOOKBACK = dt.timedelta(days=2)
# a version is noticed when it has so many calls, however slowly they come while one looks back
NOTICED_CALLS = 20
FIRST_HOUR = dt.timedelta(hours=1)
OLDER_BY = dt.timedelta(minutes=10)


class AlreadyOpenError(BadReleaseError):
    """The version is on its way already."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"{release.canary} of {release.model} is on its way already, as release {release.pk}"
        )
        self.release = release


class ModelTakenError(BadReleaseError):
    """Another release moves the traffic of the model by itself."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"mode: release {release.pk} ({release.canary}) moves the traffic of {release.model} by itself already; "
            "wait for its end or close it, or open this one with mode recommend"
        )
        self.release = release


def open_release(project_id: int, wish: Wish, *, now: dt.datetime) -> Release:
    """Raises BadReleaseError, or AlreadyOpenError with the release that is open.

    One that was only noticed is taken over: it begins anew, as wished.
    """
    stages = list(wish.stages) or stages_of(policy(project_id).stages)
    check_wish(wish, stages, now)
    started = wish.started_at or now
    stable = wish.stable if wish.stable is not None else busiest(project_id, wish.model, wish.canary, started)
    try:
        with transaction.atomic():
            # one after the other: what is open already is known for sure
            Project.objects.select_for_update(no_key=True).get(pk=project_id)
            known = _known(project_id, wish)
            if known is not None and not _only_noticed(known, wish):
                raise AlreadyOpenError(known)
            if wish.mode == Mode.AUTOMATIC:
                check_alone(project_id, wish.model, wish.canary)
            release = known or Release(project_id=project_id, model=wish.model, canary=wish.canary)
            if known is not None:
                _forget(known)
            release.stable, release.owner, release.note = stable, wish.owner[:150], wish.note
            release.mode, release.opened_by, release.started_at = wish.mode, wish.opened_by, started
            release.alpha, release.stratify = wish.alpha, wish.stratify
            release.deadline_hours = wish.deadline_hours
            release.save()
            complete(release, stages, wish.gates)
    except (IntegrityError, DataError) as error:
        known = _known(project_id, wish)
        if known is not None:
            raise AlreadyOpenError(known) from error
        message = f"the release could not be opened: {str(error).partition(chr(10))[0]}"
        raise BadReleaseError(message) from error
    return release


def _known(project_id: int, wish: Wish) -> Release | None:
    return Release.objects.filter(
        project_id=project_id, model=wish.model, canary=wish.canary, state__in=LIVELY
    ).first()


def _only_noticed(release: Release, wish: Wish) -> bool:
    """Nobody asked for it and nothing was moved: who asks now may have it."""
    return (
        release.opened_by == Opened.NOTICED
        and release.mode == Mode.OBSERVE
        and release.state in {State.OPEN, State.HELD}
        and wish.opened_by != Opened.NOTICED
    )


def _forget(release: Release) -> None:
    """What was counted and planned for a release counts no longer; points that were written stay."""
    release.evidence.all().delete()
    release.stages.all().delete()
    release.gates.all().delete()
    release.body = {"told_to": release.body.get("told_to", 0)}
    release.state, release.verdict = State.OPEN, Verdict.UNDECIDED
    release.evaluated_to = release.decided_at = None
    release.last_error = release.looked = ""


def check_alone(project_id: int, model: str, canary: str) -> None:
    """Raises ModelTakenError. Two that move the traffic of one model by themselves would undo each other's shares."""
    other = (
        Release.objects.filter(project_id=project_id, model=model, mode=Mode.AUTOMATIC, state__in=LIVELY)
        .exclude(canary=canary)
        .first()
    )
    if other is not None:
        raise ModelTakenError(other)


def complete(release: Release, stages: Sequence[StageWish] = (), gates: Sequence[GateWish] = ()) -> None:
    """Stages and gates as wished, where there are none yet; without a wish the usual ones. The first one begins."""
    if not release.stages.exists():
        ReleaseStage.objects.bulk_create(
            ReleaseStage(
                release=release, position=place, share=one.share, least_minutes=one.least_minutes,
                least_calls=one.least_calls,
            )
            for place, one in enumerate(stages or stages_of(policy(release.project_id).stages))
        )  # fmt: skip
    if not release.gates.exists():
        ReleaseGate.objects.bulk_create(
            ReleaseGate(
                release=release, kind=one.kind, about=one.about, tolerance=one.tolerance, margin=one.margin,
                needed=one.needed, pass_when=one.pass_when, fail_when=one.fail_when,
            )
            for one in (gates or [GateWish(kind, needed=needed) for kind, needed in USUAL])
        )  # fmt: skip
    first = release.stages.first()
    if first is not None and not release.stages.exclude(began_at=None).exists():
        ReleaseStage.objects.filter(pk=first.pk).update(began_at=release.started_at)


def policy(project_id: int) -> ReleasePolicy:
    """The project's policy, or what is usual."""
    return ReleasePolicy.objects.filter(project_id=project_id).first() or ReleasePolicy(project_id=project_id)


def busiest(project_id: int, model: str, canary: str, at: dt.datetime) -> str:
    """The version that has most calls of the model, beside the canary."""
    rows = lately.versions(project_id, at - LOOKBACK, at + LOOKBACK, model=model)
    others = [row for row in rows if row.version != canary]
    if not others:
        message = f"stable: no other version of {model} had calls lately; say which one is stable"
        raise BadReleaseError(message)
    return others[0].version


def notice(project_id: int, *, now: dt.datetime) -> list[Release]:
    """Open a release, for observation, for every version that appeared beside another one."""
    if not policy(project_id).notice:
        return []
    opened = []
    for wish in unannounced(project_id, now - LOOKBACK, now):
        try:
            opened.append(open_release(project_id, wish, now=now))
        except BadReleaseError:
            continue
    return opened


def unannounced(project_id: int, start: dt.datetime, end: dt.datetime) -> list[Wish]:
    """Versions that began in [start, end) beside an older one, and of which no release tells."""
    rows = lately.versions(project_id, start - LOOKBACK, end)
    found = []
    for row in rows:
        if row.n < NOTICED_CALLS or not row.version:
            continue
        # two that began together are neither old nor new
        older = [
            one for one in rows
            if one.model == row.model and one.version != row.version and one.first <= row.first - OLDER_BY
        ]  # fmt: skip
        beside = [one for one in older if one.last >= row.first]
        told = Release.objects.filter(
            Q(canary=row.version) | Q(stable=row.version), project_id=project_id, model=row.model
        )
        if not beside or told.exists():
            continue
        first = generations.first_of(project_id, row.model, row.version)
        if first is None or not start <= first < end:
            continue
        share = first_share(project_id, row.model, row.version, first)
        found.append(Wish(
            row.model, row.version, beside[0].version, opened_by=Opened.NOTICED, started_at=first,
            mode=Mode.OBSERVE, stages=[StageWish(share)],
        ))  # fmt: skip
    return found


def first_share(project_id: int, model: str, version: str, first: dt.datetime) -> float:
    """The share that a version had in its first hour: nobody has told us a plan, so that is taken for one."""
    counted = compared.counts(
        project_id, first, first + FIRST_HOUR, model=model, seconds=int(FIRST_HOUR.total_seconds())
    )
    total = sum(n for _, _, n in counted)
    mine = sum(n for _, name, n in counted if name == version)
    return max(0.01, round(mine / total, 2)) if total else 1.0
