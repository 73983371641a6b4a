"""PagerDuty, Events API v2: one incident per group of alerts, resolved with it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import AlertText, Message
from monitor.alerting.receivers import base
from monitor.alerting.rendering import SHOWN, cut
from monitor.core.fields import Field

API = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = {
    "critical": "critical",
    "error": "error",
    "warning": "warning",
    "info": "info",
    "page": "critical",
}


class PagerDuty:
    """PagerDuty: an incident per group of alerts, by its Events API v2."""

    fields = (
        Field(
            "routing_key",
            _("Integration key"),
            required=True,
            secret=True,
            help=_("Of an Events API v2 integration."),
        ),
        Field("url", _("API address"), kind="url", secret=True, help=f"Empty: {API}"),
    )
    limit_bytes = 512_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        base.judge(calls.post(self.settings.get("url") or API, self.body(message)))

    def body(self, message: Message) -> dict[str, Any]:
        """The key of the group is the key of the incident: a repeat or a retry opens no second one."""
        common = {
            "routing_key": self.settings["routing_key"],
            "dedup_key": hashlib.sha256(
                f"{message.external_url} {message.contact} {message.group_key}".encode()
            ).hexdigest(),
        }
        if message.status == "resolved":
            return {**common, "event_action": "resolve"}
        shown = [_details(alert) for alert in message.alerts[: SHOWN * 5]]
        return {
            **common,
            "event_action": "trigger",
            "client": "Vigil",
            "client_url": message.links[0][1] if message.links else message.external_url,
            "links": [{"href": url, "text": text} for text, url in message.links],
            "payload": {
                "summary": cut(f"{message.title}: {message.named('firing')[0].summary}", 1024),
                "source": cut(message.common_labels.get("instance") or message.common_labels.get("model") or "vigil", 255),
                "severity": SEVERITIES.get(message.severity, "error"),
                "timestamp": min(alert.starts_at for alert in message.alerts).isoformat(),
                "component": cut(message.common_labels.get("job") or message.common_labels.get("model", ""), 255),
                "class": cut(message.common_labels.get("alertname", ""), 255),
                "custom_details": {
                    **dict(message.facts), "alerts": shown, "not_shown": len(message.alerts) - len(shown),
                },
            },
        }  # fmt: skip


def _details(alert: AlertText) -> dict[str, str]:
    return {
        "status": alert.status,
        "summary": cut(alert.summary, 300),
        "description": cut(alert.description, 600),
        "labels": cut(alert.own_labels, 400),
        **dict(alert.findings),
    }
