"""What a judge's work looks like as series: failures, spending, the queue and its oldest call, the epoch."""

import datetime as dt

from django.db.models import Count, F, Min, Q, Sum

from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.quality.models import ClaimState, Judge, JudgeFailure, JudgeSpending
from monitor.store.samples import append

Point = tuple[Labels, int, float]


def fail(
    judge: Judge, reason: str, count: int, error: str, *, now: dt.datetime, before: dt.timedelta
) -> list[Point]:
    """Count failures; the first of its kind begins its counter at 0 just before, so that increase() sees it."""
    row, made = JudgeFailure.objects.get_or_create(judge=judge, reason=reason, defaults={"last_at": now})
    JudgeFailure.objects.filter(pk=row.pk).update(
        count=F("count") + count, last_at=now, last_error=error[:2000]
    )
    return [_point(judge, "vigil_judge_failures_total", 0.0, now - before, reason=reason)] if made else []


def tell(judge: Judge, epoch: int, points: list[Point], *, now: dt.datetime) -> None:
    """Write the judge's numbers as they are now."""
    failures = JudgeFailure.objects.filter(judge=judge).values_list("reason", "count")
    queue = judge.claims.aggregate(
        oldest=Min("first_at", filter=Q(state=ClaimState.OPEN)),
        waiting=Count("pk", filter=Q(state=ClaimState.OPEN)),
        dead=Count("pk", filter=Q(state=ClaimState.FAILED)),
    )
    spent = JudgeSpending.objects.filter(judge=judge).aggregate(
        requests=Sum("requests", default=0), cached=Sum("cached", default=0), into=Sum("tokens_in", default=0),
        out=Sum("tokens_out", default=0), usd=Sum("usd", default=0.0),
    )  # fmt: skip
    oldest = (now - queue["oldest"]).total_seconds() if queue["oldest"] else 0.0
    points += [
        _point(judge, "vigil_judge_failures_total", count, now, reason=name) for name, count in failures
    ]
    points += [
        _point(judge, "vigil_judge_waiting", queue["waiting"], now),
        _point(judge, "vigil_judge_given_up", queue["dead"], now),
        _point(judge, "vigil_judge_oldest_seconds", max(0.0, oldest), now),
        _point(judge, "vigil_judge_requests_total", spent["requests"], now),
        _point(judge, "vigil_judge_cached_total", spent["cached"], now),
        _point(judge, "vigil_judge_tokens_total", spent["into"], now, direction="in"),
        _point(judge, "vigil_judge_tokens_total", spent["out"], now, direction="out"),
        _point(judge, "vigil_judge_cost_usd_total", spent["usd"], now),
        _point(judge, "vigil_judge_epoch", epoch, now),
    ]
    append.samples(judge.project_id, points, now=now)


def _point(judge: Judge, name: str, value: float, at: dt.datetime, **labels: str) -> Point:
    return Labels({NAME: name, "judge": judge.name, **labels}), clock.to_ms(at), float(value)
