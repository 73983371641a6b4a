"""How good the answers are, as people would say: a judge's marks corrected by labels, with an interval.

Marks of one epoch and one version only, and only of the fair sample: those stand under the judge's own name.
Without enough labels there is no rate; the raw mean is never passed off as one.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
from django.db.models import Avg

from monitor.core import clock
from monitor.core.calibrated import TooFewLabelsError
from monitor.core.labels import NAME, Labels
from monitor.core.stats import Floats
from monitor.core.stratified import Estimate, Stratum, estimate, lacking
from monitor.quality import epochs
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import BEST
from monitor.quality.models import Judge, Label
from monitor.store import append, marks

WINDOW = dt.timedelta(days=7)
MOST_MARKS = 60_000
# marks below, between and above: labels are drawn and weighted within these
EDGES = (2.0, 4.0)


@dataclass(slots=True)
class Material:
    """What is known of one version in the window: judged calls, their marks, and people's marks of some."""

    model: str
    version: str
    calls: list[UUID]
    judged: Floats
    labels: dict[UUID, float] = field(default_factory=dict)

    @property
    def places(self) -> list[list[int]]:
        """The calls by stratum."""
        of = np.searchsorted(EDGES, self.judged, side="right")
        return [np.flatnonzero(of == number).tolist() for number in range(len(EDGES) + 1)]

    def strata(self, good_from: float | None = None) -> list[Stratum]:
        """For the mean mark; with ``good_from`` for the share of good answers. The judge's marks go from 0 to 1."""
        found = []
        for places in self.places:
            there = [place for place in places if self.calls[place] in self.labels]
            others = [place for place in places if self.calls[place] not in self.labels]
            said = np.array([self.labels[self.calls[place]] for place in there], dtype=np.float64)
            wanted = said if good_from is None else (said >= good_from).astype(np.float64)
            found.append(Stratum(wanted, self.judged[there] / BEST, self.judged[others] / BEST))
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
    found = marks.judged(
        judge.project_id, now - WINDOW, now, name=judge.name,
        source=JUDGES[judge.kind].source, author=f"{judge.kind}#{epoch.number}", limit=MOST_MARKS,
    )  # fmt: skip
    said = said_of(judge)
    by_version: dict[tuple[str, str], list[int]] = {}
    for place, version in enumerate(found.versions):
        by_version.setdefault(version, []).append(place)
    made = [
        Material(
            model, version, [found.calls[place] for place in places], found.values[places],
            {found.calls[place]: said[found.calls[place]] for place in places if found.calls[place] in said},
        )
        for (model, version), places in by_version.items()
    ]  # fmt: skip
    return sorted(made, key=lambda one: (-len(one.calls), one.model, one.version))


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
        known.model, known.version, len(known.calls), len(known.labels), float(known.judged.mean()),
        float((known.judged >= good_from).mean()), rate, mean, _agrees(known), lacking(known.strata()),
    )  # fmt: skip


def _agrees(known: Material) -> float | None:
    pairs = [
        (mark, known.labels[call])
        for call, mark in zip(known.calls, known.judged.tolist(), strict=True)
        if call in known.labels
    ]
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
