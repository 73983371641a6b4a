"""Which calls are worth judging, who may judge them, and how many the budget still allows.

The sample is fixed by a hash of the call's id and the judge's name, so that it is the same however often and
by whom it is drawn. A call is judged by the worker whose claim was stored, and by no other.
"""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from monitor.core.clock import to_ms
from monitor.quality.models import ClaimState, Judge, JudgeClaim
from monitor.store import generations, ids

LOOKBACK = dt.timedelta(hours=26)
RECENT = dt.timedelta(minutes=15)
# calls younger than this may still be on their way into the store beside their batch
SETTLE = dt.timedelta(seconds=5)
ABANDONED = dt.timedelta(minutes=15)
ATTEMPTS = 3


def left_in_budget(judge: Judge, *, now: dt.datetime) -> int:
    """How many calls may still be claimed in this hour."""
    spent = JudgeClaim.objects.filter(judge=judge, claimed_at__gt=now - dt.timedelta(hours=1)).count()
    return max(0, judge.hourly_budget - spent)


def candidates(judge: Judge, *, now: dt.datetime, left: int, limit: int) -> list[UUID]:
    """The newest calls of the judge's sample that nobody has claimed for it yet.

    Older ones get at most half of the hour's budget: a history that comes in at once must not leave the
    judge without a word on what happens now.
    """
    fresh = _unclaimed(judge, now - RECENT, now - SETTLE, limit)
    room = min(limit - len(fresh), left - len(fresh) - judge.hourly_budget // 2)
    return fresh + (_unclaimed(judge, now - LOOKBACK, now - RECENT, room) if room > 0 else [])


def _unclaimed(judge: Judge, start: dt.datetime, end: dt.datetime, limit: int) -> list[UUID]:
    claimed = JudgeClaim.objects.filter(
        judge=judge,
        generation_id__gte=ids.first_at(to_ms(start)),
        generation_id__lte=ids.first_at(to_ms(end) + 1),
    )
    return generations.sample_ids(
        judge.project_id,
        start,
        end,
        model=judge.model,
        version=judge.version or None,
        seed=judge.name,
        share=judge.sample_share,
        without=list(claimed.values_list("generation_id", flat=True)),
        limit=limit,
    )


def claim(judge: Judge, wanted: Sequence[UUID], *, now: dt.datetime) -> list[JudgeClaim]:
    """Claims on those of ``wanted`` that nobody else has; the unique key decides between two workers."""
    won = []
    for generation_id in wanted:
        row, made = JudgeClaim.objects.get_or_create(
            judge=judge, generation_id=generation_id, defaults={"claimed_at": now}
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


def forget_old(*, now: dt.datetime) -> int:
    """Remove claims on calls that no judge looks back to; how many went."""
    before = ids.first_at(to_ms(now - 2 * LOOKBACK))
    return JudgeClaim.objects.filter(generation_id__lt=before).delete()[0]
