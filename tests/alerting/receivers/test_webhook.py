from collections.abc import Callable

from monitor.alerting.receivers.webhook import Webhook
from monitor.outside.http import Caller
from tests.fixtures.fix_outside import Outside
from tests.kits import receiver as kit


def test_the_body_is_alertmanagers_version_4(outside: Callable[[], Outside]) -> None:
    server = outside()
    Webhook({"url": server.url}).send(kit.FIRING, Caller())
    assert server.received[0].json == {
        "version": "4",
        "groupKey": "0/ab",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "HighLatency"},
        "commonLabels": {"alertname": "HighLatency", "severity": "critical", "version": "v2"},
        "commonAnnotations": {"summary": "模型变慢 model is slow", "description": "p99 is 0.7 s"},
        "externalURL": "http://vigil.example/",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "HighLatency", "severity": "critical", "version": "v2"},
                "annotations": {"summary": "模型变慢 model is slow", "description": "p99 is 0.7 s"},
                "startsAt": "2026-11-18T11:55:00.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://vigil.example/p/shop/explore/?expr=up",
                "fingerprint": "00ab",
            }
        ],
    }


def test_a_resolved_alert_carries_its_end() -> None:
    assert Webhook({}).body(kit.RESOLVED)["alerts"][0]["endsAt"] == "2026-11-18T12:00:00.000Z"


def test_a_token_and_the_delivery_travel_in_headers(outside: Callable[[], Outside]) -> None:
    server = outside()
    Webhook({"url": server.url, "bearer_token": "t0ken"}).send(kit.FIRING, Caller())
    headers = server.received[0].headers
    assert (headers["authorization"], headers["x-vigil-delivery"]) == ("Bearer t0ken", kit.FIRING.id)


def test_more_alerts_than_wanted_are_counted() -> None:
    body = Webhook({"max_alerts": 3}).body(kit.HUGE)
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (3, 97)
