"""What senders say about the metrics they push. Most say the same again each minute, so only news is written."""

import datetime as dt
from collections.abc import Mapping

from monitor.ingest.envelope import About
from monitor.ingest.models import PushedMetric
from monitor.ingest.redaction.redactor import storable

MOST_FAMILIES = 10_000
MOST_HELP = 1_000
# how long a process believes that what it wrote still stands
HOLD = dt.timedelta(hours=1)

_told: dict[tuple[int, str], tuple[About, dt.datetime]] = {}


def remember(project_id: int, found: Mapping[str, About], *, now: dt.datetime) -> None:
    """Keep what is said of each family; what was said last counts."""
    news = {name: about for name, about in found.items() if not _is_known((project_id, name), about, now)}
    if not news:
        return
    rows = [
        PushedMetric(
            project_id=project_id, name=storable(name)[:512], type=about.type, unit=storable(about.unit)[:100],
            help=storable(about.help)[:MOST_HELP],
        )
        for name, about in sorted(news.items())
    ]  # fmt: skip
    PushedMetric.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["project", "name"],
        update_fields=["type", "help", "unit"],
    )
    if len(_told) > MOST_FAMILIES:
        _told.clear()
    _told.update({(project_id, name): (about, now) for name, about in news.items()})


def of_project(project_id: int) -> dict[str, About]:
    """By family, sorted."""
    rows = PushedMetric.objects.filter(project_id=project_id).order_by("name")
    return {
        name: About(*facts)
        for name, *facts in rows.values_list("name", "type", "help", "unit")[:MOST_FAMILIES]
    }


def forget() -> None:
    """Drop what this process remembers; in tests."""
    _told.clear()


def _is_known(key: tuple[int, str], about: About, now: dt.datetime) -> bool:
    known = _told.get(key)
    return known is not None and known[0] == about and known[1] <= now < known[1] + HOLD
