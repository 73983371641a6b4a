"""Pure: which routes take an alert, and which group it joins there."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.alerting import matching
from monitor.core.labels import Labels, Matcher

EACH = "..."


@dataclass(frozen=True, slots=True)
class Way:
    """A route as the pure part sees it. ``id`` None: the default of a project without routes."""

    id: int | None
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] = ("alertname",)
    go_on: bool = False
    wait: dt.timedelta = dt.timedelta(seconds=10)
    interval: dt.timedelta = dt.timedelta(seconds=60)
    repeat: dt.timedelta = dt.timedelta(hours=4)


DEFAULT = Way(id=None)


def ways_for(labels: Labels, ways: Sequence[Way]) -> list[Way]:
    """The first way that matches, and those after it as long as each says to go on.

    Without any way in the project, the default one takes everything; with ways, what none matches goes
    to nobody.
    """
    if not ways:
        return [DEFAULT]
    taken: list[Way] = []
    for way in ways:
        if matching.all_match(way.matchers, labels):
            taken.append(way)
            if not way.go_on:
                break
    return taken


def group_labels(labels: Labels, group_by: Sequence[str]) -> Labels:
    """The labels that the alerts of one group share; ``...`` makes every alert a group of its own."""
    return labels if EACH in group_by else labels.keep(group_by)


def digest(labels: Labels) -> str:
    """The name of a group within its route."""
    parts = "\xff".join(f"{name}\xff{value}" for name, value in labels.items_sorted)
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def names(text: str) -> tuple[str, ...]:
    """``group_by`` as people type it."""
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())
