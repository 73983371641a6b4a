"""Feature flag: a request of your own making, with the share filled in, to a flag service."""

import json
from collections.abc import Mapping
from typing import Any

from monitor.canary.actions import base
from monitor.core.fields import Field

BODY = '{"enabled": true, "rollout": $percent}'


class FeatureFlag:
    """Sends a body in which $percent, $share, $canary, $stable, $model and $intent are filled in."""

    fields = (
        Field("url", "URL", kind="url", required=True, secret=True, help="The address of the flag."),
        Field("method", "Method", kind="choice", default="PATCH", choices=("PATCH", "PUT", "POST")),
        Field(
            "body",
            "Body",
            kind="long_text",
            default=BODY,
            help="JSON; $percent is a whole number, $share 0 to 1.",
        ),
        Field(
            "header", "Header", default="Authorization", help="The name of the header that carries the token."
        ),
        Field("token", "Token", secret=True, help="The value of that header, for example Bearer …"),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        _filled(settings.get("body") or BODY, _SAMPLE)

    def act(self, order: base.Order, calls: base.Calls) -> str:
        body = _filled(self.settings.get("body") or BODY, order)
        token = self.settings.get("token")
        headers = {"content-type": "application/json", "x-vigil-delivery": order.id}
        if token:
            headers[str(self.settings.get("header") or "Authorization").lower()] = token
        return base.judge(
            calls.request(self.settings.get("method") or "PATCH", self.settings["url"], body, headers)
        )


_SAMPLE = base.Order("1", "shift", "1", "p", "m", "v1", "v2", 0.05, "pass", "", "")


def _filled(template: str, order: base.Order) -> bytes:
    """The template with values in place; raises ValueError where what comes out is no JSON."""
    values = {
        "percent": str(base.parts(order.share)), "share": f"{order.share:g}", "canary": _inside(order.canary),
        "stable": _inside(order.stable), "model": _inside(order.model), "intent": order.intent,
    }  # fmt: skip
    text = template
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    try:
        return json.dumps(json.loads(text)).encode()
    except (ValueError, RecursionError) as error:
        message = (
            f'body: no JSON once it is filled in ({error}); write texts as "$canary", numbers as $percent'
        )
        raise ValueError(message) from error


def _inside(text: str) -> str:
    """A text as it stands between JSON's quotation marks."""
    return json.dumps(text)[1:-1]
