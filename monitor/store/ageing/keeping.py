"""How long each project keeps samples, and points of 5 minutes and of an hour; and from when on its samples are whole."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.db.models import Q

from monitor.core import clock
from monitor.core.coarse import FIVE_MINUTES, HOUR
from monitor.store.models import Project

BEGINNING = -(2**62)
STATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Days:
    """What the installation keeps where a project says nothing else. ``coarse_after_days``: when points are made."""

    raw_days: int
    five_minute_days: int
    hour_days: int
    coarse_after_days: int = 8

    @property
    def longest(self) -> int:
        return max(self.raw_days, self.five_minute_days, self.hour_days)

    def days_of(self, resolution: int) -> int:
        return {FIVE_MINUTES: self.five_minute_days, HOUR: self.hour_days}[resolution]


@dataclass(frozen=True, slots=True)
class State:
    """What there is of a project: samples from ``raw_from_ms`` on, points for as many days as it keeps them."""

    raw_from_ms: int
    days: Days


def of_project(project_id: int, days: Days) -> Days:
    return _merged(Project.objects.get(id=project_id), days)


def all_projects(days: Days) -> list[tuple[int, Days]]:
    return [(project.pk, _merged(project, days)) for project in Project.objects.all()]


def _merged(project: Project, days: Days) -> Days:
    return Days(
        days.raw_days if project.raw_days is None else project.raw_days,
        days.five_minute_days if project.five_minute_days is None else project.five_minute_days,
        days.hour_days if project.hour_days is None else project.hour_days,
        days.coarse_after_days,
    )


def installation() -> Days:
    """What the settings say."""
    return Days(
        settings.VIGIL_RETENTION_DAYS, settings.VIGIL_RETENTION_5M_DAYS, settings.VIGIL_RETENTION_1H_DAYS
    )


def states(projects: Sequence[int], days: Days) -> dict[int, State]:
    found = {
        project.pk: State(
            BEGINNING if project.raw_from is None else clock.to_ms(project.raw_from), _merged(project, days)
        )
        for project in Project.objects.filter(id__in=set(projects))
    }
    return {number: found.get(number, State(BEGINNING, days)) for number in projects}


def samples_begin(at: dt.datetime, project_id: int | None = None) -> None:
    """Samples before ``at`` are gone: of one project, or of all."""
    rows = Project.objects.filter(Q(raw_from=None) | Q(raw_from__lt=at))
    (rows if project_id is None else rows.filter(id=project_id)).update(raw_from=at)
    forget()


_known: dict[int, tuple[float, State]] = {}
_lock = Lock()


def recent_state(project_id: int) -> State:
    """The state as it was at most half a minute ago."""
    present = clock.monotonic()
    with _lock:
        known = _known.get(project_id)
    if known is None or present - known[0] > STATE_SECONDS:
        known = (present, states([project_id], installation())[project_id])
        with _lock:
            _known[project_id] = known
    return known[1]


def forget() -> None:
    """Drop what this process remembers; after a retention run, and in tests."""
    with _lock:
        _known.clear()
