"""Frozen calls that people have marked: asked again each day and in each epoch, they show whether the judge moved.

Their texts are copies and outlive the calls, so only a person freezes them.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import models

from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.core.stats import Floats, Interval, t_quantile
from monitor.quality.desk import AT_ONCE, Desk, Failure, item_of
from monitor.quality.judges.base import Item, UnavailableError, Verdict
from monitor.quality.models import GoldenItem, GoldenMark, Judge
from monitor.store.calls import generations
from monitor.store.samples import append

MOST = 100
# fewer frozen calls can't tell a moved judge from noise
LEAST = 10
TRY_AGAIN = dt.timedelta(hours=1)
A_RUN = 20
# a smaller move than this is nobody's business
TOLERANCE = 0.1
# epoch, its number, and the day
Round = tuple[int, int, dt.date]


@dataclass(frozen=True, slots=True)
class Shift:
    """How a judge's marks on the same calls changed. ``moved`` is None while that is not known.

    ``bias``: by how much it now marks higher than people.
    """

    items: int
    difference: float
    interval: Interval
    moved: bool | None
    since: dt.date | None
    bias: float


def run_due(desk: Desk, failed: Callable[[Failure], None]) -> int:
    """Ask about the frozen calls that have no mark of today in this epoch; how many got one. ``failed`` is told why not."""
    if desk.made.endpoint is None:
        return 0
    today = desk.now.astimezone(dt.UTC).date()
    marked = GoldenMark.objects.filter(epoch=desk.epoch, day=today).values("item")
    rested = models.Q(tried_at=None) | models.Q(tried_at__lte=desk.now - TRY_AGAIN)
    rested |= models.Q(tried_at__lt=desk.epoch.started_at)
    due = GoldenItem.objects.filter(rested, judge=desk.judge).exclude(pk__in=marked)
    made = 0
    waiting = list(due.order_by("pk")[:A_RUN])
    for at in range(0, len(waiting), AT_ONCE):
        group = waiting[at : at + AT_ONCE]
        results = desk.verdicts([_item(one) for one in group], remembered=False)
        GoldenItem.objects.filter(pk__in=[one.pk for one in group]).update(tried_at=desk.now)
        for one, result in zip(group, results, strict=True):
            if isinstance(result, Verdict):
                GoldenMark.objects.update_or_create(
                    item=one, epoch=desk.epoch, day=today, defaults={"value": result.value}
                )
                made += 1
            elif isinstance(result, Failure):
                failed(result)
        # an endpoint that is slow or down must not hold up the calls, nor the other judges
        if all(isinstance(result, UnavailableError) for result in results):
            break
    if made:
        _tell(desk)
    return made


def freeze(judge: Judge, marked: dict[UUID, float], *, now: dt.datetime) -> int:
    """Keep copies of calls with what people said of them; how many are new. A full set takes no more."""
    known = set(GoldenItem.objects.filter(judge=judge).values_list("generation_id", flat=True))
    room = MOST - len(known)
    wanted = sorted(set(marked) - known)[: max(0, room)]
    rows = []
    for call in generations.many(judge.project_id, wanted):
        item = item_of(call)
        contexts = None if item.contexts is None else list(item.contexts)
        rows.append(
            GoldenItem(
                judge=judge, generation_id=call.id, prompt=item.prompt, output=item.output, contexts=contexts,
                reference=item.reference, value=marked[call.id], added_at=now,
            )
        )  # fmt: skip
    return len(GoldenItem.objects.bulk_create(rows, ignore_conflicts=True))


def thaw(judge: Judge) -> int:
    """Forget the frozen calls; how many there were."""
    return GoldenItem.objects.filter(judge=judge).delete()[0]


def shift(judge: Judge) -> Shift | None:
    """The newest round against the first of this epoch, or against the last of the epoch before; None without two."""
    rounds = _rounds(judge)
    if not rounds:
        return None
    same = [one for one in rounds[1:] if one[1] == rounds[0][1]]
    before = [one for one in rounds if one[1] < rounds[0][1]]
    return _between(judge, same[-1] if same else (before[0] if before else None), rounds[0])


def shift_lately(judge: Judge, since: dt.date, until: dt.date) -> Shift | None:
    """The newest round of this epoch against its first from ``since`` on; what moved before is no news.

    Not known where the judge has not been asked again at or after ``until``.
    """
    rounds = _rounds(judge)
    if not rounds:
        return None
    lately = [one for one in rounds[1:] if one[1] == rounds[0][1] and one[2] >= since]
    return _between(judge, lately[-1] if lately and rounds[0][2] >= until else None, rounds[0])


def _rounds(judge: Judge) -> list[Round]:
    """The newest first."""
    return list(
        GoldenMark.objects.filter(item__judge=judge)
        .values_list("epoch", "epoch__number", "day")
        .order_by("-epoch__number", "-day")
        .distinct()
    )


def _between(judge: Judge, base: Round | None, newest: Round) -> Shift:
    marks = _marks(newest[0], newest[2])
    people = dict(GoldenItem.objects.filter(judge=judge).values_list("pk", "value"))
    bias = float(np.mean([value - people[item] for item, value in marks.items()]))
    if base is None:
        return Shift(len(marks), 0.0, Interval(-np.inf, np.inf), None, None, bias)
    old = _marks(base[0], base[2])
    both = sorted(set(marks) & set(old))
    found = compare(np.array([marks[item] - old[item] for item in both]))
    return Shift(len(both), *found, base[2], bias)


def compare(differences: Floats) -> tuple[float, Interval, bool | None]:
    """Mean of paired differences, its 95 % interval, and whether that is a move."""
    n = differences.size
    if n < LEAST:
        return float(differences.mean()) if n else 0.0, Interval(-np.inf, np.inf), None
    mean = float(differences.mean())
    half = t_quantile(0.975, n - 1) * float(differences.std(ddof=1)) / n**0.5
    interval = Interval(mean - half, mean + half)
    return mean, interval, abs(mean) > TOLERANCE and not interval.contains(0.0)


def _marks(epoch: int, day: dt.date) -> dict[int, float]:
    return dict(GoldenMark.objects.filter(epoch_id=epoch, day=day).values_list("item", "value"))


def _item(one: GoldenItem) -> Item:
    contexts: Sequence[str] | None = one.contexts
    return Item(one.prompt, one.output, None if contexts is None else tuple(contexts), one.reference)


def _tell(desk: Desk) -> None:
    found = shift(desk.judge)
    if found is None or found.moved is None:
        return
    at = clock.to_ms(desk.now)
    values = {"estimate": found.difference, "lower": found.interval.low, "upper": found.interval.high}
    points = [
        (Labels({NAME: "vigil_judge_shift", "judge": desk.judge.name, "bound": bound}), at, value)
        for bound, value in values.items()
    ]
    append.samples(desk.judge.project_id, points, now=desk.now)
