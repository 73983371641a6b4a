from collections.abc import Callable

from monitor.canary.actions.webhook import Webhook
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import rollout_action as kit


def test_the_order_travels_whole(outside: Callable[[], Outside]) -> None:
    server = outside()
    Webhook({"url": server.url, "bearer_token": "t0ken"}).act(kit.order("rollback"), Caller())
    sent = server.received[0]
    assert (sent.json["intent"], sent.json["share"], sent.json["canary"]) == ("rollback", 0.0, "v2")
    assert sent.headers["authorization"] == "Bearer t0ken"
    assert sent.headers["x-vigil-delivery"] == "vigil-7"
