"""Lets each judge that is due mark its share of the calls, stores the verdicts and counts the failures.

A failure is counted by its reason and never becomes a mark. What could not be judged is tried again later;
what was tried often enough lies in sight of people until they send it round again.
"""

import datetime as dt
import logging
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import models

from monitor.core import clock, fields
from monitor.quality import epochs, golden, sampling, telling
from monitor.quality.asking import storable
from monitor.quality.desk import AT_ONCE, Desk, Failure, Result, item_of, reason_of
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import Judge as JudgeContract
from monitor.quality.judges.base import MisconfiguredError, RefusedError, UnavailableError, Verdict
from monitor.quality.models import ClaimState, Extra, Judge, JudgeClaim
from monitor.quality.paying import LimitReachedError
from monitor.registry import UnknownNameError
from monitor.store.calls import generations, scores, twins

log = logging.getLogger("vigil.quality")
T = TypeVar("T")

INTERVAL = dt.timedelta(seconds=20)
AFTER_A_MISTAKE = dt.timedelta(minutes=5)
LONGEST_REST = dt.timedelta(minutes=10)
# what an endpoint may ask for at most with Retry-After
LONGEST_ASKED_REST = dt.timedelta(hours=1)
BATCH = 40
# failures in a row after which an endpoint is left alone until the next run
GIVE_UP_AFTER = 4
# a batch of late answers leaves room for the other judges
LONGEST_RUN_SECONDS = 60.0
# marks on calls that were chosen for a reason stand under a name of their own: means of the others stay fair
TARGETED = "-targeted"


@dataclass(slots=True)
class Outcome:
    """What one run of one judge did. ``limit``: the limit of the day that ended it. ``rest``: until when it rests."""

    judged: int = 0
    skipped: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    error: str = ""
    limit: str = ""
    rest: dt.datetime | None = None

    def failed(self, reason: str, error: str) -> None:
        self.failures[reason] += 1
        self.error = error

    def unanswered(self, failure: Failure) -> None:
        """A frozen call without a mark; one that waits for budget is no failure."""
        if reason_of(failure) != "budget":
            self.failed(reason_of(failure), str(failure))


def run_due(*, now: dt.datetime) -> dict[str, Outcome]:
    """Run every enabled judge that is due; each runs in one worker at a time."""
    due = Judge.objects.filter(enabled=True, project__deleted_at=None).filter(
        models.Q(due_at=None) | models.Q(due_at__lte=now)
    )
    _tell_resting(now)
    done = {}
    for judge in due:
        mine = Judge.objects.filter(pk=judge.pk, due_at=judge.due_at).update(due_at=now + INTERVAL)
        if mine:
            done[judge.name] = run(judge, now=now)
    return done


def _tell_resting(now: dt.datetime) -> None:
    """The numbers of judges that rest for long: a series that is not told ends after five minutes, backlog and all."""
    for judge in Judge.objects.filter(enabled=True, project__deleted_at=None, due_at__gt=now + INTERVAL):
        epoch = epochs.latest(judge)
        if epoch is not None:
            telling.tell(judge, epoch.number, [], now=now)


def run(judge: Judge, *, now: dt.datetime) -> Outcome:
    """One run of one judge: claim, ask, store, count."""
    started = clock.monotonic()
    outcome = Outcome()
    number = 0
    try:
        made = make(judge)
        desk = Desk(judge, made, epochs.current(judge, made, now=now), now)
        number = desk.epoch.number
        _work(desk, outcome, started=started)
        number = desk.epoch.number
    except LimitReachedError as reached:
        outcome.rest = min(reached.until, now + LONGEST_REST)
        if reached.what == "budget":
            # keeping to a pace is no news; a spent day is
            outcome.limit, outcome.error = reached.what, str(reached)
    except (MisconfiguredError, fields.BadFieldError, UnknownNameError) as error:
        outcome.failed("misconfigured", str(error))
        outcome.rest = now + AFTER_A_MISTAKE
    except Exception as error:
        # whatever it is, the next judge has nothing to do with it
        log.exception("judge %s", judge.name)
        outcome.failed("broken", storable(f"{type(error).__name__}: {error}"))
        outcome.rest = now + AFTER_A_MISTAKE
    _note(judge, outcome, number, now=now, took=clock.monotonic() - started)
    return outcome


def make(judge: Judge) -> JudgeContract:
    """The judge out of its stored settings; raises BadFieldError or MisconfiguredError."""
    kind = JUDGES[judge.kind]
    made: JudgeContract = kind(fields.clean(kind.fields, judge.settings))
    return made


def _work(desk: Desk, outcome: Outcome, *, started: float) -> None:
    judge, now = desk.judge, desk.now
    golden.run_due(desk, outcome.unanswered)
    left = sampling.left_in_budget(judge, now=now)
    room = min(BATCH, left)
    if not room:
        return
    claims = sampling.take_over(judge, now=now, limit=room)
    fresh = sampling.candidates(judge, now=now, left=left - len(claims), limit=room - len(claims))
    claims += sampling.claim(judge, fresh, now=now)
    pending = list(claims)
    in_a_row = 0
    try:
        for group in _groups(claims, AT_ONCE):
            if in_a_row >= GIVE_UP_AFTER or clock.monotonic() - started > LONGEST_RUN_SECONDS:
                break
            for row, result in _judged(desk, group):
                if isinstance(result, UnavailableError) and result.reason == "budget":
                    # nothing was wrong with the call: it is asked about when there is budget again
                    continue
                pending.remove(row)
                in_a_row = in_a_row + 1 if isinstance(result, UnavailableError | RefusedError) else 0
                _settle(desk, row, result, outcome)
    finally:
        _release(pending)
    if in_a_row >= GIVE_UP_AFTER and not outcome.judged and set(outcome.failures) == {"refused"}:
        _refused_altogether(claims, outcome)


def _refused_altogether(claims: Sequence[JudgeClaim], outcome: Outcome) -> None:
    """An endpoint that refuses every question refuses our way of asking: no call is given up for that."""
    JudgeClaim.objects.filter(
        pk__in=[row.pk for row in claims], state=ClaimState.FAILED, reason="refused"
    ).delete()
    outcome.failures.clear()
    raise MisconfiguredError(outcome.error)


def _judged(desk: Desk, group: Sequence[JudgeClaim]) -> list[tuple[JudgeClaim, Result]]:
    """The results of a few calls, asked at once; a call that is gone has none."""
    judge = desk.judge
    calls = {one.id: one for one in generations.many(judge.project_id, [row.generation_id for row in group])}
    there = [row for row in group if row.generation_id in calls]
    rivals: dict[str, str] = {}
    if desk.made.rival_version:
        prompts = [calls[row.generation_id].prompt for row in there]
        rivals = twins.answers(
            judge.project_id, desk.now - sampling.LOOKBACK, desk.now, prompts,
            model=judge.model, version=desk.made.rival_version,
        )  # fmt: skip
    results = desk.verdicts([item_of(calls[row.generation_id], rivals) for row in there])
    found = {row.pk: result for row, result in zip(there, results, strict=True)}
    return [(row, found.get(row.pk)) for row in group]


def _settle(desk: Desk, row: JudgeClaim, result: Result, outcome: Outcome) -> None:
    changes: dict[str, Any]
    if isinstance(result, UnavailableError | RefusedError):
        reason = reason_of(result)
        outcome.failed(reason, str(result))
        asked = result.pause_seconds if isinstance(result, UnavailableError) else None
        if asked is not None:
            rest = desk.now + min(dt.timedelta(seconds=asked), LONGEST_ASKED_REST)
            outcome.rest = max(rest, outcome.rest or rest)
        # the same question would be refused again
        last = row.attempts >= sampling.ATTEMPTS or isinstance(result, RefusedError)
        changes = {"reason": reason, "error": storable(str(result))[:2000]}
        changes |= {"state": ClaimState.FAILED} if last else {}
    else:
        done = isinstance(result, Verdict) and _store(desk, row, result)
        changes = {"state": ClaimState.DONE if done else ClaimState.SKIPPED, "reason": "", "error": ""}
        changes |= {"tag": result.tag[:20]} if isinstance(result, Verdict) else {}
        outcome.judged += done
        outcome.skipped += not done
    JudgeClaim.objects.filter(pk=row.pk).update(**changes)


def _store(desk: Desk, row: JudgeClaim, verdict: Verdict) -> bool:
    """Whether the call was still there to be marked."""
    name = desk.judge.name + (TARGETED if row.picked in {Extra.UNCERTAIN, Extra.ALERT} else "")
    author = f"{desk.judge.kind}#{desk.epoch.number}"
    score = scores.ScoreRow(
        row.generation_id, name, desk.made.source, verdict.value, verdict.reason, author=author
    )
    try:
        scores.put(desk.judge.project_id, [score], now=desk.now)
    except scores.UnknownGenerationError:
        return False
    return True


def _release(pending: Sequence[JudgeClaim]) -> None:
    """Calls that were claimed but not asked about are free again; those tried before keep their count."""
    rows = JudgeClaim.objects.filter(pk__in=[row.pk for row in pending], state=ClaimState.OPEN)
    rows.filter(attempts__gt=1).update(attempts=models.F("attempts") - 1)
    rows.filter(attempts=1, reason="").delete()


def _groups(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]


def _note(judge: Judge, outcome: Outcome, epoch: int, *, now: dt.datetime, took: float) -> None:
    """How it went, on the judge's own row and as series."""
    points: list[telling.Point] = []
    counts = outcome.failures + (Counter({outcome.limit: 1}) if outcome.limit else Counter())
    for reason, count in counts.items():
        points += telling.fail(judge, reason, count, outcome.error, now=now, before=INTERVAL)
    telling.tell(judge, epoch, points, now=now)
    noted: dict[str, Any] = {"last_duration": took}
    if counts:
        noted["last_error"] = outcome.error[:2000]
    elif outcome.judged or outcome.skipped or not judge.last_error:
        # a run that had nothing to ask says nothing about an endpoint that failed before
        noted |= {"last_ok": now, "last_error": ""}
    if outcome.judged or outcome.skipped:
        noted["fruitless"] = 0
    elif outcome.failures:
        noted["fruitless"] = min(judge.fruitless + 1, 20)
        outcome.rest = max(outcome.rest or now, now + pause(judge))
    if outcome.rest is not None:
        noted["due_at"] = outcome.rest
    if counts and outcome.error != judge.last_error:
        log.warning("judge %s: %s", judge.name, outcome.error)
    Judge.objects.filter(pk=judge.pk).update(**noted)


def pause(judge: Judge) -> dt.timedelta:
    """How long a judge rests after runs without one answer: longer each time, and not all judges alike."""
    spread = 0.75 + 0.5 * (zlib.crc32(f"{judge.pk} {judge.fruitless}".encode()) / 2**32)
    longer: dt.timedelta = INTERVAL * float(2**judge.fruitless)
    return min(longer, LONGEST_REST) * spread
