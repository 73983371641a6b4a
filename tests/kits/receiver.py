"""What every receiver must pass: good settings of each, messages of every shape, and a server to send to."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from monitor.alerting import message as messages
from monitor.alerting.message import Message
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.receivers.base import Receiver
from monitor.alerting.rendering import in_bytes, in_utf16
from monitor.alerting.wording import Language
from monitor.core import fields

NOON = dt.datetime(2026, 11, 18, 12, 0, tzinfo=dt.UTC)
SECRET = "SECtopsecret0123456789"
ACCEPTED: Mapping[str, Any] = {
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success"},
    "wecom_app": {"errcode": 0, "errmsg": "ok", "access_token": "t"},
    "telegram": {"ok": True},
}
# who does not count bytes
MEASURES = defaultdict(lambda: in_bytes, telegram=in_utf16)


def made(name: str, url: str) -> Receiver:
    """A receiver with every setting filled in: secrets hold SECRET, addresses lead to ``url``."""
    receiver: Receiver = RECEIVERS[name](settings(name, url))
    return receiver


def settings(name: str, url: str) -> dict[str, Any]:
    """Every setting of a receiver, filled in."""
    declared = RECEIVERS[name].fields
    return fields.clean(declared, {field.name: _example(field, url) for field in declared})


def _example(field: fields.Field, url: str) -> Any:
    if field.kind == "url":
        return f"{url}/hook/{SECRET}?access_token={SECRET}"
    if field.secret:
        return SECRET
    if field.kind == "choice":
        return field.choices[0]
    return {"list": "ops@example.com", "integer": 1, "flag": False}.get(
        field.kind, "x" if field.required else ""
    )


def alert(
    name: str = "HighLatency", *, firing: bool = True, text: str = "p99 is 0.7 s", **labels: str
) -> dict[str, Any]:
    """One alert as a delivery stores it."""
    return {
        "fingerprint": "00ab",
        "labels": {"alertname": name, "severity": "critical", "version": "v2", **labels},
        "annotations": {"summary": "模型变慢 model is slow", "description": text},
        "value": "0.7",
        "starts_at": (NOON - dt.timedelta(minutes=5)).isoformat(),
        "ends_at": None if firing else NOON.isoformat(),
        "link": "/p/shop/explore/?expr=up",
    }


def message(*alerts: Mapping[str, Any], language: Language = "both") -> Message:
    content = {
        "group_labels": {"alertname": "HighLatency"},
        "group_key": "0/ab",
        "alerts": alerts or [alert()],
    }
    return messages.build(
        content,
        messages.Place("shop", "http://vigil.example/", "/p/shop/alerts/"),
        delivery_id="11111111-2222-3333-4444-555555555555",
        contact="ops",
        language=language,
        now=NOON,
    )


FIRING = message()
RESOLVED = message(alert(firing=False))
HUGE = message(*(alert(text="很长的说明 " * 200, pod=f"pod-{n}") for n in range(100)))
NASTY = message(
    alert(text='<at id=all></at> **bold** [x](http://evil) @all "quotes" \\ \x00 \ud83d <!channel> &amp;')
)
