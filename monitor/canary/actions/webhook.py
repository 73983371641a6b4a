"""Webhook: the order as JSON to any address; a retry carries the same X-Vigil-Delivery header."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from monitor.canary.actions import base
from monitor.core.fields import Field


class Webhook:
    """Tells any service; what it does with the order is its own affair."""

    fields = (
        Field("url", "URL", kind="url", required=True, secret=True, help="Where to POST the JSON."),
        Field("bearer_token", "Bearer token", secret=True, help="Sent as Authorization: Bearer …"),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def act(self, order: base.Order, calls: base.Calls) -> str:
        token = self.settings.get("bearer_token")
        headers = {"x-vigil-delivery": order.id, **({"authorization": f"Bearer {token}"} if token else {})}
        return base.judge(calls.post(self.settings["url"], asdict(order), headers))
