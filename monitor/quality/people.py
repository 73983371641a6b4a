"""What pages show and do where people come in: corrected rates, labels, agreement, frozen calls, dead letters."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.utils.translation import gettext

from monitor.quality import epochs, golden, labels, moved, rates, sampling
from monitor.quality.judges import JUDGES
from monitor.quality.labels import Agreement, NotAMarkError
from monitor.quality.models import GoldenItem, Judge, Label
from monitor.quality.moved import Move
from monitor.quality.rates import Quality
from monitor.store.calls import generations
from monitor.store.calls.generations import GenerationDetail
from monitor.store.calls.scores import UnknownGenerationError

__all__ = ["NoSuchJudgeError", "NotAMarkError", "Standing", "UnknownGenerationError", "Version"]
# so many equal marks in a row are no judgement
SAME_MARKS = 30


class NoSuchJudgeError(LookupError):
    """The project has no judge of this name whose marks people could check."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version under one judge: what it is worth, and whether that moved."""

    quality: Quality
    move: Move

    @property
    def half(self) -> float:
        """Half the width of the rate's interval; NaN while there is none."""
        rate = self.quality.rate
        return (rate.interval().high - rate.interval().low) / 2 if rate else math.nan


@dataclass(frozen=True, slots=True)
class Standing:
    """One judge as people see it. ``same``: how many marks are all alike, 0 where they differ."""

    judge_id: int
    name: str
    kind: str
    good_from: float
    versions: tuple[Version, ...]
    agreement: Agreement
    labels: int
    golden: int
    same: int
    pairs: "Pairs | None"


@dataclass(frozen=True, slots=True)
class Pairs:
    """How the pairs of a pairwise judge ended. ``inconsistent``: share in which the two orders disagree.

    ``first``: how often the answer that stood first won, of all decided questions.
    """

    n: int
    won: int
    lost: int
    inconsistent: float
    first: float


@dataclass(frozen=True, slots=True)
class Task:
    """The queue of one judge for one person. ``call`` is None where nothing is left to label."""

    judge_id: int
    judge: str
    guidelines: str
    call: GenerationDetail | None
    second: bool
    left: int
    mine: int
    standing: Standing


def standings(project_id: int, *, now: dt.datetime) -> list[Standing]:
    """Every judge whose marks people can check, those that ask a model first."""
    return [standing(judge, now=now) for judge in _judges(project_id)]


def standing(judge: Judge, *, now: dt.datetime) -> Standing:
    known = rates.material(judge, now=now)
    # the same stretches of time as the marks that are compared
    since, until = ((now - ago).astimezone(dt.UTC).date() for ago in (rates.WINDOW, rates.LATE))
    shift = golden.shift_lately(judge, since, until)
    versions = tuple(Version(rates.of(one, judge.good_from), moved.tell(*one.halves, shift)) for one in known)
    every = np.concatenate([one.judged for one in known]) if known else np.empty(0)
    same = int(every.size) if every.size >= SAME_MARKS and np.ptp(every) == 0 else 0
    return Standing(
        judge.pk, judge.name, judge.kind, judge.good_from, versions, labels.agreement(judge),
        Label.objects.filter(judge=judge, value__isnull=False).count(),
        GoldenItem.objects.filter(judge=judge).count(), same, _pairs(judge),
    )  # fmt: skip


def names(project_id: int) -> list[str]:
    """The judges whose marks people can check."""
    return [judge.name for judge in _judges(project_id)]


def task(
    project_id: int, name: str, rater: str, *, now: dt.datetime, wanted: UUID | None = None,
    chinese: bool = False,
) -> Task:  # fmt: skip
    """What a person is to label next under a judge, or the wanted call again; raises NoSuchJudgeError."""
    judge = _judge(project_id, name)
    again = generations.one(project_id, wanted) if wanted else None
    following = None if again else labels.next_for(judge, rater, now=now)
    return Task(
        judge.pk, judge.name, guidelines(judge, chinese=chinese), following.call if following else again,
        following.second if following else False, following.left if following else 0,
        Label.objects.filter(judge=judge, rater=rater, value__isnull=False).count(), standing(judge, now=now),
    )  # fmt: skip


def guidelines(judge: Judge, *, chinese: bool = False) -> str:
    """What people read beside a call: the judge's guidelines, else what the judge itself is told in their language."""
    name = "criterion_zh" if chinese else "criterion"
    told: Any = judge.guidelines or judge.settings.get(name) or judge.settings.get("task")
    if told:
        return str(told)
    declared = {field.name: field.default for field in JUDGES[judge.kind].fields}
    return str(declared.get(name) or gettext(JUDGES.says(judge.kind)))


def say(  # noqa: PLR0913 — what a person says, of what, and when
    project_id: int, name: str, call: UUID, rater: str, value: float | None, *, reason: str = "",
    correction: str = "", now: dt.datetime,
) -> None:  # fmt: skip
    """Keep a person's label; texts come redacted. Raises NoSuchJudgeError, NotAMarkError, UnknownGenerationError."""
    judge = _judge(project_id, name)
    labels.put(judge, call, rater, value, reason=reason, correction=correction, now=now)


def freeze(project_id: int, name: str, *, now: dt.datetime) -> int:
    """Freeze the labelled calls of a judge; how many are new."""
    judge = _judge(project_id, name)
    return golden.freeze(judge, rates.said_of(judge), now=now)


def thaw(project_id: int, name: str) -> int:
    """Forget the frozen calls of a judge."""
    return golden.thaw(_judge(project_id, name))


def try_again(project_id: int, judge_id: int, *, now: dt.datetime, claim_id: int | None = None) -> int:
    """Send calls that were given up round again; how many."""
    judge = Judge.objects.filter(project_id=project_id, pk=judge_id).first()
    if judge is None:
        message = f"no judge {judge_id} in this project"
        raise NoSuchJudgeError(message)
    return sampling.send_round_again(judge, now=now, claim_id=claim_id)


def _judges(project_id: int) -> list[Judge]:
    rows = Judge.objects.filter(project_id=project_id).order_by("name")
    return [judge for judge in rows if judge.kind in JUDGES and JUDGES[judge.kind].source == "judge"]


def _judge(project_id: int, name: str) -> Judge:
    found = next((judge for judge in _judges(project_id) if judge.name == name), None)
    if found is None:
        message = f"no judge is called {name!r}"
        raise NoSuchJudgeError(message)
    return found


def _pairs(judge: Judge) -> Pairs | None:
    """Of the pairs in this epoch's claims; None for a judge of single answers."""
    epoch = epochs.latest(judge)
    if judge.kind != "pairwise" or epoch is None:
        return None
    tags = judge.claims.filter(claimed_at__gte=epoch.started_at).exclude(tag="").values_list("tag", flat=True)
    counts = dict.fromkeys(("won", "lost", "first_won", "second_won", "tie"), 0)
    for tag in tags:
        counts[tag] = counts.get(tag, 0) + 1
    n = sum(counts.values())
    decided = 2 * (counts["won"] + counts["lost"] + counts["first_won"] + counts["second_won"])
    first = counts["won"] + counts["lost"] + 2 * counts["first_won"]
    apart = counts["first_won"] + counts["second_won"]
    return Pairs(
        n,
        counts["won"],
        counts["lost"],
        apart / n if n else math.nan,
        first / decided if decided else math.nan,
    )
