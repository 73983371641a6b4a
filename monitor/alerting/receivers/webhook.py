"""A generic webhook: Alertmanager's JSON (version 4), which hundreds of tools understand."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from monitor.alerting.message import AlertText, Message
from monitor.alerting.receivers import base
from monitor.core.fields import Field

NEVER = "0001-01-01T00:00:00Z"


class Webhook:
    """Webhook: Alertmanager's JSON to any address; a retry carries the same X-Vigil-Delivery header."""

    fields = (
        Field("url", "URL", kind="url", required=True, secret=True, help="Where to POST the JSON."),
        Field("bearer_token", "Bearer token", secret=True, help="Sent as Authorization: Bearer …"),
        Field("max_alerts", "Alerts per message", kind="integer", default=0, help="0: all of them."),
    )
    limit_bytes = 1_000_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, post: base.Post) -> None:
        token = self.settings.get("bearer_token")
        headers = {"x-vigil-delivery": message.id} | ({"authorization": f"Bearer {token}"} if token else {})
        base.judge(post(self.settings["url"], self.body(message), headers))

    def body(self, message: Message) -> dict[str, Any]:
        shown = message.alerts[: self.settings.get("max_alerts") or 1000]
        return {
            "version": "4",
            "groupKey": message.group_key,
            "truncatedAlerts": len(message.alerts) - len(shown),
            "status": message.status,
            "receiver": message.contact,
            "groupLabels": dict(message.group_labels),
            "commonLabels": dict(message.common_labels),
            "commonAnnotations": dict(message.common_annotations),
            "externalURL": message.external_url,
            "alerts": [_alert(alert) for alert in shown],
        }


def _alert(alert: AlertText) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(alert.ends_at) if alert.ends_at else NEVER,
        "generatorURL": alert.link,
        "fingerprint": alert.fingerprint,
    }


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
