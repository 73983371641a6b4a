"""Decisions: by Vigil itself or by a person, each written down once and carried out by the actions."""

import datetime as dt
from collections.abc import Callable
from typing import Any

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

# what Vigil may do by itself, and what people may decide; on the way back nothing but back
ITSELF: dict[str, frozenset[str]] = {
    State.OPEN: frozenset({"advance", "promote", "rollback", "inconclusive"}),
    State.HELD: frozenset({"rollback"}),
}
PEOPLE: dict[str, frozenset[str]] = {
    State.OPEN: frozenset({"approve", "hold", "rollback", "close"}),
    State.HELD: frozenset({"approve", "hold", "resume", "rollback", "close"}),
    State.PROMOTING: frozenset({"rollback", "close"}),
    State.ROLLING_BACK: frozenset({"rollback", "close"}),
    State.ESCALATED: frozenset({"rollback", "close"}),
}
KINDS = ("approve", "hold", "resume", "rollback", "close")


class CantDecideError(ValueError):
    """A decision that this release can't have now; says why."""


def by_itself(release: Release, move: Move, *, stage: int, now: dt.datetime) -> ReleaseDecision | None:
    """What the evidence on ``stage`` asks for: carried out in automatic mode, else proposed. Once for each stage."""
    with transaction.atomic():
        _lock(release)
        # somebody else decided while the calls were counted
        if move.kind not in ITSELF.get(release.state, ()) or _stage(release).position != stage:
            return None
        mixed = move.kind == "rollback" and bool(words.mixed(release.body.get("mix") or {}))
        state = (
            DecisionState.DONE
            if (release.mode == Mode.AUTOMATIC and not mixed) or move.kind == "inconclusive"
            else DecisionState.PROPOSED
        )
        made, new = ReleaseDecision.objects.get_or_create(
            release=release, stage=stage, kind=move.kind, by="",
            defaults={
                "at": now, "state": state, "share": move.share, "verdict": release.verdict, **_judged(release),
            },
        )  # fmt: skip
        if not new and _anew(made, state):
            told = _judged(release)
            made.state, made.at, made.verdict = state, now, release.verdict
            made.reason, made.told = told["reason"], told["told"]
            made.save()
            acting.forget(made, now=now)
            new = True
        if new and made.state == DecisionState.DONE:
            _carry_out(release, made, now=now)
        if mixed and release.mode == Mode.AUTOMATIC and release.state == State.OPEN:
            _hold_mixed(release, now=now)
    return made if new else None


def _hold_mixed(release: Release, *, now: dt.datetime) -> None:
    """What fails may only serve harder calls: held for a person, once in a stage; the way back is proposed."""
    mix = release.body.get("mix") or {}
    why = _told(lambda language: f"{sentence(release, language)} {words.mixed(mix, language)}")
    made, new = ReleaseDecision.objects.get_or_create(
        release=release, stage=_stage(release).position, kind=DecisionKind.INCONCLUSIVE, by="",
        defaults={"at": now, "state": DecisionState.DONE, "verdict": release.verdict, **why},
    )  # fmt: skip
    if new:
        _carry_out(release, made, now=now)


def _anew(made: ReleaseDecision, state: str) -> bool:
    """Whether what was decided once is to be decided again; a rollback is, while its release is not on the way back."""
    if made.state == DecisionState.OVERTAKEN:
        return True
    return state == DecisionState.DONE and (
        made.state == DecisionState.PROPOSED or made.kind == DecisionKind.ROLLBACK
    )


def begin(release: Release, *, now: dt.datetime) -> None:
    """In automatic mode the router is told of the first stage, too; once."""
    if release.mode != Mode.AUTOMATIC or release.state != State.OPEN:
        return
    with transaction.atomic():
        _lock(release)
        stage = _stage(release)
        if release.mode != Mode.AUTOMATIC or release.state != State.OPEN or stage.position:
            return
        # one that is planned for later
        if stage.began_at is not None and stage.began_at > now:
            return
        made, new = ReleaseDecision.objects.get_or_create(
            release=release, stage=0, kind=DecisionKind.RESUME, by="",
            defaults={
                "at": now, "state": DecisionState.DONE, "share": stage.share, "verdict": release.verdict,
                **_told(lambda language: words.pick(words.BEGINS, language)),
            },
        )  # fmt: skip
        if new:
            acting.order(made, now=now)


def by_person(
    release: Release, kind: str, *, by: str, now: dt.datetime, stage: int | None = None, override: bool = False
) -> ReleaseDecision:  # fmt: skip
    """Approve (the next stage, or all of it), hold, resume, roll back or close; raises CantDecideError.

    To close moves no traffic: the release is over, and what was ordered and not done yet is void.

    An approval is of one ``stage``: given again when that one is over, it changes nothing. ``override``: although
    the release fails.
    """
    with transaction.atomic():
        release.refresh_from_db(from_queryset=Release.objects.select_for_update())
        _allowed(release, kind)
        if kind == "approve":
            before = _approved(release, stage)
            if before is not None:
                return before
            if release.verdict == "fail" and not override:
                message = f"the release fails: {sentence(release)} Send override to approve it all the same"
                raise CantDecideError(message)
        chosen, share = _chosen(release, kind)
        ReleaseDecision.objects.filter(release=release, state=DecisionState.PROPOSED).update(
            state=DecisionState.OVERTAKEN
        )
        made = ReleaseDecision.objects.create(
            release=release, at=now, kind=chosen, state=DecisionState.DONE, stage=_stage(release).position,
            share=share, verdict=release.verdict, by=by[:150], **_judged(release),
        )  # fmt: skip
        _carry_out(release, made, now=now)
        # a look that is on its way did not know of it
        Release.objects.filter(pk=release.pk).update(looked=f"decided {made.pk}")
    return made


def _allowed(release: Release, kind: str) -> None:
    if kind not in KINDS:
        message = f"{kind!r} can't be decided; approve, hold, resume, rollback or close can"
        raise CantDecideError(message)
    if kind in PEOPLE.get(release.state, ()):
        return
    if release.state not in LIVELY:
        message = f"the release is {State(release.state).label} already"
    elif kind == "resume" and release.state == State.OPEN:
        message = "the release is not held"
    elif release.state == State.PROMOTING:
        message = "the release is being promoted; it can only be rolled back or closed"
    else:
        message = "the release is on its way back; open a new one to try again"
    raise CantDecideError(message)


def _approved(release: Release, stage: int | None) -> ReleaseDecision | None:
    """The decision that ended the stage which an approval means. Without a stage: one that was judged at all."""
    current = _stage(release)
    if stage is None:
        assert current.began_at is not None
        judged = (release.evaluated_to or 0) > current.began_at.timestamp()
        stage = current.position if judged or not current.position else current.position - 1
    if stage == current.position:
        return None
    made = release.decisions.filter(stage=stage, kind=DecisionKind.ADVANCE, state=DecisionState.DONE).last()
    if made is None:
        message = f"the release is in its stage {current.position}, not in stage {stage}"
        raise CantDecideError(message)
    return made


def _chosen(release: Release, kind: str) -> tuple[str, float | None]:
    match kind:
        case "approve":
            following = release.stages.filter(position__gt=_stage(release).position).first()
            if following is None or following.share >= 1.0:
                return DecisionKind.PROMOTE, 1.0
            return DecisionKind.ADVANCE, following.share
        case "hold":
            return DecisionKind.HOLD, None
        case "resume":
            return DecisionKind.RESUME, None
        case "close":
            return DecisionKind.CLOSE, None
        case _:
            return DecisionKind.ROLLBACK, 0.0


def _carry_out(release: Release, made: ReleaseDecision, *, now: dt.datetime) -> None:
    match made.kind:
        case DecisionKind.ADVANCE:
            _advance(release, now=now)
        case DecisionKind.PROMOTE:
            release.body.pop("proof", None)
            _become(release, State.PROMOTING)
        case DecisionKind.ROLLBACK:
            release.body.pop("proof", None)
            _become(release, State.ROLLING_BACK)
        case DecisionKind.HOLD | DecisionKind.INCONCLUSIVE:
            _become(release, State.HELD)
        case DecisionKind.RESUME:
            _become(release, State.OPEN)
        case DecisionKind.CLOSE:
            _become(release, State.ENDED, ended_at=now)
            acting.void(release, "the release was closed")
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
    """The end of a rollback: proved, or escalated until it is, and ordered again meanwhile."""
    with transaction.atomic():
        _lock(release)
        if release.state not in {State.ROLLING_BACK, State.ESCALATED}:
            return
        if found.state in {"proved", "gone"}:
            _by_vigil(release, DecisionKind.PROVED, now=now)
            _become(release, State.ROLLED_BACK, ended_at=now)
        elif release.state == State.ESCALATED:
            _again(release, now=now)
        elif found.state == "unproved":
            _by_vigil(release, DecisionKind.ESCALATE, now=now)
            _become(release, State.ESCALATED)


def arrived(release: Release, found: Proof, *, now: dt.datetime) -> None:
    """What became of the share that was ordered: a promotion ends with it; what does not come is ordered again."""
    with transaction.atomic():
        _lock(release)
        if release.state not in {State.OPEN, State.PROMOTING}:
            return
        if found.state == "unproved":
            _by_vigil(release, DecisionKind.STALLED, now=now)
            _again(release, now=now)
        elif found.state == "proved" and release.state == State.PROMOTING:
            _by_vigil(release, DecisionKind.ARRIVED, now=now)
            _become(release, State.PROMOTED, ended_at=now)


def _again(release: Release, *, now: dt.datetime) -> None:
    decision = acting.last_order(release)
    if decision is not None:
        acting.repeat(decision, now=now)


def _by_vigil(release: Release, kind: str, *, now: dt.datetime, why: dict[str, Any] | None = None) -> None:
    ReleaseDecision.objects.get_or_create(
        release=release, stage=_stage(release).position, kind=kind, by="",
        defaults={
            "at": now, "state": DecisionState.DONE, "verdict": release.verdict, **(why or _judged(release)),
        },
    )  # fmt: skip


def overtake(release: Release, *, keep: str | None) -> None:
    """What was proposed and is no longer asked for."""
    ReleaseDecision.objects.filter(release=release, state=DecisionState.PROPOSED).exclude(
        kind=keep or ""
    ).update(state=DecisionState.OVERTAKEN)


def end(release: Release, *, now: dt.datetime) -> None:
    """Time is up for a release that is only observed; nothing was decided."""
    with transaction.atomic():
        _lock(release)
        if release.state in ITSELF and release.mode == Mode.OBSERVE:
            _become(release, State.ENDED, ended_at=now)


def give_up(release: Release, reason: tuple[str, str], *, now: dt.datetime) -> None:
    """Nobody ended it, or its way back was never proved: that is noted, and what waits to be done is void."""
    seen = release.state
    with transaction.atomic():
        _lock(release)
        # somebody decided while the calls were counted
        if release.state != seen or seen not in LIVELY:
            return
        overtake(release, keep=None)
        _by_vigil(
            release, DecisionKind.CLOSE, now=now, why=_told(lambda language: words.pick(reason, language))
        )
        acting.void(release, "the release has ended")
        _become(release, State.ENDED, ended_at=now)


def _told(tell: Callable[[words.Language], str]) -> dict[str, Any]:
    """A reason as it is written down: in every language, for it is read much later, and by anybody."""
    return {"reason": tell("en"), "told": {"zh": tell("zh")}}


def _judged(release: Release) -> dict[str, Any]:
    return _told(lambda language: sentence(release, language))


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


def _lock(release: Release) -> None:
    """Until the transaction ends nobody else decides; what was decided meanwhile is known now."""
    fresh = Release.objects.select_for_update().only("state", "ended_at", "mode").get(pk=release.pk)
    release.state, release.ended_at, release.mode = fresh.state, fresh.ended_at, fresh.mode


def _stage(release: Release) -> ReleaseStage:
    found = release.stages.exclude(began_at=None).last()
    assert found is not None
    return found


def _become(release: Release, state: State, *, ended_at: dt.datetime | None = None) -> None:
    """Only from a state that still lives; who comes second changes nothing."""
    changed = Release.objects.filter(pk=release.pk, state__in=LIVELY).update(state=state, ended_at=ended_at)
    if changed:
        release.state, release.ended_at = state, ended_at
