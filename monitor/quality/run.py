"""Lets each judge that is due mark its share of the calls, stores the verdicts and counts the failures.

A failure is counted by its reason and never becomes a mark. What could not be judged is tried again later.
"""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import models

from monitor.core import clock, fields
from monitor.core.labels import NAME, Labels
from monitor.outside import llm
from monitor.outside.llm import Budget, Endpoint
from monitor.quality import sampling
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import Item, MisconfiguredError, UnavailableError, Verdict
from monitor.quality.judges.base import Judge as JudgeContract
from monitor.quality.models import ClaimState, Judge, JudgeClaim, JudgeFailure
from monitor.registry import UnknownNameError
from monitor.store import append, generations, scores
from monitor.store.generations import GenerationDetail

log = logging.getLogger("vigil.quality")
T = TypeVar("T")

INTERVAL = dt.timedelta(seconds=20)
AFTER_A_MISTAKE = dt.timedelta(minutes=5)
BATCH = 40
AT_ONCE = 4
# failures in a row after which an endpoint is left alone until the next run
GIVE_UP_AFTER = 4
# a batch of late answers leaves room for the other judges
LONGEST_RUN_SECONDS = 60.0


@dataclass(slots=True)
class Outcome:
    """What one run of one judge did."""

    judged: int = 0
    skipped: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    error: str = ""

    def failed(self, reason: str, error: str) -> None:
        self.failures[reason] += 1
        self.error = error


def run_due(*, now: dt.datetime) -> dict[str, Outcome]:
    """Run every enabled judge that is due; each runs in one worker at a time."""
    due = Judge.objects.filter(enabled=True, project__deleted_at=None).filter(
        models.Q(due_at=None) | models.Q(due_at__lte=now)
    )
    done = {}
    for judge in due:
        mine = Judge.objects.filter(pk=judge.pk, due_at=judge.due_at).update(due_at=now + INTERVAL)
        if mine:
            done[judge.name] = run(judge, now=now)
    return done


def run(judge: Judge, *, now: dt.datetime) -> Outcome:
    """One run of one judge: claim, ask, store, count."""
    started = clock.monotonic()
    outcome = Outcome()
    try:
        made = make(judge)
        _work(judge, made, outcome, now=now, started=started)
    except (MisconfiguredError, fields.BadFieldError, UnknownNameError) as error:
        outcome.failed("misconfigured", str(error))
        Judge.objects.filter(pk=judge.pk).update(due_at=now + AFTER_A_MISTAKE)
    _note(judge, outcome, now=now, took=clock.monotonic() - started)
    return outcome


def make(judge: Judge) -> JudgeContract:
    """The judge out of its stored settings; raises BadFieldError or MisconfiguredError."""
    kind = JUDGES[judge.kind]
    made: JudgeContract = kind(fields.clean(kind.fields, judge.settings))
    return made


def _work(judge: Judge, made: JudgeContract, outcome: Outcome, *, now: dt.datetime, started: float) -> None:
    left = sampling.left_in_budget(judge, now=now)
    room = min(BATCH, left)
    if not room:
        return
    claims = sampling.take_over(judge, now=now, limit=room)
    fresh = sampling.candidates(judge, now=now, left=left - len(claims), limit=room - len(claims))
    claims += sampling.claim(judge, fresh, now=now)
    ask = asker(Budget(3 * len(claims)))
    pending = list(claims)
    in_a_row = 0
    try:
        for group in _groups(claims, AT_ONCE):
            if in_a_row >= GIVE_UP_AFTER or clock.monotonic() - started > LONGEST_RUN_SECONDS:
                break
            for row, result in _judged(judge, made, ask, group):
                pending.remove(row)
                in_a_row = in_a_row + 1 if isinstance(result, UnavailableError) else 0
                _settle(judge, made, row, result, outcome, now=now)
    finally:
        _release(pending)


def asker(budget: Budget) -> "Asker":
    """How judges ask in this run: over the network, within the budget."""
    return Asker(budget)


@dataclass(frozen=True, slots=True)
class Asker:
    budget: Budget

    def __call__(
        self,
        endpoint: Endpoint,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        check: Callable[[Any], T],
    ) -> T:
        return llm.ask(endpoint, messages, schema, check, budget=self.budget)


Result = Verdict | UnavailableError | None


def _judged(
    judge: Judge, made: JudgeContract, ask: Asker, group: Sequence[JudgeClaim]
) -> list[tuple[JudgeClaim, Result]]:
    """The results of a few calls, asked at once; only the network is used in the threads."""
    found = {one.id: one for one in generations.many(judge.project_id, [row.generation_id for row in group])}

    def one(row: JudgeClaim) -> Result:
        call = found.get(row.generation_id)
        if call is None:
            return None
        try:
            return made.judge(item_of(call), ask)
        except UnavailableError as error:
            return error

    if made.endpoint is None:
        return [(row, one(row)) for row in group]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(zip(group, pool.map(one, group), strict=True))


def item_of(call: GenerationDetail) -> Item:
    """What a judge may see of a call. An empty search leaves no contexts, only its grounding."""
    contexts = call.detail.get("contexts")
    if contexts is None and call.summary.grounding == "empty":
        contexts = []
    texts = None if contexts is None else tuple(str(one.get("text", "")) for one in contexts)
    return Item(call.prompt, call.output, texts, str(call.detail.get("reference", "")))


def _settle(
    judge: Judge, made: JudgeContract, row: JudgeClaim, result: Result, outcome: Outcome, *, now: dt.datetime
) -> None:
    if isinstance(result, UnavailableError):
        outcome.failed(result.reason, str(result))
        return
    state = ClaimState.SKIPPED
    if isinstance(result, Verdict) and _store(judge, made, row, result, now=now):
        state = ClaimState.DONE
    outcome.judged += state == ClaimState.DONE
    outcome.skipped += state == ClaimState.SKIPPED
    JudgeClaim.objects.filter(pk=row.pk).update(state=state)


def _store(judge: Judge, made: JudgeContract, row: JudgeClaim, verdict: Verdict, *, now: dt.datetime) -> bool:
    """Whether the call was still there to be marked."""
    score = scores.ScoreRow(
        row.generation_id, judge.name, made.source, verdict.value, verdict.reason, author=judge.kind
    )
    try:
        scores.put(judge.project_id, [score], now=now)
    except scores.UnknownGenerationError:
        return False
    return True


def _release(pending: Sequence[JudgeClaim]) -> None:
    """Calls that were claimed but not asked about are free again."""
    JudgeClaim.objects.filter(pk__in=[row.pk for row in pending], state=ClaimState.OPEN).delete()


def _groups(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]


def _note(judge: Judge, outcome: Outcome, *, now: dt.datetime, took: float) -> None:
    """Counted failures as a series, and how it went on the judge's own row."""
    points = []
    for reason, count in outcome.failures.items():
        row, made = JudgeFailure.objects.get_or_create(judge=judge, reason=reason, defaults={"last_at": now})
        if made:
            # a counter begins at 0 just before its first event, so that increase() sees it
            points.append((_labels(judge, reason), clock.to_ms(now - INTERVAL), 0.0))
        JudgeFailure.objects.filter(pk=row.pk).update(
            count=models.F("count") + count, last_at=now, last_error=outcome.error[:2000]
        )
    points += [
        (_labels(judge, row.reason), clock.to_ms(now), float(row.count))
        for row in JudgeFailure.objects.filter(judge=judge)
    ]
    append.samples(judge.project_id, points, now=now)
    noted: dict[str, Any] = {"last_duration": took}
    if outcome.failures:
        noted["last_error"] = outcome.error[:2000]
    elif outcome.judged or outcome.skipped or not judge.last_error:
        # a run that had nothing to ask says nothing about an endpoint that failed before
        noted |= {"last_ok": now, "last_error": ""}
    if outcome.failures and outcome.error != judge.last_error:
        log.warning("judge %s: %s", judge.name, outcome.error)
    Judge.objects.filter(pk=judge.pk).update(**noted)


def _labels(judge: Judge, reason: str) -> Labels:
    return Labels({NAME: "vigil_judge_failures_total", "judge": judge.name, "reason": reason})
