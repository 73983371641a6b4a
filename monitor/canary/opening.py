"""How a release begins: by hand, by API, by a deploy webhook, or because a new version appeared."""

import datetime as dt
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Q

from monitor.canary.kinds import KINDS, USUAL
from monitor.canary.models import (
    LIVELY,
    Mode,
    Opened,
    Release,
    ReleaseGate,
    ReleasePolicy,
    ReleaseStage,
    Stratum,
)
from monitor.query import check
from monitor.store import compared, generations

LOOKBACK = dt.timedelta(days=2)
FARTHEST_BACK = dt.timedelta(days=60)
MOST_STAGES = 10
# a version is noticed when it has so many calls, while it is new
NOTICED_CALLS, NEW_FOR = 20, dt.timedelta(hours=6)
FIRST_HOUR = dt.timedelta(hours=1)
OLDER_BY = dt.timedelta(minutes=10)
STAGES = "5, 20, 50, 100"
MOST_NAME = 200


class BadReleaseError(ValueError):
    """A release that can't be opened; names the field and what it wants."""


class AlreadyOpenError(BadReleaseError):
    """The version is on its way already."""

    def __init__(self, release: Release) -> None:
        super().__init__(
            f"{release.canary} of {release.model} is on its way already, as release {release.pk}"
        )
        self.release = release


class StageWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage as somebody wants it, also as it comes over HTTP."""

    share: float
    least_minutes: float = 60.0
    least_calls: int = 100


class GateWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gate as somebody wants it, also as it comes over HTTP."""

    kind: str
    about: str = ""
    tolerance: float | None = None
    margin: float | None = None
    needed: bool = True
    pass_when: str = ""
    fail_when: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A release as somebody wants it. Empty ``stable``: the version with most calls. Empty gates: the usual."""

    model: str
    canary: str
    stable: str | None = None
    owner: str = ""
    note: str = ""
    mode: str = Mode.OBSERVE
    stages: Sequence[StageWish] = ()
    gates: Sequence[GateWish] = ()
    stratify: str = Stratum.ROUTE
    alpha: float = 0.05
    deadline_hours: float = 24.0
    started_at: dt.datetime | None = None
    opened_by: str = Opened.HAND


def open_release(project_id: int, wish: Wish, *, now: dt.datetime) -> Release:
    """Raises BadReleaseError, or AlreadyOpenError with the release that is open."""
    started = wish.started_at or now
    stable = wish.stable if wish.stable is not None else busiest(project_id, wish.model, wish.canary, started)
    stages = list(wish.stages) or stages_of(policy(project_id).stages)
    _check(wish, stable, stages, started, now)
    known = Release.objects.filter(
        project_id=project_id, model=wish.model, canary=wish.canary, state__in=LIVELY
    ).first()
    if known is not None:
        raise AlreadyOpenError(known)
    release = Release(
        project_id=project_id, model=wish.model, stable=stable, canary=wish.canary, owner=wish.owner[:150],
        note=wish.note, mode=wish.mode, opened_by=wish.opened_by, started_at=started, alpha=wish.alpha,
        stratify=wish.stratify, deadline_hours=wish.deadline_hours,
    )  # fmt: skip
    try:
        with transaction.atomic():
            release.save()
            complete(release, stages, wish.gates)
    except IntegrityError as error:
        message = f"the release could not be opened: {str(error).partition(chr(10))[0]}"
        raise BadReleaseError(message) from error
    return release


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


def stages_of(text: str) -> list[StageWish]:
    """``5, 20, 50, 100`` as stages; raises BadReleaseError."""
    found = []
    for part in re.split(r"[,\s→>]+", text.replace("%", " ").strip()):
        try:
            found.append(StageWish(float(part) / 100.0))
        except ValueError as error:
            message = f"stages: {part!r} is no percentage; write them as 5, 20, 50, 100"
            raise BadReleaseError(message) from error
    return found


def busiest(project_id: int, model: str, canary: str, at: dt.datetime) -> str:
    """The version that has most calls of the model, beside the canary."""
    rows = generations.versions(project_id, at - LOOKBACK, at + LOOKBACK)
    others = [row for row in rows if row.model == model and row.version != canary]
    if not others:
        message = f"stable: no other version of {model} had calls lately; say which one is stable"
        raise BadReleaseError(message)
    return others[0].version


def _check(
    wish: Wish, stable: str, stages: Sequence[StageWish], started: dt.datetime, now: dt.datetime
) -> None:
    problems = [
        (not wish.model or len(wish.model) > MOST_NAME, "model: missing, or longer than 200 characters"),
        (not wish.canary or len(wish.canary) > MOST_NAME, "canary: missing, or longer than 200 characters"),
        (stable == wish.canary, "canary: it must be another version than stable"),
        (wish.mode not in Mode.values, f"mode: {wish.mode!r} is none of {', '.join(Mode.values)}"),
        (wish.stratify not in Stratum.values, (f"stratify: {wish.stratify!r} is not one of "
         f"{', '.join(value for value in Stratum.values if value)} or empty")),
        (not 0 < wish.alpha <= 0.5, "alpha: must lie above 0 and not above 0.5"),
        (not 0 < wish.deadline_hours <= 24 * 14, "deadline_hours: must lie above 0 and not above 336"),
        (not 0 < len(stages) <= MOST_STAGES, f"stages: one to {MOST_STAGES} of them"),
        (any(not 0 < one.share <= 1 for one in stages), "stages: a share must lie above 0 and not above 1"),
        (any(later.share <= one.share for one, later in itertools.pairwise(stages)),
         "stages: each must have a greater share than the one before"),
        (any(one.least_minutes < 0 or one.least_calls < 0 for one in stages),
         "stages: least_minutes and least_calls can't be negative"),
        (started > now + dt.timedelta(days=1), "started_at: lies in the future"),
        (started < now - FARTHEST_BACK, "started_at: lies more than 60 days back"),
    ]  # fmt: skip
    for wrong, message in problems:
        if wrong:
            raise BadReleaseError(message)
    for gate in wish.gates:
        check_gate(gate)


def check_gate(gate: GateWish) -> None:
    """Raises BadReleaseError."""
    kind = KINDS.get(gate.kind)
    if kind is None:
        message = f"gates: no gate is called {gate.kind!r}; known are {', '.join(KINDS)}"
        raise BadReleaseError(message)
    if kind.needs_about and not gate.about:
        message = f"gates: {gate.kind} needs “about”: {kind.needs_about}"
        raise BadReleaseError(message)
    if kind.way in {"ratio", "tail"} and any(
        value is not None and value < 1 for value in (gate.tolerance, gate.margin)
    ):
        message = f"gates: {gate.kind}: tolerance and margin are factors of stable's rate, 1 or more"
        raise BadReleaseError(message)
    if gate.kind == "promql":
        if not (gate.pass_when or gate.fail_when):
            message = "gates: promql needs pass_when, fail_when or both"
            raise BadReleaseError(message)
        for name in ("pass_when", "fail_when"):
            text = getattr(gate, name)
            fault = check(filled(text, model="m", stable="v1", canary="v2", release="1")) if text else None
            if fault is not None:
                message = f"gates: promql {gate.about}: {name}: {fault.message}"
                raise BadReleaseError(message)


def filled(expr: str, *, model: str, stable: str, canary: str, release: str) -> str:
    """$model, $stable, $canary and $release as they stand inside PromQL's quotation marks."""
    for name, value in {"model": model, "stable": stable, "canary": canary, "release": release}.items():
        safe = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        expr = expr.replace(f"${name}", safe)
    return expr


def notice(project_id: int, *, now: dt.datetime) -> list[Release]:
    """Open a release, for observation, for every version that appeared beside another one."""
    if not policy(project_id).notice:
        return []
    opened = []
    for wish in unannounced(project_id, now - NEW_FOR, now):
        try:
            opened.append(open_release(project_id, wish, now=now))
        except BadReleaseError:
            continue
    return opened


def unannounced(project_id: int, start: dt.datetime, end: dt.datetime) -> list[Wish]:
    """Versions that began in [start, end) beside an older one, and of which no release tells."""
    rows = generations.versions(project_id, start - LOOKBACK, end)
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
