from collections.abc import Callable

from monitor.canary.actions.kong import Kong
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.kits import rollout_action as kit

SETTINGS = {
    "url": "", "upstream": "llm", "stable_target": "10.0.0.1:80", "canary_target": "10.0.0.2:80", "token": ""
}  # fmt: skip


def test_both_weights_are_set_and_the_larger_one_first(outside: Callable[[], Outside]) -> None:
    server = outside()
    Kong({**SETTINGS, "url": server.url}).act(kit.order(share=0.2), Caller())
    assert [(one.method, one.path, one.json["weight"]) for one in server.received] == [
        ("PATCH", "/upstreams/llm/targets/10.0.0.1%3A80", 800),
        ("PATCH", "/upstreams/llm/targets/10.0.0.2%3A80", 200),
    ]


def test_a_target_that_does_not_exist_is_made(outside: Callable[[], Outside]) -> None:
    server = outside()

    def respond(request: Received) -> Answer:
        return Answer(404 if request.method == "PATCH" else 201)

    server.respond = respond
    Kong({**SETTINGS, "url": server.url}).act(kit.order("rollback"), Caller())
    assert [one.json for one in server.received if one.method == "POST"] == [
        {"target": "10.0.0.1:80", "weight": 1000},
        {"target": "10.0.0.2:80", "weight": 0},
    ]
