import datetime as dt

import pytest
from django.test import Client

from monitor.drift import policy
from monitor.drift.models import DriftPolicy, DriftSignal, DriftWatch
from monitor.drift.policy import BadPolicyError
from monitor.drift.signals import SIGNALS
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def test_fewer_false_pages_ask_for_more_evidence(cast: Cast) -> None:
    usual = policy.of(cast.project.id).limit(3600, 0.0)
    DriftPolicy.objects.create(project=cast.project, false_pages_per_month=0.033)
    assert policy.of(cast.project.id).limit(3600, 0.0) == pytest.approx(10 * usual)


def test_all_versions_and_watches_of_a_project_share_its_false_pages(cast: Cast) -> None:
    alone = policy.of(cast.project.id).limit(3600, 0.0)
    lives = [(0, 100), (0, 100), (50, 100)]
    assert policy.of(cast.project.id, lives).limit(3600, 60 * 3600.0) == pytest.approx(3 * alone)
    DriftWatch.objects.create(
        project=cast.project, model="m", feature="prompt_length", detector="wasserstein"
    )
    assert policy.of(cast.project.id).limit(3600, 0.0) == pytest.approx(alone * (1 + 1 / len(SIGNALS)))


def test_a_version_shares_from_its_first_call_to_a_week_after_its_last(cast: Cast) -> None:
    ready = policy.of(cast.project.id, [(0, 500), (100, 200)])
    found = [ready.versions(hour * 3600.0) for hour in (99, 100, 200 + 7 * 24 - 1, 200 + 7 * 24)]
    assert found == [1, 2, 2, 1]


def test_the_calendar_is_the_users(cast: Cast) -> None:
    DriftPolicy.objects.create(
        project=cast.project, time_zone="Asia/Shanghai", holidays="2026-10-01\n\n2026-10-02"
    )
    calendar = policy.of(cast.project.id).calendar
    assert calendar.zone.key == "Asia/Shanghai"
    assert calendar.holidays == {dt.date(2026, 10, 1), dt.date(2026, 10, 2)}


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_time_zone_that_is_none_is_named(name: str) -> None:
    with pytest.raises(BadPolicyError, match="there is no time zone"):
        policy.zone_of(name)


def test_the_form_refuses_a_date_that_is_none(admin: Client, cast: Cast) -> None:
    page = admin.post(
        "/admin/monitor/driftpolicy/add/",
        {
            "project": cast.project.pk,
            "false_pages_per_month": "1",
            "time_zone": "UTC",
            "holidays": "1st of May",
        },
    ).content.decode()
    assert "is no date" in page
    assert not DriftPolicy.objects.exists()


def test_a_new_normal_empties_the_evidence(admin: Client, cast: Cast) -> None:
    signal = DriftSignal.objects.create(
        project=cast.project,
        model="m",
        version="v",
        kind="topic",
        progress={"bets": [[9.0] * 5]},
        body={"effect": 1},
    )
    admin.post("/admin/monitor/driftsignal/", {"action": "new_normal", "_selected_action": [signal.pk]})
    signal.refresh_from_db()
    assert (signal.progress, signal.body, signal.reference_from is not None) == ({}, {}, True)


def test_signals_appear_by_themselves_and_cannot_be_added(admin: Client) -> None:
    assert admin.get("/admin/monitor/driftsignal/add/").status_code == 403
    assert admin.get("/admin/monitor/driftsignal/").status_code == 200
