from collections.abc import Callable

import pytest

from monitor.canary.actions.base import Intent
from monitor.canary.actions.flagger import Flagger
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import rollout_action as kit


@pytest.mark.parametrize(
    "intent, paths",
    [
        ("rollback", ["/gate/close", "/rollback/open"]),
        ("shift", ["/rollback/close", "/gate/open"]),
        ("begin", ["/rollback/close", "/gate/close"]),
        ("hold", ["/gate/close"]),
    ],
)
def test_its_gates_are_opened_and_closed(
    intent: Intent, paths: list[str], outside: Callable[[], Outside]
) -> None:
    server = outside()
    Flagger({"url": server.url, "namespace": "test", "canary": "chat"}).act(kit.order(intent), Caller())
    assert [one.path for one in server.received] == paths
    assert server.received[0].json == {"name": "chat", "namespace": "test"}
