"""How good the answers are, as people would say: a judge's marks corrected by labels, with an interval.

Marks of one epoch and one version only, and only of the fair sample: those stand under the judge's own name.
Without enough labels there is no rate; the raw mean is never passed off as one.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db.models import Avg

from monitor.core import clock
from monitor.core.calibrated import TooFewLabelsError
from monitor.core.labels import NAME, Labels
from monitor.core.stats import Floats
from monitor.core.stratified import Estimate, Stratum, estimate, lacking
from monitor.quality import epochs
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import BEST
from monitor.quality.models import Judge, JudgeEpoch, Label
from monitor.store import ids
from monitor.store.calls import marks
from monitor.store.samples import append

WINDOW = dt.timedelta(days=7)
# the calls of the last day are weighed against those before
LATE = dt.timedelta(days=1)
# marks below, between and above: labels are drawn and weighted within these
EDGES = (2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of a judge, and which of them are on calls of the last day."""

    values: Floats
    late: npt.NDArray[np.bool_]


@dataclass(slots=True)
class Material:
    """What is known of one version in the window: the judge's marks of the calls that people labelled, in the
    order of ``calls``, and of all ``others``.
    """

    model: str
    version: str
    calls: list[UUID]
    there: Marks
    others: Marks
    labels: dict[UUID, float] = field(default_factory=dict)

    @property
    def judged(self) -> Floats:
        """All marks."""
        return np.concatenate([self.there.values, self.others.values])

    @property
    def halves(self) -> tuple[Floats, Floats]:
        """The marks on calls of the days before, and of the last day."""
        late = np.concatenate([self.there.late, self.others.late])
        return self.judged[~late], self.judged[late]

    def strata(self, good_from: float | None = None) -> list[Stratum]:
        """For the mean mark; with ``good_from`` for the share of good answers. The judge's marks go from 0 to 1."""
        found = []
        said = np.array([self.labels[call] for call in self.calls], dtype=np.float64)
        wanted = said if good_from is None else (said >= good_from).astype(np.float64)
        of, rest = (np.searchsorted(EDGES, one.values, side="right") for one in (self.there, self.others))
        for number in range(len(EDGES) + 1):
            mine = of == number
            others = self.others.values[rest == number] / BEST
            found.append(Stratum(wanted[mine], self.there.values[mine] / BEST, others))
        return found


@dataclass(frozen=True, slots=True)
class Quality:
    """One version under one judge. ``rate`` and ``mean`` are None while there are too few labels.

    ``agrees``: correlation of the judge with people on the labelled calls; None where it can't be told.
    ``lacking``: labels that are needed before there is a rate.
    """

    model: str
    version: str
    judged: int
    labels: int
    raw_mean: float
    raw_rate: float
    rate: Estimate | None
    mean: Estimate | None
    agrees: float | None
    lacking: int


def material(judge: Judge, *, now: dt.datetime) -> list[Material]:
    """Each version's judged calls and labels in the window, the version with most calls first."""
    epoch = epochs.latest(judge)
    if epoch is None:
        return []
    said = said_of(judge)
    span = (judge.project_id, now - WINDOW, now)
    labelled = marks.among(*span, _author(judge, epoch), list(said))
    tallies = marks.tallied(*span, _author(judge, epoch), edge=now - LATE, but=list(said))
    versions = sorted({*labelled.versions, *((one.model, one.version) for one in tallies)})
    made = [_of_version(version, labelled, tallies, said, now) for version in versions]
    return sorted(made, key=lambda one: (-one.judged.size, one.model, one.version))


def unlabelled(judge: Judge, known: Material, number: int, *, now: dt.datetime) -> list[UUID]:
    """The calls of one stratum that nobody has labelled yet."""
    epoch = epochs.latest(judge)
    if epoch is None:
        return []
    low, high = (-math.inf, *EDGES)[number], (*EDGES, math.inf)[number]
    found = marks.between(
        judge.project_id, now - WINDOW, now, _author(judge, epoch), (low, high), model=known.model,
        version=known.version,
    )  # fmt: skip
    return [call for call in found.calls if call not in known.labels]


def _author(judge: Judge, epoch: JudgeEpoch) -> marks.Author:
    return marks.Author(judge.name, JUDGES[judge.kind].source, f"{judge.kind}#{epoch.number}")


def _of_version(
    version: tuple[str, str], labelled: marks.JudgedCalls, tallies: Sequence[marks.Tally],
    said: Mapping[UUID, float], now: dt.datetime,
) -> Material:  # fmt: skip
    places = [place for place, one in enumerate(labelled.versions) if one == version]
    calls = [labelled.calls[place] for place in places]
    edge = clock.to_ms(now - LATE)
    late = np.array([ids.milliseconds_of(call) >= edge for call in calls], dtype=bool)
    mine = [one for one in tallies if (one.model, one.version) == version]
    n = [one.n for one in mine]
    others = Marks(
        np.repeat(np.array([one.value for one in mine], dtype=np.float64), n),
        np.repeat(np.array([one.late for one in mine], dtype=bool), n),
    )
    there = Marks(labelled.values[places], late)
    return Material(*version, calls, there, others, {call: said[call] for call in calls})


def said_of(judge: Judge) -> dict[UUID, float]:
    """What people say of each labelled call, several people by their mean."""
    rows = (
        Label.objects.filter(judge=judge, value__isnull=False).values("generation_id").annotate(Avg("value"))
    )
    return {row["generation_id"]: float(row["value__avg"]) for row in rows}


def quality(judge: Judge, *, now: dt.datetime) -> list[Quality]:
    """Every version that the judge has marked in the window."""
    return [of(one, judge.good_from) for one in material(judge, now=now)]


def of(known: Material, good_from: float) -> Quality:
    """What can be said of one version."""
    try:
        rate: Estimate | None = estimate(known.strata(good_from), shares=True)
        mean: Estimate | None = estimate(known.strata())
    except TooFewLabelsError:
        rate = mean = None
    return Quality(
        known.model, known.version, known.judged.size, len(known.labels), float(known.judged.mean()),
        float((known.judged >= good_from).mean()), rate, mean, _agrees(known), lacking(known.strata()),
    )  # fmt: skip


def _agrees(known: Material) -> float | None:
    pairs = list(zip(known.there.values.tolist(), (known.labels[call] for call in known.calls), strict=True))
    if len(pairs) < 10:
        return None
    judge, people = np.array(pairs).T
    if np.ptp(judge) == 0 or np.ptp(people) == 0:
        return None
    return float(np.corrcoef(judge, people)[0, 1])


def tell_all(*, now: dt.datetime) -> int:
    """Write the corrected rates of every judge that has labels; how many series got a point."""
    labelled = Judge.objects.filter(project__deleted_at=None, labels__isnull=False).distinct()
    return sum(_tell(judge, now=now) for judge in labelled if judge.kind in JUDGES)


def _tell(judge: Judge, *, now: dt.datetime) -> int:
    points = []
    at = clock.to_ms(now)
    for one in quality(judge, now=now):
        for name, found, top in (("llm_quality_rate", one.rate, 1.0), ("llm_quality_mean", one.mean, BEST)):
            for bound, value in bounds(found, top).items():
                labels = {
                    NAME: name, "rubric": judge.name, "model": one.model, "version": one.version,
                    "bound": bound,
                }  # fmt: skip
                points.append((Labels({key: text for key, text in labels.items() if text}), at, value))
    append.samples(judge.project_id, points, now=now)
    return len(points)


def bounds(found: Estimate | None, top: float) -> Mapping[str, float]:
    """Estimate, lower and upper bound within the range of the thing; nothing for an unknown one."""
    if found is None:
        return {}
    interval = found.interval()
    told = {"estimate": found.mean, "lower": interval.low, "upper": interval.high}
    return {bound: min(top, max(0.0, value)) for bound, value in told.items()}
