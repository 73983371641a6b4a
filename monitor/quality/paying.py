"""Hard limits of a judge's day and minute, kept in the database so that several workers share them.

Work sets its worst case aside before it asks and gives back what it did not use; a worker that dies leaves its
share spent, so a limit can be undershot and never exceeded.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from monitor.outside.spending import USUAL_BYTES_PER_TOKEN, Budget, Prices
from monitor.quality.judges.base import Item
from monitor.quality.judges.base import Judge as JudgeContract
from monitor.quality.models import Judge, JudgeSpending

# first try and two more, each with what the model said before
TRIES = 3
# the task, the rules and the schema around the texts
AROUND_TOKENS = 800
DAY = dt.timedelta(days=1)


class LimitReachedError(Exception):
    """Nothing more may be asked now; ``until`` says when. ``what`` is budget or rate."""

    def __init__(self, message: str, what: str, until: dt.datetime) -> None:
        super().__init__(message)
        self.what = what
        self.until = until


@dataclass(frozen=True, slots=True)
class Hold:
    """What was set aside, and the budget to ask with."""

    day: dt.date
    tokens: int
    usd: float
    requests: int
    budget: Budget


def hold(judge: Judge, made: JudgeContract, items: Sequence[Item], *, now: dt.datetime) -> Hold:
    """Set aside what asking about ``items`` may cost; raises LimitReachedError when one try is too much."""
    prices = Prices(judge.usd_in, judge.usd_out)
    once_in, once_out = (sum(part) for part in zip(*(worst(made, item) for item in items), strict=True))
    once, once_usd = once_in + once_out, prices.usd(once_in, once_out)
    requests = len(items) * made.requests
    with transaction.atomic():
        row = _locked(judge, now)
        tokens = _grant(once, None if judge.daily_tokens is None else judge.daily_tokens - _used(row))
        usd = _grant(once_usd, None if judge.daily_usd is None else judge.daily_usd - row.usd - row.held_usd)
        if tokens is None or usd is None:
            raise LimitReachedError(_told(judge, row), "budget", _tomorrow(now))
        may = _minute(judge, row, requests, now)
        row.held_tokens += int(tokens)
        row.held_usd += usd
        row.minute_requests += may
        row.save(update_fields=["held_tokens", "held_usd", "minute", "minute_requests"])
    budget = Budget(
        may,
        None if judge.daily_tokens is None else int(tokens),
        None if judge.daily_usd is None else usd,
        prices,
    )
    return Hold(row.day, int(tokens), usd, may, budget)


def settle(judge: Judge, held: Hold) -> None:
    """Book what was used, give back the rest."""
    spent = held.budget.spent
    JudgeSpending.objects.filter(judge=judge, day=held.day).update(
        held_tokens=F("held_tokens") - held.tokens,
        held_usd=F("held_usd") - held.usd,
        requests=F("requests") + spent.requests,
        tokens_in=F("tokens_in") + spent.tokens_in,
        tokens_out=F("tokens_out") + spent.tokens_out,
        usd=F("usd") + spent.usd,
        minute_requests=Greatest(F("minute_requests") - (held.requests - spent.requests), 0),
    )


def note_cached(judge: Judge, count: int, *, now: dt.datetime) -> None:
    """Count verdicts that were known already."""
    if count:
        row, _ = JudgeSpending.objects.get_or_create(judge=judge, day=now.date())
        JudgeSpending.objects.filter(pk=row.pk).update(cached=F("cached") + count)


def worst(made: JudgeContract, item: Item) -> tuple[int, int]:
    """Tokens in and out that one try on a call may cost."""
    texts = (item.prompt, item.output, item.reference, item.rival or "", *(item.contexts or ()))
    size = sum(len(text.encode(errors="replace")) for text in texts) * 5 // 4
    longest = made.endpoint.most_tokens if made.endpoint else 0
    return made.requests * (size // USUAL_BYTES_PER_TOKEN + AROUND_TOKENS), made.requests * longest


def _grant(once: float, left: float | None) -> float | None:
    """Enough for all tries, or for one at least; None: not even that."""
    if left is None:
        return once * TRIES
    return None if left < once else min(once * TRIES, left)


def _minute(judge: Judge, row: JudgeSpending, requests: int, now: dt.datetime) -> int:
    """How many requests may be sent in this minute."""
    minute = now.replace(second=0, microsecond=0)
    if row.minute != minute:
        row.minute, row.minute_requests = minute, 0
    if judge.per_minute is None:
        return requests * TRIES
    left = judge.per_minute - row.minute_requests
    # a limit below the size of a group must not stop the judge for ever
    if left < min(requests, judge.per_minute):
        until = minute + dt.timedelta(minutes=1)
        message = f"the limit of {judge.per_minute} requests a minute is reached; goes on in the next"
        raise LimitReachedError(message, "rate", until)
    return min(requests * TRIES, left)


def _locked(judge: Judge, now: dt.datetime) -> JudgeSpending:
    day = now.astimezone(dt.UTC).date()
    JudgeSpending.objects.get_or_create(judge=judge, day=day)
    return JudgeSpending.objects.select_for_update().get(judge=judge, day=day)


def _used(row: JudgeSpending) -> int:
    return row.tokens_in + row.tokens_out + row.held_tokens


def _told(judge: Judge, row: JudgeSpending) -> str:
    parts = []
    if judge.daily_tokens is not None:
        parts.append(f"{_used(row):,} of {judge.daily_tokens:,} tokens")
    if judge.daily_usd is not None:
        parts.append(f"{row.usd + row.held_usd:.4g} of {judge.daily_usd:.4g} dollars")
    return f"today's budget is spent ({', '.join(parts)}); judging goes on at 00:00 UTC"


def _tomorrow(now: dt.datetime) -> dt.datetime:
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + DAY
