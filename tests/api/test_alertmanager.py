"""Alertmanager's API v2, as senders and amtool use it."""

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from monitor.alerting.models import Alert, Contact, Inhibition, Route, Silence, TimeInterval
from monitor.core import clock
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import NOON, Cast

ALERT_KEYS = {
    "annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt", "generatorURL", "labels",
}  # fmt: skip


class Api:
    """The API with a key, at noon."""

    def __init__(self, client: Client, key: str) -> None:
        self.client, self.headers = client, {"authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"/api/v2/{path}", query, headers=self.headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(f"/api/v2/{path}", raw, content_type="application/json", headers=self.headers)

    def delete(self, path: str) -> int:
        return self.client.delete(f"/api/v2/{path}", headers=self.headers).status_code


@pytest.fixture
def api(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return Api(client, cast.key)


def moment(minutes: float) -> str:
    return (NOON + dt.timedelta(minutes=minutes)).isoformat()


def alert(name: str = "Slow", *, end: float | None = 60, **labels: str) -> dict[str, Any]:
    times = {} if end is None else {"endsAt": moment(end)}
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": "s"},
        "generatorURL": "http://p/graph",
        **times,
    }


def silence(*matchers: tuple[str, str], **changes: Any) -> dict[str, Any]:
    listed = [{"name": name, "value": value, "isRegex": False} for name, value in matchers]
    return {
        "matchers": listed, "startsAt": moment(-1), "endsAt": moment(60), "createdBy": "ada", "comment": "why", **changes,
    }  # fmt: skip


def test_an_alert_comes_back_in_the_shape_of_the_api(api: Api, pager: Pager) -> None:
    assert api.post("alerts", [alert(severity="critical")]).status_code == 200
    (found,) = api.get("alerts")
    assert set(found) == ALERT_KEYS
    assert found["status"] == {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"}
    assert (found["receivers"], found["generatorURL"]) == ([{"name": "ops"}], "http://p/graph")
    assert (found["startsAt"], found["endsAt"]) == ("2026-11-18T12:00:00.000Z", "2026-11-18T13:00:00.000Z")


def test_an_alert_without_an_end_gets_one_after_the_resolve_timeout(api: Api) -> None:
    api.post("alerts", [alert(end=None), {"labels": {"alertname": "Zero"}, "endsAt": "0001-01-01T00:00:00Z"}])
    assert {one["endsAt"] for one in api.get("alerts")} == {"2026-11-18T12:05:00.000Z"}


def test_an_alert_that_ended_is_shown_no_more(api: Api) -> None:
    api.post("alerts", [alert()])
    api.post("alerts", [alert(end=-0.1)])
    assert api.get("alerts") == []


def test_nanoseconds_are_read(api: Api) -> None:
    body = {**alert(), "startsAt": "2026-11-18T11:59:59.123456789Z"}
    assert api.post("alerts", [body]).status_code == 200
    assert api.get("alerts")[0]["startsAt"] == "2026-11-18T11:59:59.123Z"


@pytest.mark.parametrize("bad, complaint", [
    ({"labels": {}}, "at least one label pair"),
    ({"labels": {"a": ""}}, "at least one label pair"),
    ({"labels": {"": "a", "b": "c"}}, "without a name"),
    ({"labels": {"a": "b"}, "startsAt": "yesterday"}, "no RFC 3339 time"),
    ({"labels": {"a": "b"}, "startsAt": moment(2), "endsAt": moment(1)}, "start time must be before"),
])  # fmt: skip
def test_of_many_alerts_the_good_ones_are_taken_and_the_bad_ones_named(
    api: Api, bad: Any, complaint: str
) -> None:
    answer = api.post("alerts", [alert(), bad])
    assert (answer.status_code, Alert.objects.count()) == (400, 1)
    assert answer.json().startswith("alert 1: ")
    assert complaint in answer.json()


@pytest.mark.parametrize("body", [b"{", b"[{}]", b'[{"labels": {"a": 1}}]', b'{"labels": {"a": "b"}}'])
def test_what_can_not_be_read_at_all_is_refused(api: Api, body: bytes) -> None:
    answer = api.post("alerts", body)
    assert answer.status_code == 400
    assert "can't be read" in answer.json()


@pytest.mark.parametrize("query, names", [
    ({"filter": 'alertname="Slow"'}, ["Slow"]),
    ({"filter": ['alertname=~"Sl.*|Do.*"', 'team!="a"']}, ["Down"]),
    ({"filter": '模型="通义"'}, ["Quiet"]),
    ({"active": "false"}, ["Quiet"]),
    ({"silenced": "false"}, ["Down", "Slow"]),
    ({"receiver": "op."}, ["Down", "Quiet", "Slow"]),
    ({"receiver": "o"}, []),
])  # fmt: skip
def test_alerts_are_chosen_as_alertmanager_does(api: Api, pager: Pager, query: Any, names: list[str]) -> None:
    api.post("alerts", [alert("Slow", team="a"), alert("Down"), alert("Quiet", 模型="通义")])
    api.post("silences", silence(("alertname", "Quiet")))
    assert sorted(one["labels"]["alertname"] for one in api.get("alerts", **query)) == names


@pytest.mark.parametrize("query", [{"filter": "!!"}, {"active": "maybe"}, {"receiver": "("}])
def test_a_question_that_can_not_be_read_is_refused(api: Api, query: dict[str, str]) -> None:
    assert api.client.get("/api/v2/alerts", query, headers=api.headers).status_code == 400


def test_what_keeps_an_alert_quiet_is_shown(api: Api, cast: Cast) -> None:
    Inhibition.objects.create(
        project=cast.project, source_matchers='alertname="Down"', target_matchers='alertname="Slow"'
    )
    route = Route.objects.create(project=cast.project, name="r", matchers='alertname="Down"')
    route.mute_intervals.add(
        TimeInterval.objects.create(project=cast.project, name="year", spec="years: [2026]")
    )
    api.post("alerts", [alert("Slow"), alert("Down")])
    found = {one["labels"]["alertname"]: one for one in api.get("alerts")}
    assert found["Slow"]["status"]["inhibitedBy"] == [found["Down"]["fingerprint"]]
    assert found["Down"]["status"] == {
        "inhibitedBy": [],
        "mutedBy": ["year"],
        "silencedBy": [],
        "state": "suppressed",
    }


def test_groups_have_their_labels_and_one_receiver_each(api: Api, pager: Pager) -> None:
    Contact.objects.create(project=pager.cast.project, name="mail", kind="email")
    api.post("alerts", [alert("Slow", n="1"), alert("Slow", n="2"), alert("Down")])
    found = api.get("alerts/groups")
    seen = [(one["labels"]["alertname"], one["receiver"]["name"], len(one["alerts"])) for one in found]
    assert seen == [("Down", "mail", 1), ("Down", "ops", 1), ("Slow", "mail", 2), ("Slow", "ops", 2)]
    assert len(api.get("alerts/groups", filter='n="1"')) == 2
    assert len(api.get("alerts/groups", receiver="mail")) == 2


def test_a_silence_is_made_seen_and_ended(api: Api) -> None:
    made = api.post("silences", silence(("alertname", "Slow"), ("team", "a"))).json()["silenceID"]
    found = api.get(f"silence/{made}")
    assert set(found) == {
        "id",
        "status",
        "updatedAt",
        "comment",
        "createdBy",
        "endsAt",
        "matchers",
        "startsAt",
    }
    assert (found["status"], found["matchers"][0]) == (
        {"state": "active"}, {"isEqual": True, "isRegex": False, "name": "alertname", "value": "Slow"},
    )  # fmt: skip
    assert api.delete(f"silence/{made}") == 200
    assert api.get(f"silence/{made}")["status"] == {"state": "expired"}


def test_a_silence_whose_end_moves_stays_the_same_and_one_of_other_alerts_is_new(api: Api) -> None:
    made = api.post("silences", silence(("a", "b"))).json()["silenceID"]
    longer = api.post("silences", silence(("a", "b"), id=made, endsAt=moment(90))).json()["silenceID"]
    other = api.post("silences", silence(("a", "c"), id=made)).json()["silenceID"]
    assert longer == made != other
    assert [one["status"]["state"] for one in api.get("silences")] == ["active", "expired"]


@pytest.mark.parametrize("changes, status", [
    ({"matchers": []}, 400),
    ({"matchers": [{"name": "a", "value": "", "isRegex": False}]}, 400),
    ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, 400),
    ({"endsAt": moment(-1)}, 400),
    ({"startsAt": moment(9), "endsAt": moment(8)}, 400),
    ({"createdBy": None}, 400),
    ({"id": "00000000-0000-0000-0000-000000000000"}, 404),
])  # fmt: skip
def test_a_silence_that_makes_no_sense_is_refused(api: Api, changes: dict[str, Any], status: int) -> None:
    assert api.post("silences", silence(("a", "b"), **changes)).status_code == status


def test_silences_are_found_by_what_they_ask_for(api: Api) -> None:
    for value in ("b", "c"):
        api.post("silences", silence(("a", value)))
    assert len(api.get("silences", filter='a="b"')) == 1


@pytest.mark.parametrize("identity", ["00000000-0000-0000-0000-000000000000", "no-uuid"])
def test_a_silence_that_does_not_exist_is_not_found(api: Api, identity: str) -> None:
    assert api.client.get(f"/api/v2/silence/{identity}", headers=api.headers).status_code == 404
    assert api.delete(f"silence/{identity}") == 404


def test_the_silences_of_another_project_can_not_be_reached(api: Api, cast: Cast) -> None:
    row = Silence.objects.create(
        project=cast.other,
        matchers='a="b"',
        author="cy",
        starts_at=NOON,
        ends_at=NOON + dt.timedelta(hours=1),
        updated_at=NOON,
    )
    assert api.delete(f"silence/{row.pk}") == 404
    assert api.get("silences") == []


def test_status_and_receivers_hide_secrets(api: Api, pager: Pager) -> None:
    status = api.get("status")
    assert set(status) == {"cluster", "config", "uptime", "versionInfo"}
    assert "s3cr3t" not in status["config"]["original"]
    assert "name: ops" in status["config"]["original"]
    assert api.get("receivers") == [{"name": "ops"}]


@pytest.mark.parametrize("path, method, status", [
    ("alerts", "get", 200), ("silences", "get", 200), ("alerts", "post", 403), ("silences", "post", 403), ("status", "post", 405),
])  # fmt: skip
def test_a_key_that_may_only_ask_changes_nothing(
    client: Client, cast: Cast, path: str, method: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {cast.query_key}"}
    assert getattr(client, method)(f"/api/v2/{path}", headers=headers).status_code == status


def test_a_browser_session_can_not_silence(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    assert client.post("/api/v2/silences", {}).status_code == 401
