import datetime as dt

from monitor.alerting import read
from monitor.alerting.models import Route, Silence
from tests.fixtures.fix_alerting import Pager


def test_contacts_hide_their_secrets(pager: Pager) -> None:
    (row,) = read.contacts(pager.cast.project.id)
    assert (row.name, row.settings["url"], row.health) == ("ops", "••••••", "unknown")


def test_a_contact_that_was_refused_is_failing(pager: Pager) -> None:
    pager.service.answer(403)
    pager.fire(at=0)
    pager.run(at=11)
    (row,) = read.contacts(pager.cast.project.id)
    assert (row.health, row.last_error) == ("failing", "HTTP 403: {}")


def test_a_delivery_tells_every_attempt(pager: Pager) -> None:
    pager.service.answer(500)
    pager.fire(at=0)
    pager.run(at=11)
    pager.run(at=20)
    (row,) = read.deliveries(pager.cast.project.id, 10)
    assert (row.contact, row.status, row.state, row.names) == ("ops", "firing", "sent", ("Slow",))
    assert [(one.number, one.outcome) for one in row.log] == [(1, "later"), (2, "sent")]


def test_the_deliveries_of_one_alert_can_be_found(pager: Pager) -> None:
    pager.fire("Slow", at=0)
    pager.fire("Down", at=0)
    pager.run(at=11)
    slow = next(row for row in read.deliveries(pager.cast.project.id) if row.names == ("Slow",))
    assert read.deliveries(pager.cast.project.id, fingerprint=slow.fingerprints[0]) == [slow]


def test_a_silence_is_pending_active_or_expired(pager: Pager) -> None:
    hour = dt.timedelta(hours=1)
    noon = pager.moment(0)
    for start in (-2 * hour, -hour / 2, hour):
        Silence.objects.create(
            project=pager.cast.project, matchers="a=b", author="ada",
            starts_at=noon + start, ends_at=noon + start + hour, updated_at=noon,
        )  # fmt: skip
    rows = read.silences(pager.cast.project.id, now=noon)
    assert [row.state for row in rows] == ["pending", "active", "expired"]


def test_muted_and_unrouted_alerts_are_known(pager: Pager) -> None:
    Silence.objects.create(
        project=pager.cast.project, matchers='alertname="Slow"', author="ada",
        starts_at=pager.moment(0), ends_at=pager.moment(99), updated_at=pager.moment(0),
    )  # fmt: skip
    Route.objects.create(project=pager.cast.project, name="x", matchers='alertname="Slow"')
    pager.fire("Slow", at=0)
    pager.fire("Down", at=0)
    assert len(read.muted(pager.cast.project.id, now=pager.moment(1))) == 1
    assert len(read.unrouted(pager.cast.project.id, now=pager.moment(1))) == 1


def test_another_project_knows_nothing_of_it(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    other = pager.cast.other.id
    assert (read.contacts(other), read.deliveries(other), read.unrouted(other, now=pager.moment(12))) == (
        [],
        [],
        [],
    )
