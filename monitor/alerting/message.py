"""One neutral message: title, facts, links, severity. Receivers turn it into what their service shows.

Words are Chinese and English side by side, so that whoever is woken can read it.
"""

import datetime as dt
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin

from monitor.core.labels import Labels

Status = Literal["firing", "resolved"]
SHOWN = 10
LONGEST_NAME = 120
ICONS = {"critical": "🔴", "error": "🔴", "warning": "🟠", "info": "🔵"}
HEAD_LABELS = ("alertname", "severity")


@dataclass(frozen=True, slots=True)
class AlertText:
    """One alert of a message, ready to be shown."""

    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    link: str
    fingerprint: str

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "alert")

    @property
    def summary(self) -> str:
        return self.annotations.get("summary") or self.annotations.get("message") or self.name

    @property
    def description(self) -> str:
        return self.annotations.get("description", "")

    @property
    def own_labels(self) -> str:
        """What tells it from its neighbours."""
        return ", ".join(f"{name}={value}" for name, value in self.labels.items() if name not in HEAD_LABELS)


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

    @property
    def icon(self) -> str:
        return "✅" if self.status == "resolved" else ICONS.get(self.severity, "⚪")

    def named(self, status: Status) -> list[AlertText]:
        return [alert for alert in self.alerts if alert.status == status]


def build(
    content: Mapping[str, Any],
    *,
    delivery_id: str,
    project: str,
    contact: str,
    external_url: str,
    page: str = "/",
    now: dt.datetime,
) -> Message:
    """The message of a stored delivery (see ``packing.content_of``); ``page`` shows the project's alerts."""
    alerts = tuple(_alert(one, external_url) for one in content["alerts"])
    firing = [alert for alert in alerts if alert.status == "firing"]
    status: Status = "firing" if firing else "resolved"
    common = _common([alert.labels for alert in alerts])
    group_labels = Labels(content["group_labels"])
    severity = _severity(firing or alerts)
    return Message(
        id=delivery_id,
        title=_title(status, firing, alerts, group_labels, project),
        status=status,
        severity=severity,
        facts=_facts(project, severity, status, alerts),
        links=_links(alerts, urljoin(external_url, page)),
        alerts=alerts,
        group_key=str(content["group_key"]),
        group_labels=dict(group_labels),
        common_labels=common,
        common_annotations=_common([alert.annotations for alert in alerts]),
        contact=contact,
        external_url=external_url,
        at=now,
    )


def markdown(
    message: Message,
    *,
    limit_bytes: int,
    escape: Callable[[str], str] = lambda text: text,
    bold: str = "**",
    link: Callable[[str, str], str] = lambda text, url: f"[{text}]({url})",
    line: str = "\n\n",
) -> str:
    """The message for chat services, never longer than ``limit_bytes``."""
    parts = [f"{bold}{escape(name)}{bold}: {escape(value)}" for name, value in message.facts]
    parts += [_alert_lines(alert, escape, bold, line) for alert in message.alerts[:SHOWN]]
    hidden = len(message.alerts) - SHOWN
    parts += [f"… 另有 {hidden} 条 / and {hidden} more"] if hidden > 0 else []
    tail = line.join(link(escape(text), url) for text, url in message.links)
    return fitted([*parts, tail], limit_bytes, line)


def fitted(parts: Sequence[str], limit_bytes: int, line: str) -> str:
    """The parts, cut to what fits at a whole character, with a word that there was more."""
    text = line.join(part for part in parts if part)
    if len(text.encode()) <= limit_bytes:
        return text
    more = f"{line}… 已截断 / truncated"
    room = limit_bytes - len(more.encode())
    return text.encode()[: max(room, 0)].decode(errors="ignore").rstrip() + more


def rich(message: Message) -> str:
    """The message as a small HTML letter."""
    facts = "".join(
        f"<tr><th align=left>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in message.facts
    )
    alerts = "".join(f"<p>{_rich_alert(alert)}</p>" for alert in message.alerts[: SHOWN * 5])
    links = "".join(
        f'<p><a href="{html.escape(url)}">{html.escape(text)}</a></p>' for text, url in message.links
    )
    return f"<h2>{html.escape(message.icon + ' ' + message.title)}</h2><table>{facts}</table>{alerts}{links}"


def short_time(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _alert(one: Mapping[str, Any], external_url: str) -> AlertText:
    ends_at = one.get("ends_at")
    return AlertText(
        status="resolved" if ends_at else "firing",
        labels=dict(Labels(_clean(one["labels"]))),
        annotations=_clean(one["annotations"]),
        value=one["value"],
        starts_at=dt.datetime.fromisoformat(one["starts_at"]),
        ends_at=dt.datetime.fromisoformat(ends_at) if ends_at else None,
        link=_web_link(external_url, one["link"]),
        fingerprint=one["fingerprint"],
    )


def _clean(texts: Mapping[str, str]) -> dict[str, str]:
    """No service takes NUL or half a character."""
    return {name: text.replace("\x00", "").encode(errors="replace").decode() for name, text in texts.items()}


def _web_link(external_url: str, link: str) -> str:
    """Alerts from outside bring their own links; only the web's are shown."""
    full = urljoin(external_url, link) if link else ""
    return full if full.startswith(("http://", "https://")) else ""


def _title(
    status: Status, firing: Sequence[AlertText], alerts: Sequence[AlertText], group: Labels, project: str
) -> str:
    """One line: ``[FIRING:2] HighLatency · shop``."""
    names = list(dict.fromkeys(alert.name for alert in (firing or alerts)))
    name = group.get("alertname") or ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    state = f"告警 FIRING:{len(firing)}" if status == "firing" else f"恢复 RESOLVED:{len(alerts)}"
    return " ".join(f"[{state}] {name[:LONGEST_NAME]} · {project}".split())


def _severity(alerts: Sequence[AlertText]) -> str:
    """The worst of them; an unknown word counts less than the known ones."""
    found = {alert.labels.get("severity", "") for alert in alerts}
    known = [severity for severity in ICONS if severity in found]
    return known[0] if known else next(iter(sorted(found - {""})), "")


def _facts(
    project: str, severity: str, status: Status, alerts: Sequence[AlertText]
) -> tuple[tuple[str, str], ...]:
    facts = [("项目 Project", project)]
    facts += [("级别 Severity", severity)] if severity else []
    began = min(alert.starts_at for alert in alerts)
    facts.append(("开始 Since", short_time(began)))
    ends = [alert.ends_at for alert in alerts if alert.ends_at]
    if status == "resolved" and ends:
        facts.append(("结束 Until", short_time(max(ends))))
    return tuple(facts)


def _links(alerts: Sequence[AlertText], page: str) -> tuple[tuple[str, str], ...]:
    links = [("查看告警 Open alerts", page)]
    cause = next((alert.link for alert in alerts if alert.link), "")
    links += [("查看曲线 Open the chart", cause)] if cause else []
    runbook = next(
        (alert.annotations["runbook_url"] for alert in alerts if alert.annotations.get("runbook_url")), ""
    )
    links += [("处理手册 Runbook", runbook)] if runbook.startswith(("http://", "https://")) else []
    return tuple(links)


def _common(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = mappings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _alert_lines(alert: AlertText, escape: Callable[[str], str], bold: str, line: str) -> str:
    mark = "✅" if alert.status == "resolved" else ICONS.get(alert.labels.get("severity", ""), "⚪")
    lines = [f"{mark} {bold}{escape(alert.summary)}{bold}"]
    lines += [escape(alert.description)] if alert.description else []
    lines += [escape(alert.own_labels)] if alert.own_labels else []
    lines += [f"当前值 Value: {escape(alert.value)}"] if alert.value else []
    return line.join(lines)


def _rich_alert(alert: AlertText) -> str:
    lines = [
        f"<b>{html.escape(alert.summary)}</b>",
        html.escape(alert.description),
        html.escape(alert.own_labels),
    ]
    lines += [f"当前值 Value: {html.escape(alert.value)}"] if alert.value else []
    return "<br>".join(line for line in lines if line)
