"""What pages and the API tell of releases: plain dataclasses, no querysets."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, When

from monitor.canary import deciding, export, opening, rollout, wishes, words
from monitor.canary.deciding import CantDecideError
from monitor.canary.kinds import KINDS
from monitor.canary.models import LIVELY, Mode, Opened, Release, RolloutAction, RunState, State
from monitor.canary.opening import AlreadyOpenError, ModelTakenError
from monitor.canary.wishes import BadReleaseError, GateWish, StageWish, Wish
from monitor.canary.words import Language
from monitor.core import clock

__all__ = [
    "KINDS", "AlreadyOpenError", "BadReleaseError", "CantDecideError", "GateWish", "Language", "Mode", "ModelTakenError",
    "Opened",
    "StageWish", "Wish", "words",
]  # fmt: skip

MOST_LISTED = 100


class NoReleaseError(LookupError):
    """The project has no such release."""


@dataclass(frozen=True, slots=True)
class StageRow:
    position: int
    share: float
    least_minutes: float
    least_calls: int
    began_at: dt.datetime | None
    ended_at: dt.datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class RunRow:
    action: str
    kind: str
    state: str
    attempts: int
    done_at: dt.datetime | None
    answer: str

    @property
    def failed(self) -> bool:
        return self.state in {RunState.REFUSED, RunState.GIVEN_UP}


@dataclass(frozen=True, slots=True)
class DecisionRow:
    at: dt.datetime
    kind: str
    state: str
    share: float | None
    verdict: str
    reason: str
    by: str
    runs: tuple[RunRow, ...]
    told: Mapping[str, str] = field(default_factory=dict)

    def why(self, language: Language) -> tuple[str, str]:
        """The reason, and the language it is in: English where it was not written down in the reader's."""
        return (self.told[language], language) if language in self.told else (self.reason, "en")


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release. ``facts``: what its sentence is made of; ``gates`` as ``gates.Found``, in dicts.

    ``verdict``: of the gates. ``go``: whether it may go on now, for other tools.
    """

    id: int
    model: str
    stable: str
    canary: str
    owner: str
    note: str
    mode: str
    state: str
    opened_by: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    verdict: str
    go: str
    decided_at: dt.datetime | None
    judged_to: dt.datetime | None
    alpha: float
    stratify: str
    facts: dict[str, Any]
    gates: tuple[dict[str, Any], ...]
    seen: dict[str, Any]
    lacks: tuple[str, ...]
    proof: dict[str, Any] | None
    arrival: dict[str, Any]
    mix: dict[str, float]
    calls: tuple[int, int]
    stages: tuple[StageRow, ...]
    last_error: str

    @property
    def lively(self) -> bool:
        return self.state in LIVELY

    def sentence(self, language: Language = "en") -> str:
        return words.sentence(self.facts, language)


@dataclass(frozen=True, slots=True)
class Whole:
    """A release with its history. ``times``: Unix ms of the ends of its buckets; paths and shares beside them."""

    row: ReleaseRow
    decisions: tuple[DecisionRow, ...]
    times: tuple[int, ...]
    paths: dict[str, dict[str, list[float]]]
    shares: tuple[float | None, ...]
    planned: tuple[tuple[int, float], ...] = field(default=())

    @property
    def refused(self) -> tuple[RunRow, ...]:
        """The actions that did not carry out the newest order."""
        newest = next((one for one in self.decisions if one.state == "done" and one.runs), None)
        return tuple(run for run in newest.runs if run.failed) if newest and self.row.lively else ()


def releases(project_id: int, *, model: str = "", canary: str = "", state: str = "") -> list[ReleaseRow]:
    """Those on their way first, then the newest; so many at most. Empty means any."""
    wanted = {"model": model, "canary": canary, "state": state}
    rows = Release.objects.filter(
        project_id=project_id, **{name: value for name, value in wanted.items() if value}
    )
    over = Case(When(state__in=LIVELY, then=0), default=1)
    rows = rows.order_by(over, "-started_at", "-id").prefetch_related("stages")
    return [_row(one) for one in rows[:MOST_LISTED]]


def find(project_id: int, identity: int | str) -> Release:
    """Raises NoReleaseError."""
    found = (
        Release.objects.filter(project_id=project_id, pk=int(identity)).select_related("project").first()
        if str(identity).isascii() and str(identity).isdecimal() and len(str(identity)) < 18
        else None
    )
    if found is None:
        message = f"there is no release {identity!r} in this project; GET /api/v1/releases lists them"
        raise NoReleaseError(message)
    return found


def one(project_id: int, identity: int | str) -> ReleaseRow:
    return _row(find(project_id, identity))


def whole(project_id: int, identity: int | str) -> Whole:
    """A release with its decisions, actions and paths; raises NoReleaseError."""
    release = find(project_id, identity)
    body = release.body
    decisions = release.decisions.prefetch_related("runs__action")
    return Whole(
        _row(release),
        tuple(_decision(one) for one in decisions)[::-1],
        tuple((bucket + 1) * 300_000 for bucket in body.get("buckets", ())),
        body.get("paths", {}),
        tuple(body.get("shares", ())),
        tuple((clock.to_ms(one.began_at), one.share) for one in release.stages.all() if one.began_at),
    )


def open_one(project_id: int, wish: Wish, *, now: dt.datetime) -> ReleaseRow:
    """Raises BadReleaseError."""
    return _row(opening.open_release(project_id, wish, now=now))


def stages_of(text: str) -> list[StageWish]:
    return wishes.stages_of(text)


def deploy_mode(project_id: int, *, may_decide: bool) -> str:
    """What a deploy opens; who may not decide leaves the deciding to people."""
    mode = opening.policy(project_id).deploy_mode
    return Mode.RECOMMEND if mode == Mode.AUTOMATIC and not may_decide else mode


def decide(
    project_id: int, identity: int | str, kind: str, *, by: str, now: dt.datetime, stage: int | None = None,
    override: bool = False,
) -> ReleaseRow:  # fmt: skip
    """Approve, hold, resume, roll back or close; raises NoReleaseError or CantDecideError."""
    release = find(project_id, identity)
    deciding.by_person(release, kind, by=by, now=now, stage=stage, override=override)
    return _row(release)


KEY = "key:"


def key_called(name: str) -> str:
    """Who decided, where it was a key and no person; no person's name has a colon."""
    return KEY + name


def key_name(by: str) -> str | None:
    """The name of the key that decided; None where it was a person or Vigil."""
    return by.removeprefix(KEY) if by.startswith(KEY) else None


def evidence(project_id: int, identity: int | str, *, now: dt.datetime) -> dict[str, Any]:
    """The whole evidence, for export."""
    return export.export(find(project_id, identity), now=now)


def actions(project_id: int) -> list[RolloutAction]:
    return list(RolloutAction.objects.filter(project_id=project_id, enabled=True))


def _row(release: Release) -> ReleaseRow:
    body = release.body
    facts = deciding.facts(release)
    calls = body.get("calls") or [0, 0]
    return ReleaseRow(
        id=release.pk, model=release.model, stable=release.stable, canary=release.canary, owner=release.owner,
        note=release.note, mode=release.mode, state=release.state, opened_by=release.opened_by,
        started_at=release.started_at, ended_at=release.ended_at, verdict=release.verdict,
        go=_go(release), decided_at=release.decided_at,
        judged_to=clock.from_ms(release.evaluated_to * 1000) if release.evaluated_to else None,
        alpha=release.alpha, stratify=release.stratify, facts=facts, gates=tuple(body.get("gates", ())),
        seen=body.get("seen") or {}, lacks=tuple(body.get("lacks") or ()), proof=body.get("proof"),
        arrival=body.get("arrival") or {}, mix=body.get("mix") or {}, calls=(calls[0], calls[1]),
        stages=tuple(_stage(release, one) for one in release.stages.all()), last_error=release.last_error,
    )  # fmt: skip


def _go(release: Release) -> str:
    """What was lacking in a stage that is over says nothing of the one that began since."""
    begun = [stage.position for stage in release.stages.all() if stage.began_at]
    if release.state == State.OPEN and release.body.get("stage") != max(begun, default=0):
        return rollout.go(release.verdict, release.state, ["share"])
    return rollout.go(release.verdict, release.state, release.body.get("lacks") or ())


def _stage(release: Release, stage: Any) -> StageRow:
    if stage.began_at is None:
        state = "later"
    elif stage.ended_at is not None or release.state in {State.PROMOTING, State.PROMOTED}:
        state = "passed"
    else:
        state = "now" if release.state in LIVELY else "ended"
    return StageRow(
        stage.position,
        stage.share,
        stage.least_minutes,
        stage.least_calls,
        stage.began_at,
        stage.ended_at,
        state,
    )


def _decision(row: Any) -> DecisionRow:
    return DecisionRow(
        row.at, row.kind, row.state, row.share, row.verdict, row.reason, row.by,
        tuple(
            RunRow(run.action.name, run.action.kind, run.state, run.attempts, run.done_at, run.answer)
            for run in row.runs.all()
        ),
        row.told,
    )  # fmt: skip
