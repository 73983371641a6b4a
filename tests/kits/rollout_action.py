"""What every rollout action must pass: good settings of each, orders of every kind, and another side that answers."""

import json
from typing import Any

from monitor.canary.actions import ACTIONS
from monitor.canary.actions.base import Intent, Order, RolloutAction
from monitor.core import fields
from tests.fixtures.fix_outside import Answer, Received

SECRET = "SECtopsecret0123456789"
SHARES: dict[Intent, float] = {"begin": 0.05, "shift": 0.2, "promote": 1.0, "rollback": 0.0, "hold": 0.0}
PLAIN = {
    "file": "canary.conf", "variable": "$vigil_upstream", "key": "$remote_addr", "body": '{"rollout": $percent}'
}  # fmt: skip


def made(name: str, url: str) -> RolloutAction:
    """An action with every setting filled in: secrets hold SECRET, addresses lead to ``url``."""
    kind = ACTIONS[name]
    given = {field.name: _example(field, url) for field in kind.fields}
    action: RolloutAction = kind(fields.clean(kind.fields, given))
    return action


def _example(field: fields.Field, url: str) -> Any:
    if field.kind == "url":
        return f"{url}/{SECRET}" if field.secret else url
    if field.secret:
        return SECRET
    if field.kind == "choice":
        return field.choices[0]
    return PLAIN.get(field.name, field.name.replace("_", "-"))


def order(intent: Intent = "shift", **changes: Any) -> Order:
    given = {
        "id": "vigil-7", "intent": intent, "release": "7", "project": "shop", "model": "qwen", "stable": "v1",
        "canary": "v2", "share": SHARES[intent], "verdict": "pass", "reason": "v2 is as good as v1",
        "at": "2026-11-18T12:00:00Z", **changes,
    }  # fmt: skip
    return Order(**given)


def respond(request: Received) -> Answer:
    """A service that says yes; where a route is asked for, there is one with both backends."""
    if request.method != "GET":
        return Answer()
    backends = [{"name": name, "weight": 1} for name in ("stable-backend", "canary-backend")]
    route = {"metadata": {"resourceVersion": "41"}, "spec": {"rules": [{"backendRefs": backends}]}}
    return Answer(body=json.dumps(route).encode())
