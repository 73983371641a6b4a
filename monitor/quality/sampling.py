"""Which calls are worth judging, who may judge them, and how many the hour still allows.

The fair sample is fixed by a hash of the call's id and the judge's name, so that it is the same however often
and by whom it is drawn. A call is judged by the worker whose claim was stored, and by no other.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import models

from monitor.core.clock import to_ms
from monitor.quality import extras
from monitor.quality.models import ClaimState, Extra, Judge, JudgeClaim
from monitor.store import ids
from monitor.store.calls import generations

LOOKBACK = dt.timedelta(hours=26)
RECENT = dt.timedelta(minutes=15)
# calls younger than this may still be on their way into the store beside their batch
SETTLE = dt.timedelta(seconds=5)
ABANDONED = dt.timedelta(minutes=15)
ATTEMPTS = 3


def left_in_budget(judge: Judge, *, now: dt.datetime) -> int:
    """How many calls may still be claimed in this hour."""
    return max(0, judge.hourly_budget - _claimed_this_hour(judge, now).count())


def candidates(judge: Judge, *, now: dt.datetime, left: int, limit: int) -> dict[UUID, Extra]:
    """The newest calls that nobody has claimed for this judge yet, each with why it was chosen.

    Older ones get at most half of the hour's budget: a history that comes in at once must not leave the
    judge without a word on what happens now. What is chosen besides the fair sample gets at most half, too.
    """
    recent = (now - RECENT, now - SETTLE)
    fresh = _unclaimed(judge, *recent, limit)
    found: dict[UUID, Extra] = dict.fromkeys(fresh, Extra.NOTHING)
    if judge.extra and limit > len(found):
        spent = _claimed_this_hour(judge, now).exclude(picked=Extra.NOTHING).count()
        room = min(limit - len(found), judge.hourly_budget // 2 - spent)
        taken = [*_claims_of(judge, *recent), *found]
        chosen = extras.chosen(judge, *recent, without=taken, limit=room) if room > 0 else {}
        found |= chosen
    room = min(limit - len(found), left - len(found) - judge.hourly_budget // 2)
    older = _unclaimed(judge, now - LOOKBACK, now - RECENT, room) if room > 0 else []
    return dict.fromkeys(older, Extra.NOTHING) | found


def _claimed_this_hour(judge: Judge, now: dt.datetime) -> "models.QuerySet[JudgeClaim]":
    return JudgeClaim.objects.filter(judge=judge, claimed_at__gt=now - dt.timedelta(hours=1))


def _claims_of(judge: Judge, start: dt.datetime, end: dt.datetime) -> list[UUID]:
    """The calls of a span that are claimed already."""
    claimed = JudgeClaim.objects.filter(
        judge=judge,
        generation_id__gte=ids.first_at(to_ms(start)),
        generation_id__lte=ids.first_at(to_ms(end) + 1),
    )
    return list(claimed.values_list("generation_id", flat=True))


def _unclaimed(judge: Judge, start: dt.datetime, end: dt.datetime, limit: int) -> list[UUID]:
    return generations.sample_ids(
        judge.project_id,
        start,
        end,
        model=judge.model,
        version=judge.version or None,
        seed=judge.name,
        share=judge.sample_share,
        without=_claims_of(judge, start, end),
        limit=limit,
    )


def claim(
    judge: Judge, wanted: Mapping[UUID, Extra] | Sequence[UUID], *, now: dt.datetime
) -> list[JudgeClaim]:
    """Claims on those of ``wanted`` that nobody else has; the unique key decides between two workers."""
    picked = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted, Extra.NOTHING)
    won = []
    for generation_id, why in picked.items():
        row, made = JudgeClaim.objects.get_or_create(
            judge=judge,
            generation_id=generation_id,
            defaults={"claimed_at": now, "first_at": now, "picked": why},
        )
        if made:
            won.append(row)
    return won


def take_over(judge: Judge, *, now: dt.datetime, limit: int) -> list[JudgeClaim]:
    """Claims whose worker failed or vanished a while ago, now ours; each is tried three times in all."""
    old = JudgeClaim.objects.filter(
        judge=judge, state=ClaimState.OPEN, claimed_at__lte=now - ABANDONED
    ).order_by("claimed_at")[:limit]
    won = []
    for row in old:
        state = ClaimState.OPEN if row.attempts < ATTEMPTS else ClaimState.FAILED
        changed = JudgeClaim.objects.filter(
            pk=row.pk, claimed_at=row.claimed_at, state=ClaimState.OPEN
        ).update(claimed_at=now, attempts=row.attempts + 1, state=state)
        if changed and state == ClaimState.OPEN:
            row.claimed_at, row.attempts = now, row.attempts + 1
            won.append(row)
    return won


def send_round_again(judge: Judge, *, now: dt.datetime, claim_id: int | None = None) -> int:
    """Calls that were given up are tried anew in the next run, one or all; how many."""
    rows = JudgeClaim.objects.filter(judge=judge, state=ClaimState.FAILED)
    if claim_id is not None:
        rows = rows.filter(pk=claim_id)
    changed = rows.update(state=ClaimState.OPEN, attempts=0, claimed_at=now - ABANDONED, first_at=now)
    if changed:
        Judge.objects.filter(pk=judge.pk).update(due_at=None, fruitless=0)
    return changed


def forget_old(*, now: dt.datetime) -> int:
    """Remove claims on calls that no judge looks back to; how many went."""
    before = ids.first_at(to_ms(now - 2 * LOOKBACK))
    return JudgeClaim.objects.filter(generation_id__lt=before).delete()[0]
