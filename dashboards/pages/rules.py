"""Rules: what is asked, how that goes, and what a rule would have done before it is saved."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, colours, tryout
from dashboards.charts import Chart, draw
from dashboards.firing import STATES
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.panels.base import Frame
from dashboards.tryout import Choice, Tryout
from dashboards.visit import Visit
from monitor import query, replay
from monitor.core import durations
from monitor.rules import build, edit, exchange, honest, read, sets, yaml
from monitor.rules.facts import Facts
from monitor.rules.history import Author
from monitor.rules.state import Holds

TONES = {
    "firing": "bad",
    "pending": "warn",
    "inactive": "good",
    "unknown": "unknown",
    "err": "bad",
    "ok": "good",
}
DAYS = ("1", "3", "7", "14", "30")
ZONES = ("UTC", "Asia/Shanghai", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "America/Los_Angeles")
TYPED = ("name", "group", "kind", "expr", "for_ms", "keep_firing_for_ms", "labels", "annotations")


class Rules(Page):
    name = "rules"
    title = lazy("Rules")
    question = lazy("What is watched, and what would a rule have done?")
    key = "r"
    timed = False
    routes: ClassVar = (
        ("", "show", "pages/rules.html"),
        ("new/", "open", "pages/rule.html"),
        ("export/", "export", "pages/rules.html"),
        ("<int:rule>/", "open", "pages/rule.html"),
    )
    acts: ClassVar = {
        "build": "viewer", "replay": "viewer",
        **dict.fromkeys(("save", "sets", "import", "test", "clone", "on", "off", "delete"), "editor"),
    }  # fmt: skip

    def show(self, visit: Visit, **more: Any) -> Context:
        groups = read.groups(visit.project_id, now=visit.now)
        return {
            "groups": [(group, TONES[group.health], self._rows(group)) for group in groups],
            "count": sum(len(group.rules) for group in groups),
            "files": read.files(visit.project_id),
            "edits": read.edits(visit.project_id, limit=30),
            "may_edit": visit.place.allows("editor"),
            "has_sets": any(group.name == "llm-errors" for group in groups),
            "measures": [(key, one.title) for key, one in build.MEASURES.items()],
            "against": build.AGAINST.items(),
            "windows": build.WINDOWS,
            "ops": build.OPS,
            "busiest": [] if visit.asked_parts else list(_busiest(visit).items()),
            **more,
        }

    def _rows(self, group: read.GroupRow) -> list[tuple[read.RuleRow, str, Any]]:
        return [
            (rule, TONES.get(rule.state, "unknown"), STATES.get(rule.state, rule.state))
            for rule in group.rules
        ]

    def export(self, visit: Visit) -> HttpResponse:
        """All rules as a file that Prometheus reads."""
        answer = HttpResponse(
            edit.give_text(visit.project_id), content_type="application/yaml; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{visit.place.slug}-rules.yml"'
        return answer

    def open(self, visit: Visit, rule: int | None = None, **more: Any) -> Context:
        """One rule, stored or in the making, with what it would have done."""
        stored = None if rule is None else self._stored(visit, rule)
        typed = more.get("typed") or _typed(visit.params, stored)
        problems: dict[str, Any] = more.get("problems", {})
        context: Context = {
            "stored": stored, "typed": typed, "problems": problems, "saved": visit.params.get("saved"),
            "tested": visit.params.get("tested"), "editor": visit.place.allows("editor"),
            "may_edit": visit.place.allows("editor") and not (stored and stored.source),
            "group_names": [group.name for group in read.groups(visit.project_id) if not group.source],
            "days": visit.params.get("days", "7"), "all_days": DAYS, "zone": _zone(visit).key, "zones": ZONES,
            "edits": read.edits(visit.project_id, rule_id=rule) if rule is not None else [],
        }  # fmt: skip
        if not typed["expr"].strip():
            return context
        fault = query.check(typed["expr"])
        if fault is not None:
            place = fault.position if fault.position is not None else len(typed["expr"])
            return context | {
                "fault": fault,
                "before": typed["expr"][:place],
                "after": typed["expr"][place:] or "␣",
            }
        context["remarks"] = honest.remarks(visit.project_id, typed["expr"], now=visit.now)
        return context | self._tried(visit, typed, stored)

    def _stored(self, visit: Visit, rule: int) -> read.RuleRow:
        found = next((one for one in read.rules(visit.project_id, now=visit.now) if one.id == rule), None)
        if found is None:
            raise MissingError(_("There is no such rule in this project."))
        return found

    def _tried(self, visit: Visit, typed: Mapping[str, str], stored: read.RuleRow | None) -> Context:
        days = int(visit.params.get("days", "7")) if visit.params.get("days", "7") in DAYS else 7
        group = _group(visit, typed, stored)
        try:
            start = visit.now - dt.timedelta(days=days)
            found = tryout.run(visit.project_id, _facts(typed, group), _pace(group), start, visit.now)
        except (tryout.Failed, durations.BadDurationError, yaml.BadRuleFileError) as error:
            return {"untried": str(error)}
        return {"tried": found, **shown(found, _zone(visit))}

    def act(self, visit: Visit, form: Form, rule: int | None = None, **_place: Any) -> HttpResponse | Context:
        if form.get("do") == "build":
            return self._build(visit, form)
        if form.get("do") == "replay":
            wanted = {name: form[name] for name in (*TYPED, "days", "zone") if name in form}
            return redirect(visit.to("rules/new" if rule is None else f"rules/{rule}", **wanted))
        author = Author(visit.person, visit.now)
        match form.get("do"):
            case "save":
                return self._save(visit, form, author, rule)
            case "sets":
                # the watcher's own set is for whoever runs Vigil, not for every project on it
                on = bool(form.get("on"))
                return self.show(visit, taken=sets.place(visit.project_id, author, on=on, names=("starter",)))
            case "import":
                return self._import(visit, form, author)
            case "test" if rule is not None:
                labels = {"alertname": self._stored(visit, rule).name, **self._stored(visit, rule).labels}
                told = replay.send_tests(visit.project_id, labels, now=visit.now)
                return redirect(visit.here(tested=", ".join(told) or "none"))
            case "clone" | "on" | "off" | "delete" if rule is not None:
                return self._change(visit, form["do"], author, rule)
        return redirect(visit.path)

    def _save(self, visit: Visit, form: Form, author: Author, rule: int | None) -> HttpResponse | Context:
        typed = {name: form.get(name, "") for name in TYPED}
        try:
            saved = edit.save(visit.project_id, typed, author, rule_id=rule)
        except edit.RefusedRuleError as error:
            return self.open(visit, rule, typed=typed, problems=error.fields)
        except LookupError as error:
            raise MissingError(str(error)) from error
        return redirect(f"/p/{visit.place.slug}/rules/{saved}/?saved=1")

    def _change(self, visit: Visit, what: str, author: Author, rule: int) -> HttpResponse:
        try:
            row = edit.mine(visit.project_id, rule)
        except LookupError as error:
            raise MissingError(str(error)) from error
        if what == "clone":
            return redirect(f"/p/{visit.place.slug}/rules/{edit.clone(row, author).pk}/")
        if what == "delete":
            edit.delete([row], author)
            return redirect(f"/p/{visit.place.slug}/rules/")
        edit.switch([row], author, on=what == "on")
        return redirect(f"/p/{visit.place.slug}/rules/{rule}/")

    def _import(self, visit: Visit, form: Form, author: Author) -> Context:
        try:
            taken = edit.take_text(
                visit.project_id, form.get("text", ""), author,
                enabled="off" not in form, partly="partly" in form,
            )  # fmt: skip
        except (yaml.BadRuleFileError, exchange.RefusedFileError) as error:
            return self.show(visit, refused=str(error), text=form.get("text", ""))
        return self.show(visit, taken=taken)

    def _build(self, visit: Visit, form: Form) -> HttpResponse | Context:
        try:
            wish = _wish(visit, form)
            expr = build.expression(wish)
        except (ValueError, build.BadWishError) as error:
            return self.show(visit, unbuilt=str(error), wished=form)
        name, summary = build.words(wish)
        return redirect(
            visit.to(
                "rules/new", expr=expr, name=name, for_ms="5m", labels="severity: warning\n",
                annotations=yaml.mapping_text({"summary": summary}),
            )
        )  # fmt: skip


def _typed(params: Mapping[str, str], stored: read.RuleRow | None) -> dict[str, str]:
    known = {"kind": "alert", "group": "llm", "labels": "severity: warning\n"}
    if stored is not None:
        known = {
            "name": stored.name, "group": stored.group, "kind": stored.kind, "expr": stored.expr,
            "for_ms": stored.hold, "keep_firing_for_ms": stored.keep_firing_for,
            "labels": yaml.mapping_text(stored.own_labels), "annotations": yaml.mapping_text(stored.annotations),
        }  # fmt: skip
    return {name: params.get(name, known.get(name, "")) for name in TYPED}


def _group(visit: Visit, typed: Mapping[str, str], stored: read.RuleRow | None) -> read.GroupRow | None:
    """The group that the rule stands in or would stand in; None: it would be a new one."""
    groups = read.groups(visit.project_id)
    if stored is not None and typed["group"].strip() in {"", stored.group}:
        return next((one for one in groups if one.id == stored.group_id), None)
    return next((one for one in groups if one.name == typed["group"].strip() and not one.source), None)


def _pace(group: read.GroupRow | None) -> tryout.Pace:
    if group is None:
        return tryout.Pace()
    offset_ms = round(group.query_offset_seconds * 1000)
    return tryout.Pace(dt.timedelta(seconds=group.interval_seconds), offset_ms, group.due_at)


def _facts(typed: Mapping[str, str], group: read.GroupRow | None) -> Facts:
    hold, keep = (durations.parse(typed[name].strip() or "0") for name in ("for_ms", "keep_firing_for_ms"))
    return Facts(
        name=typed["name"][:200] or "Rule", expr=typed["expr"],
        holds=Holds(dt.timedelta(milliseconds=hold), dt.timedelta(milliseconds=keep)),
        labels={**(group.labels if group else {}), **yaml.text_mapping(typed["labels"], "labels")},
        annotations=yaml.text_mapping(typed["annotations"], "annotations"),
        limit=group.limit if group else 0,
    )  # fmt: skip


def _busiest(visit: Visit, model: str = "", version: str = "") -> dict[str, int]:
    """By window how many calls the busiest version had in it, up to now."""
    asked = [build.busiest(window, model, version) for window in build.WINDOWS]
    answers = query.instants(visit.project_id, asked, visit.now, limits=ask.LIMITS)
    counts = [None if isinstance(one, query.Failed) else one.single() for one in answers]
    return {window: round(count or 0.0) for window, count in zip(build.WINDOWS, counts, strict=True)}


def _wish(visit: Visit, form: Form) -> build.Wish:
    measure = build.MEASURES.get(form.get("measure", ""), build.MEASURES["errors"])
    against = form.get("against", "value")
    plain = measure.limit if against == "value" else 0.5 if measure.op == "<" else 1.5
    model, version, window = form.get("model", ""), form.get("version", ""), form.get("window", "15m")
    typed = form.get("least", "").strip()
    least = int(typed) if typed else build.fitting(_busiest(visit, model, version).get(window))
    return build.Wish(
        measure=form.get("measure", ""), model=model, version=version, window=window, op=form.get("op") or measure.op,
        limit=float(form.get("limit", "").strip() or plain), against=against, stable=form.get("stable", ""),
        least=least,
    )  # fmt: skip


def _zone(visit: Visit) -> ZoneInfo:
    name = visit.params.get("zone", "UTC")
    return ZoneInfo(name if name in ZONES else "UTC")


def shown(tried: Tryout, zone: ZoneInfo) -> Context:
    """The charts and tables of a trial."""
    nights, days = tryout.per_night(tried.messages, zone), tryout.per_day(tried.messages, zone)
    texts = {event.alert.labels: event.alert.annotations.get("summary", "") for event in tried.story.events}
    return {
        "values": _values(tried),
        "timeline": _timeline(tried),
        "telling": _telling(tried, days, zone),
        "curve": _curve(tried),
        "contacts": [
            (contact, sum(counted.values()), sum(nights.get(contact, {}).values()), max(nights.get(contact, {}).values(), default=0))
            for contact, counted in sorted(days.items())
        ],
        "texts": [(labels.get("version", ""), text) for labels, text in list(texts.items())[:3] if text],
        "slider": _slider(tried.limits),
    }  # fmt: skip


def _slider(limits: list[Choice]) -> dict[str, float] | None:
    if len(limits) < 2:
        return None
    low, high = limits[0].limit, limits[-1].limit
    return {"low": low, "high": high, "step": float(f"{(high - low) / 200:.2g}")}


def _values(tried: Tryout) -> Chart:
    return draw(
        "rule-values", "timeseries", _("What the rule looks at"), tryout.value_frames(tried),
        limit=tried.limit.limit if tried.limit else None, height=260, **_span(tried),
        note=_("the dashed line is the limit") if tried.limit else "",
        empty=_("No series answers this expression in this time."),
    )  # fmt: skip


def _timeline(tried: Tryout) -> Chart:
    """Stretches of pending and firing, one lane per alert."""
    open_now: dict[Any, tuple[str, dt.datetime]] = {}
    found: list[tuple[str, str, dt.datetime, dt.datetime]] = []

    def close(labels: Any, at: dt.datetime) -> None:
        state, since = open_now.pop(labels)
        found.append((_lane(labels), state, since, at))

    for event in tried.story.events:
        if event.alert.labels in open_now:
            close(event.alert.labels, event.at)
        if event.to in {"pending", "firing"}:
            open_now[event.alert.labels] = (event.to, event.at)
    for labels in list(open_now):
        close(labels, tried.end)
    lanes = list(dict.fromkeys(lane for lane, *_rest in found))[:24]
    frames = []
    for state, colour in (("pending", colours.WARN), ("firing", colours.BAD)):
        chosen = [one for one in found if one[1] == state and one[0] in lanes]
        columns = {
            "lane": np.array([one[0] for one in chosen]),
            "start": np.array([int(one[2].timestamp() * 1000) for one in chosen], dtype=np.int64),
            "end": np.array([int(one[3].timestamp() * 1000) for one in chosen], dtype=np.int64),
        }
        frames.append(Frame(str(STATES[state]), columns, {}, colour))
    return draw(
        "rule-timeline", "timeline", _("When it would have fired"), frames, height=160 if len(lanes) <= 4 else 260,
        **_span(tried), empty=_("It would not have fired."),
    )  # fmt: skip


def _lane(labels: Mapping[str, str]) -> str:
    inside = " ".join(value for name, value in labels.items() if name not in {"alertname", "severity"})
    return (inside or labels.get("alertname", ""))[:60]


def _telling(tried: Tryout, days: Mapping[str, Mapping[dt.date, int]], zone: ZoneInfo) -> Chart:
    first, last = tried.start.astimezone(zone).date(), tried.end.astimezone(zone).date()
    every = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    frames = [
        Frame(
            contact,
            {"category": np.array([f"{day:%m-%d}" for day in every]), "value": np.array([counted.get(day, 0) for day in every], dtype=np.float64)},
            {},
        )
        for contact, counted in sorted(days.items())
    ]  # fmt: skip
    return draw(
        "rule-messages", "bar", _("Messages per day"), frames, unit="count", stack=True,
        empty=_("Nobody would have been told anything."),
    )  # fmt: skip


def _curve(tried: Tryout) -> Chart:
    across = np.array([one.limit for one in tried.limits])
    lines = (
        (_("firings"), [one.firings for one in tried.limits]), (_("messages"), [one.messages for one in tried.limits])
    )  # fmt: skip
    frames = [
        Frame(
            name,
            {"x": across, "y": np.array(counts, dtype=np.float64)},
            {"shape": "line"},
            colours.slot(place),
        )
        for place, (name, counts) in enumerate(lines)
        if len(across)
    ]
    return draw(
        "rule-curve", "scatter", _("Another limit"), frames, x_title=_("limit"), unit="count",
        empty=_("The expression does not end in one limit, so there is none to move."),
    )  # fmt: skip


def _span(tried: Tryout) -> dict[str, Any]:
    ends = {"start_ms": tried.start, "end_ms": tried.end}
    return {name: int(moment.timestamp() * 1000) for name, moment in ends.items()} | {"uirevision": "fixed"}


PAGE = Rules()
