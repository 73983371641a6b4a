from collections.abc import Callable
from typing import Any

import pytest

from monitor.canary.actions.argo_rollouts import ArgoRollouts
from monitor.canary.actions.base import Intent
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import rollout_action as kit

PLACE = "/apis/argoproj.io/v1alpha1/namespaces/llm/rollouts/chat"


@pytest.mark.parametrize(
    "intent, wanted",
    [
        ("rollback", [(f"{PLACE}/status", {"status": {"abort": True}})]),
        ("promote", [(f"{PLACE}/status", {"status": {"promoteFull": True}})]),
        (
            "shift",
            [
                (PLACE, {"spec": {"paused": False}}),
                (f"{PLACE}/status", {"status": {"pauseConditions": None}}),
            ],
        ),
    ],
)
def test_it_patches_what_the_kubectl_plugin_patches(
    intent: Intent, wanted: list[tuple[str, Any]], outside: Callable[[], Outside]
) -> None:
    server = outside()
    ArgoRollouts({"url": server.url, "namespace": "llm", "rollout": "chat", "token": "t"}).act(
        kit.order(intent), Caller()
    )
    assert [(one.path, one.json) for one in server.received] == wanted
    assert {one.headers["authorization"] for one in server.received} == {"Bearer t"}


def test_its_first_step_is_its_own(outside: Callable[[], Outside]) -> None:
    server = outside()
    ArgoRollouts({"url": server.url, "namespace": "llm", "rollout": "chat", "token": "t"}).act(
        kit.order("begin"), Caller()
    )
    assert not server.received
