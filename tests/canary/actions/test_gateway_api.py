import json
from collections.abc import Callable

import pytest

from monitor.canary.actions.base import LaterError, RefusedError
from monitor.canary.actions.gateway_api import GatewayApi
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.kits import rollout_action as kit

SETTINGS = {
    "namespace": "llm", "route": "chat", "stable_backend": "chat-v1", "canary_backend": "chat-v2", "token": "t"
}  # fmt: skip


def route(*names: str) -> bytes:
    """A route as an API server gives it, with a second rule that is none of our business."""
    rules = [
        {"matches": [{"path": {"value": "/v1"}}], "backendRefs": [{"name": one, "port": 80, "weight": 1} for one in names]},
        {"backendRefs": [{"name": "docs", "port": 80}]},
    ]  # fmt: skip
    body = {
        "kind": "HTTPRoute",
        "metadata": {"name": "chat", "resourceVersion": "41"},
        "spec": {"rules": rules},
    }
    return json.dumps(body).encode()


def test_the_weights_are_set_and_all_else_stays(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, route("chat-v1", "chat-v2"))
    GatewayApi({**SETTINGS, "url": server.url}).act(kit.order(share=0.2), Caller())
    asked, sent = server.received
    assert asked.path == "/apis/gateway.networking.k8s.io/v1/namespaces/llm/httproutes/chat"
    assert sent.headers["content-type"] == "application/merge-patch+json"
    assert sent.json["metadata"] == {"resourceVersion": "41"}
    first, second = sent.json["spec"]["rules"]
    assert [one["weight"] for one in first["backendRefs"]] == [800, 200]
    assert first["matches"] == [{"path": {"value": "/v1"}}]
    assert second == {"backendRefs": [{"name": "docs", "port": 80}]}


def test_a_route_without_both_backends_is_refused(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(200, route("chat-v1"))
    with pytest.raises(RefusedError, match="chat-v2"):
        GatewayApi({**SETTINGS, "url": server.url}).act(kit.order(), Caller())


def test_a_route_that_somebody_else_just_changed_is_tried_again(outside: Callable[[], Outside]) -> None:
    server = outside()

    def respond(request: Received) -> Answer:
        return Answer(409) if request.method == "PATCH" else Answer(body=route("chat-v1", "chat-v2"))

    server.respond = respond
    with pytest.raises(LaterError, match="409"):
        GatewayApi({**SETTINGS, "url": server.url}).act(kit.order(), Caller())
