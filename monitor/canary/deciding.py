"""Decisions: by Vigil itself or by a person, each written down once and carried out by the actions."""

import datetime as dt

from django.db import transaction

from monitor.canary import acting, words
from monitor.canary.models import (
    LIVELY,
    DecisionKind,
    DecisionState,
    Mode,
    Release,
    ReleaseDecision,
    ReleaseStage,
    State,
)
from monitor.canary.proof import Proof
from monitor.canary.rollout import Move


class CantDecideError(ValueError):
    """A decision that this release can't have now; says why."""


def by_itself(release: Release, move: Move, *, now: dt.datetime) -> ReleaseDecision | None:
    """What the evidence asks for: carried out in automatic mode, else proposed. Once for each stage."""
    stage = _stage(release)
    state = (
        DecisionState.DONE
        if release.mode == Mode.AUTOMATIC or move.kind == "inconclusive"
        else DecisionState.PROPOSED
    )
    with transaction.atomic():
        made, new = ReleaseDecision.objects.get_or_create(
            release=release, stage=stage.position, kind=move.kind, by="",
            defaults={
                "at": now, "state": state, "share": move.share, "verdict": release.verdict,
                "reason": sentence(release),
            },
        )  # fmt: skip
        if not new and made.state == DecisionState.OVERTAKEN:
            made.state, made.at, made.reason, made.verdict = state, now, sentence(release), release.verdict
            made.save()
            new = True
        if new and made.state == DecisionState.DONE:
            _carry_out(release, made, now=now)
    return made if new else None


def begin(release: Release, *, now: dt.datetime) -> None:
    """In automatic mode the router is told of the first stage, too; once."""
    stage = release.stages.first()
    if release.mode != Mode.AUTOMATIC or release.state != State.OPEN or stage is None:
        return
    with transaction.atomic():
        made, new = ReleaseDecision.objects.get_or_create(
            release=release, stage=0, kind=DecisionKind.RESUME, by="",
            defaults={
                "at": now, "state": DecisionState.DONE, "share": stage.share, "verdict": release.verdict,
                "reason": "The first stage begins.",
            },
        )  # fmt: skip
        if new:
            acting.order(made, now=now)


def by_person(release: Release, kind: str, *, by: str, now: dt.datetime) -> ReleaseDecision:
    """Approve (the next stage, or all of it), hold, resume or roll back; raises CantDecideError."""
    if release.state not in LIVELY:
        message = f"the release is {State(release.state).label} already"
        raise CantDecideError(message)
    with transaction.atomic():
        chosen, share = _chosen(release, kind)
        ReleaseDecision.objects.filter(release=release, state=DecisionState.PROPOSED).update(
            state=DecisionState.OVERTAKEN
        )
        made = ReleaseDecision.objects.create(
            release=release, at=now, kind=chosen, state=DecisionState.DONE, stage=_stage(release).position,
            share=share, verdict=release.verdict, reason=sentence(release), by=by[:150],
        )  # fmt: skip
        _carry_out(release, made, now=now)
    return made


def _chosen(release: Release, kind: str) -> tuple[str, float | None]:
    match kind:
        case "approve":
            following = release.stages.filter(position__gt=_stage(release).position).first()
            if release.state in {State.ROLLING_BACK, State.ESCALATED}:
                message = "the release is on its way back; open a new one to try again"
                raise CantDecideError(message)
            if following is None or following.share >= 1.0:
                return DecisionKind.PROMOTE, 1.0
            return DecisionKind.ADVANCE, following.share
        case "hold":
            return DecisionKind.HOLD, None
        case "resume":
            if release.state != State.HELD:
                message = "the release is not held"
                raise CantDecideError(message)
            return DecisionKind.RESUME, None
        case "rollback":
            return DecisionKind.ROLLBACK, 0.0
        case _:
            message = f"{kind!r} can't be decided; approve, hold, resume or rollback can"
            raise CantDecideError(message)


def _carry_out(release: Release, made: ReleaseDecision, *, now: dt.datetime) -> None:
    match made.kind:
        case DecisionKind.ADVANCE:
            _advance(release, now=now)
        case DecisionKind.PROMOTE:
            _become(release, State.PROMOTED, ended_at=now)
        case DecisionKind.ROLLBACK:
            release.body.pop("proof", None)
            _become(release, State.ROLLING_BACK)
        case DecisionKind.HOLD | DecisionKind.INCONCLUSIVE:
            _become(release, State.HELD)
        case DecisionKind.RESUME:
            _become(release, State.OPEN)
    acting.order(made, now=now)


def _advance(release: Release, *, now: dt.datetime) -> None:
    stage = _stage(release)
    following = release.stages.filter(position__gt=stage.position).first()
    if following is not None:
        ReleaseStage.objects.filter(pk=stage.pk, ended_at=None).update(ended_at=now)
        ReleaseStage.objects.filter(pk=following.pk, began_at=None).update(began_at=now)
    if release.state == State.HELD:
        _become(release, State.OPEN)


def proved(release: Release, found: Proof, *, now: dt.datetime) -> None:
    """The end of a rollback: proved, or escalated until it is."""
    if found.state == "proved":
        _by_vigil(release, DecisionKind.PROVED, now=now)
        _become(release, State.ROLLED_BACK, ended_at=now)
    elif found.state == "unproved" and release.state != State.ESCALATED:
        _by_vigil(release, DecisionKind.ESCALATE, now=now)
        _become(release, State.ESCALATED)


def _by_vigil(release: Release, kind: str, *, now: dt.datetime) -> None:
    ReleaseDecision.objects.get_or_create(
        release=release, stage=_stage(release).position, kind=kind, by="",
        defaults={
            "at": now, "state": DecisionState.DONE, "verdict": release.verdict, "reason": sentence(release),
        },
    )  # fmt: skip


def overtake(release: Release, *, keep: str | None) -> None:
    """What was proposed and is no longer asked for."""
    ReleaseDecision.objects.filter(release=release, state=DecisionState.PROPOSED).exclude(
        kind=keep or ""
    ).update(state=DecisionState.OVERTAKEN)


def end(release: Release, *, now: dt.datetime) -> None:
    """Time is up; nothing was decided."""
    _become(release, State.ENDED, ended_at=now)


def sentence(release: Release, language: words.Language = "en") -> str:
    return words.sentence(facts(release), language)


def facts(release: Release) -> dict[str, object]:
    """A release as its sentence needs it."""
    body = release.body
    return {
        "canary": release.canary, "stable": release.stable, "verdict": release.verdict, "state": release.state,
        "gates": body.get("gates", []), "seen": body.get("seen"), "lacks": body.get("lacks"),
        "proof": body.get("proof"),
    }  # fmt: skip


def _stage(release: Release) -> ReleaseStage:
    found = release.stages.exclude(began_at=None).last()
    assert found is not None
    return found


def _become(release: Release, state: State, *, ended_at: dt.datetime | None = None) -> None:
    """Only from a state that still lives; who comes second changes nothing."""
    changed = Release.objects.filter(pk=release.pk, state__in=LIVELY).update(state=state, ended_at=ended_at)
    if changed:
        release.state, release.ended_at = state, ended_at
