"""What people are asked to label next, and what they said.

The next call comes from where one more label shrinks an interval most: a version, and among its calls those the
judge marked low, middling or high. Which call it is there is left to chance, or the correction would not hold.
"""

import datetime as dt
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Count

from monitor.core.agreement import cohen_kappa, krippendorff_alpha
from monitor.core.stratified import lacking, order
from monitor.quality import rates
from monitor.quality.judges.base import BEST
from monitor.quality.models import Judge, Label
from monitor.quality.rates import Material
from monitor.store.calls import generations, scores
from monitor.store.calls.generations import GenerationDetail

CORRECTION = "correction"


class NotAMarkError(ValueError):
    """What was given is no mark; a mark is a number from 0 to 5."""


@dataclass(frozen=True, slots=True)
class Next:
    """The call to label now. ``second``: another person has labelled it, too. ``left``: calls to choose from."""

    call: GenerationDetail
    second: bool
    left: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of people with each other, on calls that two or more labelled. NaN where it can't be told.

    ``kappa`` is of the two who share most calls, and names them.
    """

    shared: int
    alpha: float
    kappa: float
    raters: tuple[str, str]


def next_for(judge: Judge, rater: str, *, now: dt.datetime) -> Next | None:
    """The call that ``rater`` should label next; None when there is none left."""
    known = rates.material(judge, now=now)
    taken = set(Label.objects.filter(judge=judge, rater=rater).values_list("generation_id", flat=True))
    second = _second(judge, known, taken)
    left = second or _most_telling(judge, rater, known, taken, now=now)
    for chosen in left[:5]:
        call = generations.one(judge.project_id, chosen)
        if call is not None:
            return Next(call, bool(second), len(left))
    return None


def _second(judge: Judge, known: Sequence[Material], taken: set[UUID]) -> list[UUID]:
    """Calls that one other person has labelled and that are to be labelled twice."""
    once = (
        Label.objects.filter(judge=judge, value__isnull=False)
        .values("generation_id")
        .annotate(n=Count("pk"))
        .filter(n=1)
        .values_list("generation_id", flat=True)
    )
    there = {call for one in known for call in one.labels}
    return sorted(
        call
        for call in once
        if call in there and call not in taken and chance(judge.name, "second", call) < judge.second_share
    )


def _most_telling(
    judge: Judge, rater: str, known: Sequence[Material], taken: set[UUID], *, now: dt.datetime
) -> list[UUID]:
    """Unlabelled calls of the stratum where a label helps most, in an order of chance."""
    for one in sorted(known, key=lambda one: _urgency(one, judge.good_from), reverse=True):
        for number in order(one.strata(judge.good_from), shares=True):
            left = [call for call in rates.unlabelled(judge, one, number, now=now) if call not in taken]
            if left:
                return sorted(left, key=lambda call: chance(judge.name, rater, call))
    return []


def _urgency(one: Material, good_from: float) -> tuple[int, float]:
    """First the version that is nearest to its first interval, then the one with most calls for its labels."""
    missing = lacking(one.strata(good_from))
    if missing:
        return (1, len(one.labels) - missing + math.log1p(one.judged.size))
    return (0, one.judged.size / len(one.labels))


def chance(*parts: object) -> float:
    """A number from 0 to 1 that is fixed by its parts."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def put(
    judge: Judge, call: UUID, rater: str, value: float | None, *, reason: str = "", correction: str = "",
    now: dt.datetime,
) -> None:  # fmt: skip
    """Keep what a person says of a call, also as its human mark; no value: could not say, and takes back one's own.

    Raises NotAMarkError, or UnknownGenerationError for a call that is gone. Texts come redacted.
    """
    if value is not None and not 0 <= value <= BEST:
        message = f"{value} is no mark; a mark is a number from 0 to 5"
        raise NotAMarkError(message)
    with transaction.atomic():
        Label.objects.update_or_create(
            judge=judge,
            generation_id=call,
            rater=rater,
            defaults={"value": value, "reason": reason, "made_at": now},
        )
        said = Label.objects.filter(judge=judge, generation_id=call, value__isnull=False)
        values = list(said.order_by("rater").values_list("value", "rater"))
        rows = []
        if values:
            mean = float(np.mean([one for one, _ in values]))
            by = ", ".join(name for _, name in values)
            rows.append(scores.ScoreRow(call, judge.name, "human", mean, reason, by))
        else:
            scores.take_back(judge.project_id, call, judge.name, "human", author=rater, now=now)
        if correction:
            rows.append(scores.ScoreRow(call, CORRECTION, "human", 0.0, correction, rater))
        scores.put(judge.project_id, rows, now=now)


def agreement(judge: Judge) -> Agreement:
    """How far the people who label for a judge agree."""
    by_call: dict[UUID, dict[str, float]] = {}
    for call, rater, value in Label.objects.filter(judge=judge, value__isnull=False).values_list(
        "generation_id", "rater", "value"
    ):
        by_call.setdefault(call, {})[rater] = float(value or 0.0)
    shared = [said for said in by_call.values() if len(said) > 1]
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for said in shared:
        names = sorted(said)
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                pairs.setdefault((one, other), []).append((said[one], said[other]))
    if not pairs:
        return Agreement(0, math.nan, math.nan, ("", ""))
    most = max(pairs, key=lambda names: len(pairs[names]))
    one, other = np.array(pairs[most]).T
    alpha = krippendorff_alpha([list(said.values()) for said in shared])
    return Agreement(len(shared), alpha, cohen_kappa(one, other), most)
