"""Flagger: opens or closes the gate that its confirm and rollback webhooks ask, in the manner of its load tester."""

from collections.abc import Mapping
from typing import Any

from monitor.canary.actions import base
from monitor.core.fields import Field

TOLD: Mapping[base.Intent, tuple[tuple[str, ...], str]] = {
    "begin": (("/rollback/close", "/gate/close"), "told to wait until the first stage is passed"),
    "shift": (("/rollback/close", "/gate/open"), "told to go on"),
    "promote": (("/rollback/close", "/gate/open"), "told to go on"),
    "rollback": (("/gate/close", "/rollback/open"), "told to roll back"),
    "hold": (("/gate/close",), "told to wait"),
}


class Flagger:
    """Flagger moves the traffic itself; a gate says whether it may go on (/gate) or must go back (/rollback)."""

    holds = True
    fields = (
        Field(
            "url", "Load tester", kind="url", required=True, help="For example http://flagger-loadtester.test"
        ),
        Field("namespace", "Namespace", required=True, default="default"),
        Field("canary", "Canary", required=True, help="The name of the Canary."),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def act(self, order: base.Order, calls: base.Calls) -> str:
        body = {"name": self.settings["canary"], "namespace": self.settings["namespace"]}
        paths, said = TOLD[order.intent]
        for path in paths:
            base.judge(calls.post(self.settings["url"].rstrip("/") + path, body))
        return said
