"""The Alerts page's part on silences and routes: what is kept quiet and why, and the forms that change it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dashboards.firing import Firing
from dashboards.pages.base import Context, Form
from dashboards.visit import Visit
from monitor.alerting import read as told
from monitor.alerting.standing import Standing

HOURS = ("1", "2", "4", "8", "24", "72", "168")
DEFAULT_HOURS = "2"
OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Row:
    """An alert as the page lists it. ``reasons``: why it is told to nobody, if so."""

    alarm: Firing
    receivers: tuple[str, ...]
    reasons: tuple[str, ...]
    silence: str
    outside: bool = False


def divided(visit: Visit, alarms: Sequence[Firing]) -> tuple[list[Row], list[Row]]:
    """What people are told of, and what is kept quiet; those from other senders among them."""
    standing = {one.fingerprint: one for one in told.alerts(visit.project_id, now=visit.now)}
    rows = [_row(visit, alarm, standing.get(alarm.fingerprint)) for alarm in alarms]
    known = {alarm.fingerprint for alarm in alarms}
    strangers = [one for one in standing.values() if one.source == OUTSIDE and one.fingerprint not in known]
    rows += [_row(visit, _firing(one), one) for one in sorted(strangers, key=lambda one: one.starts_at)]
    return [row for row in rows if not row.reasons], [row for row in rows if row.reasons]


def link(visit: Visit, labels: Mapping[str, str]) -> str:
    """The form for a silence of exactly this alert."""
    return visit.to("alerts/silence", matchers=told.matchers_of(labels))


def wished(visit: Visit, form: Mapping[str, str]) -> Context:
    """What is in the form, and what a silence with it would catch."""
    text = form.get("matchers", "").strip()
    try:
        caught, problem = told.caught(visit.project_id, text, now=visit.now) if text else [], ""
    except told.RefusedError as error:
        caught, problem = [], str(error)
    return {
        "matchers": text, "caught": caught, "problem": problem, "hours": HOURS,
        "chosen": form.get("hours", DEFAULT_HOURS), "comment": form.get("comment", ""),
        "may_edit": visit.place.allows("editor"),
    }  # fmt: skip


def silence(visit: Visit, form: Form) -> HttpResponse | Context:
    hours = form.get("hours", "")
    try:
        if hours not in HOURS:
            raise told.RefusedError(_("Choose how long the silence lasts."))  # noqa: TRY301 — shown below
        wish = told.SilenceWish(dt.timedelta(hours=int(hours)), visit.person, form.get("comment", "").strip())
        told.silence(visit.project_id, form.get("matchers", ""), wish, now=visit.now)
    except told.RefusedError as error:
        return wished(visit, form) | {"problem": str(error)}
    return redirect(visit.to("alerts"))


def end(visit: Visit, form: Form) -> HttpResponse:
    told.end_silence(visit.project_id, form.get("id", ""), now=visit.now)
    return redirect(visit.to("alerts"))


def routing(visit: Visit) -> Context:
    routes = told.routes(visit.project_id)
    return {
        "routes": _tree(routes, None, 0),
        "groups": told.groups(visit.project_id, now=visit.now),
        "contacts": told.contacts(visit.project_id),
        "file": told.alertmanager_file(visit.project_id),
        "may_edit": visit.place.allows("admin"),
    }


def take(visit: Visit, form: Form) -> Context:
    """Bring an alertmanager.yml; what it loses is listed."""
    text = form.get("text", "")
    try:
        taken = told.take_alertmanager_file(visit.project_id, text, now=visit.now)
    except told.RefusedError as error:
        return routing(visit) | {"refused": str(error), "text": text}
    return routing(visit) | {"taken": taken}


def _tree(routes: Sequence[told.RouteRow], parent: int | None, depth: int) -> list[tuple[int, told.RouteRow]]:
    found: list[tuple[int, told.RouteRow]] = []
    for route in routes:
        if route.parent_id == parent:
            found += [(depth, route), *_tree(routes, route.id, depth + 1)]
    return found


def _row(visit: Visit, alarm: Firing, one: Standing | None) -> Row:
    reasons: list[str] = []
    if one is not None:
        reasons += [_("silenced")] if one.silenced_by else []
        reasons += [_("inhibited by another alert")] if one.inhibited_by else []
        reasons += [_("quiet during %s") % ", ".join(one.muted_by)] if one.muted_by else []
    address = link(visit, alarm.labels) if visit.place.allows("editor") else ""
    receivers = one.receivers if one is not None else ()
    return Row(alarm, receivers, tuple(reasons), address, outside=one is not None and one.source == OUTSIDE)


def from_outside(one: Standing, now: dt.datetime) -> Firing | None:
    """An alert that somebody else found, while it fires."""
    return _firing(one) if one.ends_at is None or one.ends_at > now else None


def _firing(one: Standing) -> Firing:
    labels = dict(one.labels)
    return Firing(
        labels.get("alertname", ""), labels.get("severity", ""), "firing", labels, dict(one.annotations),
        float("nan") if one.value is None else one.value, one.starts_at, one.fingerprint, "",
    )  # fmt: skip
