"""Which alerts are not told to anyone at this moment."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.alerting import matching
from monitor.alerting.models import Silence
from monitor.core.labels import Matcher


@dataclass(frozen=True, slots=True)
class Mute:
    """A silence in force. One without matchers would silence everything, so it silences nothing."""

    id: uuid.UUID
    matchers: tuple[Matcher, ...]


def in_force(project_id: int, *, now: dt.datetime) -> list[Mute]:
    """The silences of a project whose window is open; one that can't be read mutes nothing."""
    rows = Silence.objects.filter(project_id=project_id, starts_at__lte=now, ends_at__gt=now)
    mutes = []
    for row in rows.order_by("starts_at"):
        try:
            mutes.append(Mute(row.id, matching.parse(row.matchers)))
        except matching.BadMatchersError:
            continue
    return mutes


def muted_by(labels: Mapping[str, str], mutes: Sequence[Mute]) -> list[uuid.UUID]:
    """The silences that keep this alert quiet."""
    return [mute.id for mute in mutes if mute.matchers and matching.all_match(mute.matchers, labels)]
