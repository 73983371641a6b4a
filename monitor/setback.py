"""The clock was set back: what was to come soon would else wait until the clock has caught up.

Everything that we noted for a moment ahead, or as done in what is now the future, is moved back by as much as the
clock was. What people chose (silences, expiry of keys) and what happened to others (times of calls and samples)
stays as it is.
"""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from django.apps import apps
from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from monitor.core import clock
from monitor.store.turns import turn

log = logging.getLogger("vigil.clock")
SEEN = "clock:seen"
KEPT_SECONDS = 30 * 86_400
# less than that is a clock being trimmed, and two machines that differ a little
LEAST = dt.timedelta(seconds=5)
NOTED: Mapping[str, Sequence[str]] = {
    "RuleGroup": ["due_at", "evaluated_at"],
    "Rule": ["evaluated_at"],
    "RuleAlert": ["active_at", "fired_at", "resolved_at", "kept_since"],
    "ScrapeTarget": ["due_at"],
    "ScrapeJob": ["due_at"],
    "Alert": ["starts_at", "ends_at", "updated_at"],
    "AlertGroup": ["due_at"],
    "Delivery": ["created_at", "next_at", "lease_until"],
    "Contact": ["rest_until"],
    "Judge": ["due_at"],
    "RolloutRun": ["next_at"],
    "Shipping": ["retry_at"],
}


def mind(*, now: dt.datetime) -> dt.timedelta | None:
    """Look at the clock, and mend what it left behind when it was set back; by how much it was."""
    with turn("clock") as mine:
        if not mine:
            return None
        seen = cache.get(SEEN)
        cache.set(SEEN, clock.to_ms(now), KEPT_SECONDS)
        by = dt.timedelta(milliseconds=seen - clock.to_ms(now)) if seen is not None else dt.timedelta()
        if by < LEAST:
            return None
        log.error("the clock was set back by %s; what was noted ahead of it is moved back as much", by)
        move(by, now=now)
        return by


def move(by: dt.timedelta, *, now: dt.datetime) -> None:
    """Everything noted ahead of ``now``, earlier by ``by``."""
    with transaction.atomic():
        for name, fields in NOTED.items():
            rows = apps.get_model("monitor", name)._base_manager  # noqa: SLF001 — Django documents it
            for field in fields:
                rows.filter(**{f"{field}__gt": now}).update(**{field: F(field) - by})
