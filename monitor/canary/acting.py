"""Orders to whoever routes the traffic: given once, given again while the other side can't, and noted."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote

from django.db.models import Q

from monitor.canary.actions import ACTIONS
from monitor.canary.actions.base import Intent, LaterError, Order, RefusedError
from monitor.canary.models import (
    DecisionKind,
    DecisionState,
    Release,
    ReleaseDecision,
    RolloutAction,
    RolloutRun,
    RunState,
)
from monitor.core import clock
from monitor.core.fields import BadFieldError, clean
from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError, redact

log = logging.getLogger("vigil.canary")

INTENTS: dict[str, Intent] = {
    DecisionKind.RESUME: "begin", DecisionKind.ADVANCE: "shift", DecisionKind.PROMOTE: "promote", DecisionKind.ROLLBACK: "rollback",
    DecisionKind.HOLD: "hold", DecisionKind.INCONCLUSIVE: "hold",
}  # fmt: skip
MOVES = (DecisionKind.RESUME, DecisionKind.ADVANCE, DecisionKind.PROMOTE, DecisionKind.ROLLBACK)
MOST_ATTEMPTS = 8
FIRST_WAIT = dt.timedelta(seconds=5)
LONGEST_WAIT = dt.timedelta(minutes=5)
# what shows no effect is ordered again: after as long as it has been ordered already, within these
SOONEST_AGAIN, LATEST_AGAIN = dt.timedelta(minutes=5), dt.timedelta(hours=1)
EXCERPT = 500
# a part of a secret address that is shorter is a plain word
LONG = 12


def order(decision: ReleaseDecision, *, now: dt.datetime) -> list[RolloutRun]:
    """Let every action of the release's model carry a decision out; older orders that still wait are void.

    A hold moves no traffic: only those are told that keep a gate. Orders that wait are void for all, but no way back.
    """
    intent = INTENTS.get(decision.kind)
    if intent is None or (decision.share is None and intent != "hold"):
        return []
    release = decision.release
    chosen = RolloutAction.objects.filter(
        Q(model="") | Q(model=release.model), project_id=release.project_id, enabled=True
    )
    older = RolloutRun.objects.filter(decision__release=release, state=RunState.WAITING).exclude(
        decision=decision
    )
    if intent == "hold":
        chosen = chosen.filter(
            kind__in=[name for name, one in ACTIONS.items() if getattr(one, "holds", False)]
        )
        older = older.exclude(decision__kind=DecisionKind.ROLLBACK)
    older.update(state=RunState.GIVEN_UP, answer="overtaken by a later decision")
    RolloutRun.objects.bulk_create(
        [RolloutRun(decision=decision, action=action, next_at=now) for action in chosen],
        ignore_conflicts=True,
    )
    return list(RolloutRun.objects.filter(decision=decision))


def void(release: Release, why: str) -> None:
    """What waits to be carried out is given up."""
    RolloutRun.objects.filter(decision__release=release, state=RunState.WAITING).update(
        state=RunState.GIVEN_UP, answer=why
    )


def forget(decision: ReleaseDecision, *, now: dt.datetime) -> None:
    """What was done about a decision counts no longer: it is carried out again."""
    RolloutRun.objects.filter(decision=decision, action__enabled=True).update(
        state=RunState.WAITING, attempts=0, next_at=now
    )


def last_order(release: Release) -> ReleaseDecision | None:
    """The decision that says which share the canary is to have."""
    return release.decisions.filter(kind__in=MOVES, share__isnull=False, state=DecisionState.DONE).last()


def repeat(decision: ReleaseDecision, *, now: dt.datetime) -> None:
    """Give an order again to those who were told and of which nothing came."""
    for run in order(decision, now=now):
        wait = min(LATEST_AGAIN, max(SOONEST_AGAIN, run.next_at - decision.at))
        if run.state == RunState.DONE and INTENTS[decision.kind] == "shift" and _steps(run.action):
            continue
        if run.state != RunState.WAITING and run.action.enabled and now >= run.next_at + wait:
            RolloutRun.objects.filter(pk=run.pk, state=run.state).update(
                state=RunState.WAITING, attempts=0, next_at=now
            )


def _steps(action: RolloutAction) -> bool:
    """Whether each of its shifts goes on by one step, so that one which was carried out is not given again."""
    return action.kind in ACTIONS and getattr(ACTIONS[action.kind], "steps", False)


def run_due(*, now: dt.datetime) -> int:
    """Carry out the orders that are due; how many."""
    due = RolloutRun.objects.filter(
        state=RunState.WAITING, next_at__lte=now, decision__state=DecisionState.DONE
    ).select_related("decision__release__project", "action")
    return sum(_carry_out(run, now=now) for run in due)


def _carry_out(run: RolloutRun, *, now: dt.datetime) -> bool:
    # whoever counts the attempt up has it; a second worker finds nothing to update
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2**run.attempts)
    mine = RolloutRun.objects.filter(pk=run.pk, state=RunState.WAITING, attempts=run.attempts).update(
        attempts=run.attempts + 1, next_at=now + wait
    )
    if not mine:
        return False
    run.attempts += 1
    started = clock.monotonic()
    run.state, run.answer = _acted(run)
    if run.state == RunState.WAITING and run.attempts >= MOST_ATTEMPTS:
        run.state = RunState.GIVEN_UP
    if run.state == RunState.DONE:
        run.done_at = now
    _keep(run, now=now)
    action = run.action
    action.last_duration = clock.monotonic() - started
    if run.state == RunState.DONE:
        action.last_ok, action.last_error = now, ""
    else:
        action.last_error = run.answer
    action.save(update_fields=["last_ok", "last_error", "last_duration"])
    return True


def _acted(run: RolloutRun) -> tuple[RunState, str]:
    """What came of one try, in words without any secret."""
    action = run.action
    secrets = secrets_of(action)
    try:
        made = ACTIONS[action.kind](clean(ACTIONS[action.kind].fields, action.settings))
        said = made.act(order_of(run), Caller(secrets=secrets))
        return RunState.DONE, redact(said, secrets)[:EXCERPT]
    except (RefusedError, ForbiddenTargetError) as error:
        return RunState.REFUSED, redact(str(error), secrets)[:EXCERPT]
    except (BadFieldError, ValueError, KeyError) as error:
        return RunState.REFUSED, redact(f"its settings can't be used: {error}", secrets)[:EXCERPT]
    except (LaterError, UnreachableError) as error:
        return RunState.WAITING, redact(str(error), secrets)[:EXCERPT]
    except Exception as error:
        # whatever breaks in one action, the orders behind it go on
        log.exception("action %s", action)
        return RunState.WAITING, redact(f"{type(error).__name__}: {error}", secrets)[:EXCERPT]


def _keep(run: RolloutRun, *, now: dt.datetime) -> None:
    """Note what came of a run. One that was overtaken on its way may have come last: the later order is given again."""
    kept = RolloutRun.objects.filter(pk=run.pk, state=RunState.WAITING)
    if kept.update(state=run.state, answer=run.answer, done_at=run.done_at):
        return
    later = RolloutRun.objects.filter(
        action=run.action, decision__release=run.decision.release, decision__id__gt=run.decision_id
    ).last()
    if later is not None and later.state == RunState.DONE:
        RolloutRun.objects.filter(pk=later.pk).update(state=RunState.WAITING, attempts=0, next_at=now)


def secrets_of(action: RolloutAction) -> tuple[str, ...]:
    """What must never show in an answer or an error."""
    if action.kind not in ACTIONS:
        return ()
    fields = ACTIONS[action.kind].fields
    values = [(field, str(action.settings.get(field.name) or "")) for field in fields if field.secret]
    return tuple(one for field, value in values for one in _spellings(value, url=field.kind == "url"))


def _spellings(secret: str, *, url: bool) -> Iterator[str]:
    """A secret as another side may say it back: an address by its parts, a token without “Bearer”, as JSON or quoted."""
    parts = [secret, *secret.split()[-1:]]
    if url:
        host, _, place = secret.partition("://")[2].partition("/")
        path, _, query = place.partition("?")
        values = [value for _, value in parse_qsl(query)]
        parts += [
            place,
            path,
            host.rpartition("@")[0],
            *(one for one in path.split("/") if len(one) >= LONG),
            *values,
        ]
    for part in parts:
        yield from (part, quote(part, safe=""), quote(part), unquote(part), json.dumps(part)[1:-1])


def order_of(run: RolloutRun) -> Order:
    decision = run.decision
    release: Release = decision.release
    return Order(
        id=_id(run), intent=INTENTS[decision.kind], release=str(release.pk),
        project=release.project.slug, model=release.model, stable=release.stable, canary=release.canary,
        share=decision.share or 0.0, verdict=decision.verdict, reason=decision.reason,
        at=decision.at.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )  # fmt: skip


def _id(run: RolloutRun) -> str:
    """The same for every try; another one when what was done is to be done once more."""
    return f"vigil-{run.pk}" + (f"-{int(run.done_at.timestamp())}" if run.done_at else "")
