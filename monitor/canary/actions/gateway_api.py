"""Kubernetes Gateway API: the weights of two backends of an HTTPRoute, by the API server."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from monitor.canary.actions import base
from monitor.core.fields import Field

WHOLE = 1000


class GatewayApi:
    """Reads the route, sets the weights of every rule that has both backends, and writes it back if nobody else has."""

    fields = (
        Field(
            "url", "API server", kind="url", required=True, help="For example https://kubernetes.default.svc"
        ),
        Field("namespace", "Namespace", required=True, default="default"),
        Field("route", "HTTPRoute", required=True, help="The name of the route."),
        Field(
            "stable_backend",
            "Stable service",
            required=True,
            help="Name of the backend that has the traffic.",
        ),
        Field("canary_backend", "Canary service", required=True, help="Name of the backend on its way."),
        Field("token", "Token", secret=True, help="Of a service account that may get and patch httproutes."),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def act(self, order: base.Order, calls: base.Calls) -> str:
        asked = calls.request("GET", self._place, None, self._headers())
        base.judge(asked)
        route = asked.json()
        try:
            rules, changed = self._weighted(route, order.share)
            version = route["metadata"]["resourceVersion"]
        except (KeyError, TypeError, AttributeError) as error:
            message = f"the answer is no HTTPRoute: {type(error).__name__}; check the address"
            raise base.RefusedError(message) from error
        if not changed:
            message = (
                f"no rule of {self.settings['route']} has both {self.settings['stable_backend']} and "
                f"{self.settings['canary_backend']} as backends"
            )
            raise base.RefusedError(message)
        # with the version that was read: who changed it meanwhile is not overwritten, the order comes again
        patch = {"metadata": {"resourceVersion": version}, "spec": {"rules": rules}}
        sent = calls.request(
            "PATCH", self._place, json.dumps(patch).encode(),
            {**self._headers(), "content-type": "application/merge-patch+json"},
        )  # fmt: skip
        base.judge(sent)
        return f"{changed} rule{'s' if changed > 1 else ''} of {self.settings['route']}: canary has weight {base.parts(order.share, WHOLE)} of {WHOLE}"

    def _weighted(self, route: Any, share: float) -> tuple[list[Any], int]:
        weight, changed = base.parts(share, WHOLE), 0
        wanted = {self.settings["stable_backend"]: WHOLE - weight, self.settings["canary_backend"]: weight}
        rules = route["spec"]["rules"]
        for rule in rules:
            backends = rule.get("backendRefs") or []
            if wanted.keys() <= {backend.get("name") for backend in backends}:
                changed += 1
                for backend in backends:
                    if backend.get("name") in wanted:
                        backend["weight"] = wanted[backend["name"]]
        return rules, changed

    @property
    def _place(self) -> str:
        names = [quote(self.settings[name], safe="") for name in ("namespace", "route")]
        group = "apis/gateway.networking.k8s.io/v1"
        return f"{self.settings['url'].rstrip('/')}/{group}/namespaces/{names[0]}/httproutes/{names[1]}"

    def _headers(self) -> dict[str, str]:
        token = self.settings.get("token")
        return {"accept": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
