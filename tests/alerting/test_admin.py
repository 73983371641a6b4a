from typing import Any

import pytest
from django.test import Client

from monitor.alerting.models import Contact, Delivery, Route, Silence
from monitor.alerting.receivers import RECEIVERS
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import Cast

ADD = "/admin/monitor/contact/add/"


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def typed(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "project": cast.project.pk, "name": "ops", "kind": "dingtalk", "language": "both", "enabled": "on", "send_resolved": "on",
        "setting_url": "https://oapi.example/robot/send?access_token=t0ken", "setting_secret": "SECabc",
        "setting_at_mobiles": "138, 139", **changes,
    }  # fmt: skip


def change(admin: Client, contact: Contact, **changes: Any) -> str:
    page = admin.post(f"/admin/monitor/contact/{contact.pk}/change/", changes, follow=True)
    contact.refresh_from_db()
    return page.content.decode()


def test_first_the_receiver_is_chosen(admin: Client) -> None:
    page = admin.get(ADD).content.decode()
    assert all(f"?kind={name}" in page for name in RECEIVERS)
    assert "sends every alert to all its enabled contacts" in page


@pytest.mark.parametrize("kind", RECEIVERS)
def test_the_form_is_made_of_the_receivers_fields(admin: Client, kind: str) -> None:
    page = admin.get(ADD, {"kind": kind}).content.decode()
    assert all(f'name="setting_{field.name}"' in page for field in RECEIVERS[kind].fields)


def test_a_contact_is_stored_with_its_settings(admin: Client, cast: Cast) -> None:
    answer = admin.post(ADD, typed(cast))
    assert answer.status_code == 302
    assert Contact.objects.get().settings == {
        "url": "https://oapi.example/robot/send?access_token=t0ken", "secret": "SECabc",
        "at_mobiles": ["138", "139"], "at_all": False,
    }  # fmt: skip


def test_a_bad_setting_is_shown_beside_its_field(admin: Client, cast: Cast) -> None:
    page = admin.post(ADD, typed(cast, setting_url="oapi.example")).content.decode()
    assert "is not an http:// or https:// address" in page
    assert not Contact.objects.exists()


def test_a_missing_setting_is_shown(admin: Client, cast: Cast) -> None:
    assert "url: missing" in admin.post(ADD, typed(cast, setting_url="")).content.decode()
    assert not Contact.objects.exists()


def test_secrets_are_never_shown_again_and_stay_when_left_empty(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast))
    contact = Contact.objects.get()
    page = admin.get(f"/admin/monitor/contact/{contact.pk}/change/").content.decode()
    assert "SECabc" not in page
    assert "t0ken" not in page
    assert "138, 139" in page
    change(admin, contact, **typed(cast, name="new", setting_url="", setting_secret=""))
    assert (contact.name, contact.settings["secret"]) == ("new", "SECabc")


def test_the_receiver_of_a_contact_stays(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast))
    contact = Contact.objects.get()
    page = change(admin, contact, **typed(cast, kind="webhook"))
    assert "that of an existing one stays" in page
    assert contact.kind == "dingtalk"


def test_a_test_message_can_be_sent(admin: Client, pager: Pager) -> None:
    pick = {"action": "send_test", "_selected_action": [pager.contact.pk]}
    admin.post("/admin/monitor/contact/", pick)
    assert Delivery.objects.get().content["test"] is True


def test_a_route_with_a_bad_matcher_is_refused(admin: Client, pager: Pager) -> None:
    form = {
        "project": pager.cast.project.pk, "name": "r", "position": 0, "matchers": "severity", "group_by": "",
        "contacts": [pager.contact.pk], "group_wait": "1s", "group_interval": "", "repeat_interval": "",
    }  # fmt: skip
    assert "not a matcher" in admin.post("/admin/monitor/route/add/", form).content.decode()
    admin.post("/admin/monitor/route/add/", {**form, "matchers": 'severity="critical"'})
    assert [contact.name for contact in Route.objects.get().contacts.all()] == ["ops"]


def test_a_route_can_not_reach_into_another_project(admin: Client, pager: Pager) -> None:
    form = {
        "project": pager.cast.other.pk, "name": "r", "position": 0, "matchers": "", "group_by": "",
        "contacts": [pager.contact.pk], "group_wait": "1s", "group_interval": "", "repeat_interval": "",
    }  # fmt: skip
    assert "Of another project: ops" in admin.post("/admin/monitor/route/add/", form).content.decode()


def silence(cast: Cast, **changes: str) -> dict[str, Any]:
    return {
        "project": cast.project.pk, "matchers": 'alertname="Slow"', "author": "ada", "comment": "",
        "starts_at_0": "2026-11-18", "starts_at_1": "12:00", "ends_at_0": "2026-11-18", "ends_at_1": "14:00",
        **changes,
    }  # fmt: skip


def test_a_silence_is_stored(admin: Client, cast: Cast) -> None:
    admin.post("/admin/monitor/silence/add/", silence(cast))
    assert Silence.objects.get().author == "ada"


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"matchers": 'alertname=""'}, "would hide everything"),
        ({"ends_at_1": "11:00"}, "lies before the beginning"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    admin: Client, cast: Cast, changes: dict[str, str], complaint: str
) -> None:
    assert complaint in admin.post("/admin/monitor/silence/add/", silence(cast, **changes)).content.decode()


def test_deliveries_can_be_read_and_not_changed(admin: Client, pager: Pager) -> None:
    pager.service.answer(403, b"no key")
    pager.fire(at=0)
    pager.run(at=11)
    row = Delivery.objects.get()
    assert "HTTP 403: no key" in admin.get("/admin/monitor/delivery/").content.decode()
    assert "refused" in admin.get(f"/admin/monitor/delivery/{row.pk}/change/").content.decode()
    assert admin.get("/admin/monitor/delivery/add/").status_code == 403
