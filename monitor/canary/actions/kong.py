"""Kong: the weights of two targets of an upstream, by its Admin API."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from monitor.canary.actions import base
from monitor.core.fields import Field

WHOLE = 1000


class Kong:
    """Sets both targets' weights out of 1000; targets that do not exist yet are made."""

    fields = (
        Field("url", "Admin API", kind="url", required=True, help="For example http://kong:8001"),
        Field("upstream", "Upstream", required=True, help="Name or id of the upstream."),
        Field(
            "stable_target",
            "Stable target",
            required=True,
            help="host:port of the version that has the traffic.",
        ),
        Field("canary_target", "Canary target", required=True, help="host:port of the version on its way."),
        Field("token", "Kong-Admin-Token", secret=True, help="Where the Admin API asks for one."),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def act(self, order: base.Order, calls: base.Calls) -> str:
        weight = base.parts(order.share, WHOLE)
        # who is to have more comes first, so that the two are never both without
        pairs = [("stable_target", WHOLE - weight), ("canary_target", weight)]
        for name, share in sorted(pairs, key=lambda pair: -pair[1]):
            self._set(self.settings[name], share, calls)
        return f"canary has weight {weight} of {WHOLE}"

    def _set(self, target: str, weight: int, calls: base.Calls) -> None:
        place = f"{self.settings['url'].rstrip('/')}/upstreams/{quote(self.settings['upstream'], safe='')}/targets"
        body = json.dumps({"weight": weight}).encode()
        answer = calls.request("PATCH", f"{place}/{quote(target, safe='')}", body, self._headers())
        if answer.status == 404:
            made = json.dumps({"target": target, "weight": weight}).encode()
            answer = calls.request("POST", place, made, self._headers())
        base.judge(answer)

    def _headers(self) -> dict[str, str]:
        token = self.settings.get("token")
        return {"content-type": "application/json", **({"kong-admin-token": token} if token else {})}
