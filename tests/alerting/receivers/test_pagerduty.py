from monitor.alerting.receivers.pagerduty import PagerDuty
from tests.kits import receiver as kit

DUTY = PagerDuty({"routing_key": kit.SECRET})


def test_an_incident_is_opened_and_resolved_under_one_key() -> None:
    opened, resolved = DUTY.body(kit.FIRING), DUTY.body(kit.RESOLVED)
    assert (opened["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == resolved["dedup_key"]
    assert len(opened["dedup_key"]) <= 255


def test_the_event_has_what_the_api_asks_for() -> None:
    body = DUTY.body(kit.HUGE)
    payload = body["payload"]
    assert len(payload["summary"]) <= 1024
    assert (payload["severity"], payload["source"]) == ("critical", "vigil")
    assert (len(payload["custom_details"]["alerts"]), payload["custom_details"]["not_shown"]) == (50, 50)


def test_an_unknown_severity_is_an_error() -> None:
    message = kit.message(kit.alert(severity="sev2"))
    assert DUTY.body(message)["payload"]["severity"] == "error"
