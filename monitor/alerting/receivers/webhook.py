"""A generic webhook: Alertmanager's JSON (version 4), which hundreds of tools understand."""

import base64
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import AlertText, Message
from monitor.alerting.receivers import base
from monitor.core.fields import Field

NEVER = "0001-01-01T00:00:00Z"


class Webhook:
    """Webhook: Alertmanager's JSON to any address; a retry carries the same X-Vigil-Delivery header."""

    fields = (
        Field("url", _("URL"), kind="url", required=True, secret=True, help=_("Where to POST the JSON.")),
        Field("bearer_token", _("Bearer token"), secret=True, help=_("Sent as Authorization: Bearer …")),
        Field("scheme", _("Authorization type"), help=_("Another word than Bearer before the token, if the service wants one.")),
        Field("username", _("User name"), help=_("For basic authentication, instead of a token.")),
        Field("password", _("Password"), secret=True, help=_("For basic authentication.")),
        Field("max_alerts", _("Alerts per message"), kind="integer", default=0, help=_("0: all of them.")),
    )  # fmt: skip
    limit_bytes = 32_000_000

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def send(self, message: Message, calls: base.Calls) -> None:
        headers = {"x-vigil-delivery": message.id, **self._authorization()}
        base.judge(calls.post(self.settings["url"], self.body(message), headers))

    def body(self, message: Message) -> dict[str, Any]:
        alerts = [_alert(alert) for alert in message.alerts]
        shown = self._fitting(alerts[: self.settings.get("max_alerts") or len(alerts)])
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
            "alerts": shown,
        }

    def _fitting(self, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Nobody takes bodies without end; a quarter is left for what stands around the alerts."""
        room = self.limit_bytes * 3 // 4
        for number, alert in enumerate(alerts):
            room -= len(json.dumps(alert, ensure_ascii=False).encode(errors="replace"))
            if room < 0:
                return alerts[:number]
        return alerts

    def _authorization(self) -> dict[str, str]:
        token, user = self.settings.get("bearer_token"), self.settings.get("username")
        if token:
            return {"authorization": f"{self.settings.get('scheme') or 'Bearer'} {token}"}
        if user:
            pair = f"{user}:{self.settings.get('password') or ''}"
            return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        return {}


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
