"""One neutral message: title, facts, links, severity. Receivers turn it into what their service shows."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urljoin

from monitor.alerting import matching, wording
from monitor.alerting.wording import Language
from monitor.core.labels import Labels, Matcher

Status = Literal["firing", "resolved"]
LONGEST_NAME = 120
LONGEST_LINK = 2000
ICONS = {"critical": "🔴", "error": "🔴", "warning": "🟠", "info": "🔵"}
HEAD_LABELS = ("alertname", "severity")
CALL_LABELS = ("model", "version", "environment", "route")


@dataclass(frozen=True, slots=True)
class AlertText:
    """One alert of a message, ready to be shown. ``limit``: what the value is held against, like "> 2"."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    link: str
    fingerprint: str
    limit: str = ""
    siblings: str = ""
    language: Language = "both"

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "alert")

    @property
    def summary(self) -> str:
        return self._written("summary") or self._written("message") or self.name

    @property
    def description(self) -> str:
        return self._written("description")

    @property
    def own_labels(self) -> str:
        """What tells it from its neighbours."""
        return ", ".join(f"{name}={value}" for name, value in self.labels.items() if name not in HEAD_LABELS)

    @property
    def icon(self) -> str:
        return "✅" if self.status == "resolved" else ICONS.get(self.labels.get("severity", ""), "⚪")

    @property
    def findings(self) -> list[tuple[str, str]]:
        """What is known of it in figures."""
        limit = f" ({wording.say(self.language, 'limit')} {self.limit})" if self.limit and self.value else ""
        found = [("value", self.value + limit if self.value else ""), ("siblings", self.siblings)]
        found.append(("top_slice", self._written("top_slice")))
        return [(wording.say(self.language, key), text) for key, text in found if text]

    def _written(self, name: str) -> str:
        """An annotation, in the contact's language where the rule has both (``summary_zh``, ``summary_en``)."""
        return self.annotations.get(f"{name}_{self.language}") or self.annotations.get(name, "")


@dataclass(frozen=True, slots=True)
class Message:
    """What a contact is told. ``at`` is the moment of sending; ``id`` stays the same over retries."""

    id: str
    title: str
    status: Status
    severity: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    alerts: tuple[AlertText, ...]
    group_key: str
    group_labels: Mapping[str, str]
    common_labels: Mapping[str, str]
    common_annotations: Mapping[str, str]
    contact: str
    external_url: str
    at: dt.datetime
    language: Language = "both"

    @property
    def icon(self) -> str:
        return "✅" if self.status == "resolved" else ICONS.get(self.severity, "⚪")

    def named(self, status: Status) -> list[AlertText]:
        return [alert for alert in self.alerts if alert.status == status]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the message comes from; ``page`` shows the project's alerts, ``slug`` tells projects apart."""

    project: str
    site: str
    page: str = "/"
    slug: str = ""


def build(
    content: Mapping[str, Any],
    place: Place,
    *,
    delivery_id: str,
    contact: str,
    language: Language = "both",
    now: dt.datetime,
) -> Message:
    """The message of a stored delivery (see ``packing.content_of``)."""
    alerts = tuple(_alert(one, place.site, language) for one in content["alerts"])
    firing = [alert for alert in alerts if alert.status == "firing"]
    status: Status = "firing" if firing else "resolved"
    common = _common([alert.labels for alert in alerts])
    group_labels = Labels(content["group_labels"])
    severity = _severity(firing or alerts)
    return Message(
        id=delivery_id,
        title=_title(status, firing, alerts, group_labels, place.project, language),
        status=status,
        severity=severity,
        facts=_facts(place.project, severity, status, alerts, language),
        links=_links(alerts, common, urljoin(place.site, place.page), language),
        alerts=alerts,
        group_key=_group_key(str(content["group_key"]), place.slug),
        group_labels=dict(group_labels),
        common_labels=common,
        common_annotations=_common([alert.annotations for alert in alerts]),
        contact=contact,
        external_url=place.site,
        at=now,
        language=language,
    )


def _group_key(key: str, slug: str) -> str:
    """Two projects may tell one service of groups that look alike: the root names the project."""
    if not slug:
        return key
    root = "{" + matching.text([Matcher("project", "=", slug)]) + "}"
    return root + (key.removeprefix("{}") if key.startswith("{}") else f"/{key}")


def short_time(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _alert(one: Mapping[str, Any], external_url: str, language: Language) -> AlertText:
    ends_at = one.get("ends_at")
    written = _clean(one["annotations"])
    # what people wrote into the rule goes before what was found out, in whatever language
    annotations = written | {
        name: text for name, text in one.get("known", {}).items() if name.rpartition("_")[0] not in written
    }
    return AlertText(
        status="resolved" if ends_at else "firing",
        labels=dict(Labels(_clean(one["labels"]))),
        annotations=annotations,
        value=one["value"],
        starts_at=dt.datetime.fromisoformat(one["starts_at"]),
        ends_at=dt.datetime.fromisoformat(ends_at) if ends_at else None,
        link=_web_link(external_url, one["link"]),
        fingerprint=one["fingerprint"],
        limit=annotations.get("limit") or one.get("limit", ""),
        siblings=one.get("siblings", ""),
        language=language,
    )


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    """No service takes NUL or half a character."""
    return {name: text.replace("\x00", "").encode(errors="replace").decode() for name, text in texts.items()}


def _web_link(external_url: str, link: str) -> str:
    """Alerts from outside bring their own links; only the web's are shown."""
    full = urljoin(external_url, link) if link else ""
    return full if full.startswith(("http://", "https://")) else ""


def _title(
    status: Status,
    firing: Sequence[AlertText],
    alerts: Sequence[AlertText],
    group: Labels,
    project: str,
    language: Language,
) -> str:
    """One line: ``[FIRING:2] HighLatency · shop``."""
    names = list(dict.fromkeys(alert.name for alert in (firing or alerts)))
    name = group.get("alertname") or ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    count = len(firing) if status == "firing" else len(alerts)
    state = f"{wording.say(language, status)}:{count}"
    return " ".join(f"[{state}] {name[:LONGEST_NAME]} · {project[:LONGEST_NAME]}".split())


def _severity(alerts: Sequence[AlertText]) -> str:
    """The worst of them; an unknown word counts less than the known ones."""
    found = {alert.labels.get("severity", "") for alert in alerts}
    known = [severity for severity in ICONS if severity in found]
    return known[0] if known else next(iter(sorted(found - {""})), "")


def _facts(
    project: str, severity: str, status: Status, alerts: Sequence[AlertText], language: Language
) -> tuple[tuple[str, str], ...]:
    facts = [("project", project[:LONGEST_NAME])]
    facts += [("severity", severity[:LONGEST_NAME])] if severity else []
    facts.append(("since", short_time(min(alert.starts_at for alert in alerts))))
    ends = [alert.ends_at for alert in alerts if alert.ends_at]
    if status == "resolved" and ends:
        facts.append(("until", short_time(max(ends))))
    return tuple((wording.say(language, key), text) for key, text in facts)


def _links(
    alerts: Sequence[AlertText], common: Mapping[str, str], page: str, language: Language
) -> tuple[tuple[str, str], ...]:
    """The most useful first: a service with little room shows fewer. A link that is cut would lead nowhere."""
    firing = any(alert.status == "firing" for alert in alerts)
    calls = {name: common[name] for name in CALL_LABELS if name in common}
    matchers = matching.text([Matcher(name, "=", value) for name, value in common.items()])
    links = [
        ("open_alerts", page),
        ("open_chart", next((alert.link for alert in alerts if alert.link), "")),
        ("runbook", _annotated(alerts, "runbook_url")),
        ("dashboard", _annotated(alerts, "dashboard_url")),
        ("open_calls", urljoin(page, "../generations/?" + urlencode(calls)) if calls else ""),
        (
            "silence",
            urljoin(page, "silence/?" + urlencode({"matchers": matchers})) if firing and matchers else "",
        ),
    ]
    return tuple((wording.say(language, key), url) for key, url in links if 0 < len(url) <= LONGEST_LINK)


def _annotated(alerts: Sequence[AlertText], name: str) -> str:
    found = next((alert.annotations[name] for alert in alerts if alert.annotations.get(name)), "")
    return found if found.startswith(("http://", "https://")) else ""


def _common(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = mappings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
