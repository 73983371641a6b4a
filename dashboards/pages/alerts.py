"""Alerts: what fired, why, and who was told? One alert opens with its series, its history and its messages."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, changed, colours, company, quieting
from dashboards.charts import Chart, draw
from dashboards.firing import SILENT, STATES, Firing, active
from dashboards.lines import POINTS, pinned
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor.alerting import read as told
from monitor.query import threshold
from monitor.rules import read

FINGERPRINT = re.compile("[0-9a-f]{1,16}")
MOST_DELIVERIES = 30
MOST_LANES = 24
OUTCOMES: dict[str, tuple[str, str | Promise]] = {
    "sent": ("good", lazy("sent")), "waiting": ("unknown", lazy("waiting")), "muted": ("unknown", lazy("silenced")),
    "skipped": ("unknown", lazy("nothing to say")), "refused": ("bad", lazy("refused")),
    "given_up": ("bad", lazy("given up")),
}  # fmt: skip
RULE_TONES = {"firing": "bad", "pending": "warn", "inactive": "good", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an alert was in one state."""

    lane: str
    state: str
    start_ms: int
    end_ms: int


class Alerts(Page):
    name = "alerts"
    title = lazy("Alerts")
    question = lazy("What fired, why, and who was told?")
    key = "a"
    routes: ClassVar = (
        ("", "show", "pages/alerts.html"),
        ("silence/", "silence", "pages/silence.html"),
        ("routing/", "routing", "pages/routing.html"),
        ("<slug:fingerprint>/", "detail", "pages/alert.html"),
    )
    acts: ClassVar = {"silence": "editor", "end-silence": "editor", "import": "admin"}

    def show(self, visit: Visit) -> Context:
        now = active(visit)
        heard, quiet = quieting.divided(visit, now)
        return {
            "alarms": heard,
            "quiet": quiet,
            "groups": told.groups(visit.project_id, now=visit.now),
            "timeline": timeline(visit, now),
            "rules": [(rule, RULE_TONES.get(rule.state, "unknown"), STATES.get(rule.state, rule.state)) for rule in read.rules(visit.project_id, now=visit.now)],
            "deliveries": [(one, *OUTCOMES.get(one.state, ("unknown", one.state))) for one in told.deliveries(visit.project_id, MOST_DELIVERIES)],
            "contacts": told.contacts(visit.project_id),
            "silences": [one for one in told.silences(visit.project_id, now=visit.now) if one.state != "expired"],
            "may_edit": visit.place.allows("editor"),
        }  # fmt: skip

    def silence(self, visit: Visit) -> Context:
        """A form for a silence, with what it would catch now."""
        return quieting.wished(visit, visit.params)

    def routing(self, visit: Visit) -> Context:
        """Who is told of what, as a tree; and an Alertmanager's file, in and out."""
        return quieting.routing(visit)

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        match form.get("do"):
            case "silence":
                return quieting.silence(visit, form)
            case "end-silence":
                return quieting.end(visit, form)
            case "import":
                return quieting.take(visit, form)
        return redirect(visit.path)

    def detail(self, visit: Visit, fingerprint: str) -> Context:
        if not FINGERPRINT.fullmatch(fingerprint):
            raise MissingError(_("There is no such alert."))
        now = next((one for one in active(visit) if one.fingerprint == fingerprint), None)
        changes = [
            one for one in read.history(visit.project_id, visit.span.start, visit.span.end)
            if one.fingerprint == fingerprint
        ]  # fmt: skip
        stranger = None if now or changes else told.alert(visit.project_id, fingerprint, now=visit.now)
        if now is None and not changes and stranger is None:
            message = _("There is no such alert in this time range. Choose a longer range.")
            raise MissingError(message)
        if stranger is not None:
            return self._shown(visit, fingerprint, quieting.from_outside(stranger, visit.now), dict(stranger.labels),
                told.expr_of(stranger.link), stranger.starts_at) | {"stranger": stranger, "source": web(stranger.link)}  # fmt: skip
        labels = dict(now.labels if now else changes[0].labels)
        rule_id = changes[0].rule_id if changes else None
        rule = next(
            (one for one in read.rules(visit.project_id, now=visit.now) if _is_of(one, now, rule_id)), None
        )
        expr = now.expr if now and now.expr else rule.expr if rule else ""
        return self._shown(visit, fingerprint, now, labels, expr, began(now, changes)) | {
            "rule": rule,
            "changes": [(one, STATES.get(one.to, one.to), RULE_TONES.get(one.to, "good")) for one in changes],
        }

    def _shown(
        self, visit: Visit, fingerprint: str, alarm: Firing | None, labels: dict[str, str], expr: str,
        since: dt.datetime | None,
    ) -> Context:  # fmt: skip
        """What is shown of every alert, wherever it comes from. ``since``: when its expression became true."""
        return {
            "alarm": alarm,
            "name": labels.get("alertname", ""),
            "labels": labels,
            "chart": series(visit, expr, labels) if expr else None,
            "expr": expr,
            "changed": changed.shown(visit, fingerprint),
            "company": company.shown(visit, fingerprint, expr, labels, since),
            "deliveries": [
                (one, *OUTCOMES.get(one.state, ("unknown", one.state)))
                for one in told.deliveries(visit.project_id, MOST_DELIVERIES, fingerprint=fingerprint)
            ],
            "calls": calls_behind(visit, labels),
            "silence": quieting.link(visit, labels) if visit.place.allows("editor") else "",
        }


def began(now: Firing | None, changes: Sequence[read.ChangeRow]) -> dt.datetime | None:
    """When the expression of the newest run became true: its pending, else its firing."""
    fired = now.since if now else next((one.at for one in changes if one.to == "firing"), None)
    if fired is None:
        return None
    pending = next((one.at for one in changes if one.to == "pending" and one.at <= fired), None)
    ended = next((one.at for one in changes if one.to in {"resolved", "inactive"} and one.at <= fired), None)
    return pending if pending and not (ended and ended > pending) else fired


def web(link: str) -> str:
    """The sender's own page; other addresses are not shown as links."""
    return link if link.startswith(("http://", "https://")) else ""


def _is_of(rule: read.RuleRow, alarm: Firing | None, rule_id: int | None) -> bool:
    return rule.id == rule_id if rule_id is not None else alarm is not None and rule.name == alarm.name


def series(visit: Visit, expr: str, labels: dict[str, str]) -> Chart:
    """What the rule looks at. A trailing comparison is taken off, so that the calm times are seen too."""
    found_limit = threshold.find(expr)
    level = found_limit.limit if found_limit else None
    expr = found_limit.left if found_limit else expr
    try:
        found = ask.frames(visit.project_id, expr, visit.span, POINTS)
    except ask.AskError as error:
        return draw("alert-series", "timeseries", _("What the rule looks at"), error)
    mine = [
        Frame(one.name, one.columns, one.labels, colours.slot(0))
        for one in found
        if all(labels.get(name) == value for name, value in one.labels.items() if name != "__name__")
    ]
    return draw(
        "alert-series", "timeseries", _("What the rule looks at"), mine or found, limit=level, height=260,
        note=_("the dashed line is the limit") if level is not None else "", **pinned(visit),
    )  # fmt: skip


def calls_behind(visit: Visit, labels: dict[str, str]) -> str:
    """The list of calls that the alert speaks of."""
    names = ("model", "version", "environment", "route")
    return visit.to("generations", **{name: labels[name] for name in names if name in labels})


def timeline(visit: Visit, now: Sequence[Firing]) -> Chart:
    """When each alert was pending and firing in the span."""
    stretches = stretches_of(visit, now)
    lanes = list(dict.fromkeys(one.lane for one in stretches))[:MOST_LANES]
    frames = []
    for state, colour in (("pending", colours.WARN), ("firing", colours.BAD)):
        chosen = [one for one in stretches if one.state == state and one.lane in lanes]
        columns = {
            "lane": np.array([one.lane for one in chosen]),
            "start": np.array([one.start_ms for one in chosen], dtype=np.int64),
            "end": np.array([one.end_ms for one in chosen], dtype=np.int64),
        }
        frames.append(Frame(str(STATES[state]), columns, {}, colour))
    height = 160 if len(lanes) <= 4 else 260 if len(lanes) <= 10 else 360
    return draw(
        "alert-timeline", "timeline", _("History"), frames, height=height, **pinned(visit),
        empty=_("No alert was pending or firing in this time range."),
    )  # fmt: skip


def stretches_of(visit: Visit, now: Sequence[Firing]) -> list[Stretch]:
    """From changes to stretches: each state lasts until the next change, the last one until the end."""
    start, end = (int(moment.timestamp() * 1000) for moment in (visit.span.start, visit.span.end))
    changes = read.history(visit.project_id, visit.span.start, visit.span.end)[::-1]
    open_now: dict[str, tuple[str, str, int]] = {}
    found = []
    for change in changes:
        at = int(change.at.timestamp() * 1000)
        before = open_now.pop(change.fingerprint, None)
        if before is not None:
            found.append(Stretch(before[0], before[1], before[2], at))
        if change.to in {"pending", "firing"}:
            open_now[change.fingerprint] = (_lane(change.name, dict(change.labels)), change.to, at)
    for one in now:
        since = max(start, int(one.since.timestamp() * 1000))
        open_now.setdefault(one.fingerprint, (_lane(one.name, dict(one.labels)), one.state, since))
    found += [Stretch(lane, state, since, end) for lane, state, since in open_now.values() if since < end]
    return found


def _lane(name: str, labels: dict[str, str]) -> str:
    inside = " ".join(value for key, value in labels.items() if key not in SILENT)
    return f"{name} {inside}"[:60].strip()


PAGE = Alerts()
