"""Argo Rollouts: promote or abort a Rollout, as its kubectl plug-in does, by the Kubernetes API server."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from monitor.canary.actions import base
from monitor.core.fields import Field


class ArgoRollouts:
    """Its steps are its own: the next stage lets it go on from a pause, promoting skips the rest, a rollback aborts it."""

    steps = True
    fields = (
        Field(
            "url", "API server", kind="url", required=True, help="For example https://kubernetes.default.svc"
        ),
        Field("namespace", "Namespace", required=True, default="default"),
        Field("rollout", "Rollout", required=True, help="The name of the Rollout."),
        Field(
            "token",
            "Token",
            secret=True,
            help="Of a service account that may patch rollouts and rollouts/status.",
        ),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings

    def act(self, order: base.Order, calls: base.Calls) -> str:
        match order.intent:
            case "rollback":
                self._patch("/status", {"status": {"abort": True}}, calls)
                return "aborted"
            case "promote":
                self._patch("/status", {"status": {"promoteFull": True}}, calls)
                return "promoted fully"
            case "shift":
                self._patch("", {"spec": {"paused": False}}, calls)
                self._patch("/status", {"status": {"pauseConditions": None}}, calls)
                return "goes on from its pause"
            case _:
                return "left alone: its first step is its own"

    def _patch(self, part: str, patch: Mapping[str, Any], calls: base.Calls) -> None:
        names = [quote(self.settings[name], safe="") for name in ("namespace", "rollout")]
        group = "apis/argoproj.io/v1alpha1"
        place = f"{self.settings['url'].rstrip('/')}/{group}/namespaces/{names[0]}/rollouts/{names[1]}{part}"
        token = self.settings.get("token")
        headers = {
            "content-type": "application/merge-patch+json", "accept": "application/json",
            **({"authorization": f"Bearer {token}"} if token else {}),
        }  # fmt: skip
        base.judge(calls.request("PATCH", place, json.dumps(patch).encode(), headers))
