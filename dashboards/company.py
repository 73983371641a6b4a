"""What moved with a latency alert, for its page: cards, engine and input with their lag, or that nothing did."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.cache import cache
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask
from dashboards.boards import known
from dashboards.numbers import show
from dashboards.visit import Visit
from monitor import query
from monitor.engines import behind
from monitor.engines.behind import Asked, Behind, Companion
from monitor.engines.together import BEFORE_SECONDS
from monitor.gpu import read as polled
from monitor.gpu.rows import XidRow

# while an alert is young its end moves, and so does the key
HOLD_SECONDS = 3600
EVENTS_BEFORE = dt.timedelta(minutes=15)
FAMILIES: Mapping[str, str | Promise] = {
    "gpu": lazy("GPU"), "engine": lazy("engine"), "input": lazy("input"),
}  # fmt: skip
SIGNALS: Mapping[str, str | Promise] = {
    "throttle": lazy("a card is slowed down by heat or a fault"), "power_cap": lazy("a card runs at its power cap"),
    "memory": lazy("memory of the fullest card"), "xid": lazy("XID errors"), "utilisation": lazy("utilisation of the cards"),
    "temperature": lazy("hottest card"), "clock": lazy("slowest clock"),
    "waiting": lazy("waiting requests"), "running": lazy("running requests"), "kv": lazy("KV cache in use"),
    "preemptions": lazy("preemptions"), "retracted": lazy("retracted requests"), "hits": lazy("prefix cache hits"),
    "calls": lazy("calls per second"), "prompt_length": lazy("prompt length"),
    "answer_length": lazy("answer length"), "prompt_tokens": lazy("prompt tokens per second"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A companion in words. ``lag``: "1 min before it"."""

    family: str | Promise
    what: str | Promise
    before: str
    now: str
    lag: str
    r: str


@dataclass(frozen=True, slots=True)
class Company:
    """``problem``: why it could not be looked for; ``behind`` is None then. ``events``: XIDs as facts, whatever
    chance says.
    """

    behind: Behind | None
    lines: list[Line]
    problem: str = ""
    events: tuple[str, ...] = ()


def shown(visit: Visit, fingerprint: str, expr: str, labels: Mapping[str, str], since: dt.datetime | None) -> Company | None:  # fmt: skip
    """None for an alert that is not about latency."""
    if not expr or since is None or behind.measured(expr) is None:
        return None
    end = behind.end_of(since, visit.now)
    key = f"engines:company:{visit.project_id}:{fingerprint}:{since.timestamp():.0f}:{end.timestamp():.0f}"
    held: tuple[Behind, list[XidRow]] | None = cache.get(key)
    if held is None:
        try:
            found = _looked(visit, Asked(expr, labels, since))
            events = [] if found is None else polled.xids(visit.project_id, since - EVENTS_BEFORE, end)
        except (query.Failed, ask.AskError) as error:
            return Company(None, [], str(error))
        if found is None:
            return None
        held = found, [one for one in events if one.host in found.hosts]
        cache.set(key, held, HOLD_SECONDS)
    company, events = held
    return Company(
        company, [line_of(one) for one in company.companions],
        events=tuple(event_text(one, since) for one in events[::-1]),
    )  # fmt: skip


def _looked(visit: Visit, asked: Asked) -> Behind | None:
    names = known.names(visit.project_id, visit.now)
    own = [one.host for one in polled.pollers(visit.project_id) if one.enabled]
    return behind.behind(visit.project_id, asked, names, now=visit.now, own_hosts=own)


def line_of(one: Companion) -> Line:
    return Line(
        FAMILIES[one.family], SIGNALS[one.signal], show(one.before, one.unit), show(one.now, one.unit),
        lag_text(one.lag_seconds), f"{one.r:+.2f}".replace("-", "\u2212"),
    )  # fmt: skip


def event_text(event: XidRow, since: dt.datetime) -> str:
    """An event with its distance to the moment at which the alert's condition held."""
    lag = (since - event.at).total_seconds()
    where = {"code": event.code, "card": f"{event.host} / {event.gpu}", "width": show(abs(lag), "seconds")}
    if lag >= 0:
        return _("XID %(code)s on %(card)s, %(width)s before the alert's condition held") % where
    return _("XID %(code)s on %(card)s, %(width)s after the alert's condition held") % where


def lag_text(seconds: float) -> str:
    """How long before or after the alert's own series it moved."""
    if seconds == 0:
        return _("at the same time")
    width = show(abs(seconds), "seconds")
    if seconds >= BEFORE_SECONDS:
        return _("%(width)s or more before") % {"width": width}
    return (
        _("%(width)s before") % {"width": width} if seconds > 0 else _("%(width)s after") % {"width": width}
    )
