"""What evaluation needs from outside: to ask, to write samples, to hand alerts on."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from monitor import query
from monitor.core.alerts import Notice
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.rules.facts import Answer
from monitor.store.samples import append

Sample = tuple[Labels, int, float]


@dataclass(frozen=True, slots=True)
class World:
    """The store and the alerting of a product, or of a test."""

    ask: Callable[[int, Sequence[str], dt.datetime], Sequence[Answer]]
    write: Callable[[int, Sequence[Sample]], object]
    tell: Callable[[int, Sequence[Notice]], None]
    write_runs: Callable[[int, Sequence[tuple[Labels, HistogramRun]]], object] = lambda *_: None
    url: str = ""


def stored(tell: Callable[[int, Sequence[Notice]], None], *, now: dt.datetime) -> World:
    """The world of the running product: our query engine, our store."""

    def write(project_id: int, samples: Sequence[Sample]) -> int:
        return append.samples(project_id, samples, now=now)

    def write_runs(project_id: int, rows: Sequence[tuple[Labels, HistogramRun]]) -> int:
        return append.histograms(project_id, rows, now=now)

    return World(asked, write, tell, write_runs, settings.VIGIL_PUBLIC_URL.rstrip("/"))


def asked(project_id: int, exprs: Sequence[str], at: dt.datetime) -> list[Answer]:
    """The answers of our query engine, each with its own error."""
    return [
        Answer(error=found)
        if isinstance(found, query.Failed)
        else Answer(
            [(labels, float(values[-1])) for labels, _, values in found.points()],
            list(found.runs()) if found.histograms else (),
        )
        for found in query.instants(project_id, exprs, at)
    ]
