import datetime as dt
import itertools
import threading
from collections.abc import Callable

import pytest
from django.db import connection

from monitor.alerting import deliver, packing
from monitor.alerting.models import (
    AlertGroup,
    Contact,
    Delivery,
    DeliveryAttempt,
    Inhibition,
    Route,
    Silence,
    TimeInterval,
)
from monitor.alerting.receivers.base import RefusedError
from monitor.alerting.receivers.webhook import Webhook
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_outside import Outside


def outcomes() -> list[str]:
    return list(DeliveryAttempt.objects.order_by("at", "number").values_list("outcome", flat=True))


def test_a_firing_alert_is_told_after_the_groups_wait(pager: Pager) -> None:
    pager.fire(at=0)
    assert (pager.run(at=9), pager.run(at=11), pager.heard) == (0, 1, ["firing Slow"])


def test_the_end_is_told_too(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    pager.resolve(at=20)
    pager.run(at=72)
    assert pager.heard == ["firing Slow", "resolved Slow"]


def test_nothing_is_told_twice(pager: Pager) -> None:
    pager.fire(at=0)
    for at in range(11, 600, 60):
        pager.fire(at=at)
        pager.run(at=at)
    assert pager.heard == ["firing Slow"]


def test_what_still_fires_is_repeated_after_hours(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    pager.run(at=100)
    pager.run(at=4 * 3600 + 100)
    assert pager.heard == ["firing Slow"] * 2


def test_an_alert_that_ends_before_anybody_heard_of_it_is_not_told(pager: Pager) -> None:
    pager.fire(at=0)
    pager.resolve(at=5)
    pager.run(at=100)
    assert pager.heard == []


def test_an_alert_that_fires_again_is_told_again(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    pager.resolve(at=20)
    pager.run(at=72)
    pager.fire(at=100)
    pager.run(at=140)
    assert pager.heard == ["firing Slow", "resolved Slow", "firing Slow"]


def test_a_contact_that_does_not_want_ends_hears_of_the_next_beginning(pager: Pager) -> None:
    Contact.objects.update(send_resolved=False)
    pager.fire(at=0)
    pager.run(at=11)
    pager.resolve(at=20)
    pager.run(at=72)
    pager.fire(at=100)
    pager.run(at=140)
    assert pager.heard == ["firing Slow", "firing Slow"]


def test_alerts_of_a_group_share_a_message(pager: Pager) -> None:
    Route.objects.create(project=pager.cast.project, name="all", group_by="-").contacts.add(pager.contact)
    pager.fire("Slow", at=0)
    pager.fire("Down", at=5)
    pager.run(at=11)
    assert pager.heard == ["firing Down+Slow"]


def test_a_route_sends_only_to_its_contacts(pager: Pager, outside: Callable[[], Outside]) -> None:
    other = outside()
    contact = Contact.objects.create(
        project=pager.cast.project, name="db", kind="webhook", settings={"url": other.url}
    )
    route = Route.objects.create(project=pager.cast.project, name="db", matchers='team="db"')
    route.contacts.add(contact)
    pager.fire(at=0, team="db")
    pager.run(at=11)
    assert (len(pager.service.received), len(other.received)) == (0, 1)


def test_without_routes_every_enabled_contact_is_told(pager: Pager, outside: Callable[[], Outside]) -> None:
    other = outside()
    for name, enabled in (("on", True), ("off", False)):
        Contact.objects.create(
            project=pager.cast.project,
            name=name,
            kind="webhook",
            settings={"url": other.url},
            enabled=enabled,
        )
    pager.fire(at=0)
    pager.run(at=11)
    assert (len(pager.service.received), len(other.received)) == (1, 1)


def test_another_project_hears_nothing(pager: Pager) -> None:
    Contact.objects.update(project=pager.cast.other)
    pager.fire(at=0)
    pager.run(at=11)
    assert pager.heard == []


def test_a_busy_service_is_tried_again_later(pager: Pager) -> None:
    pager.service.answer(500, b"busy")
    pager.fire(at=0)
    assert [pager.run(at=at) for at in (11, 11.9, 13)] == [1, 0, 1]
    assert outcomes() == ["later", "sent"]
    assert pager.heard == ["firing Slow"] * 2


def test_pauses_double_and_end_at_a_quarter_of_an_hour() -> None:
    identity = Delivery().id
    pauses = [deliver.pause_seconds(identity, attempt) for attempt in range(1, 40)]
    assert all(a * 1.5 < b for a, b in itertools.pairwise(pauses[:7]))
    assert 900 <= pauses[-1] <= 1080


def test_the_service_may_ask_for_a_longer_pause() -> None:
    assert deliver.pause_seconds(Delivery().id, 1, 120) == 120


def test_a_message_that_fails_for_a_day_is_given_up(pager: Pager) -> None:
    pager.service.always(500)
    pager.fire(at=0)
    pager.run(at=11)
    Delivery.objects.update(next_at=pager.moment(25 * 3600))
    pager.run(at=25 * 3600)
    assert pager.states[0] == "given_up"


def test_the_end_of_what_never_arrived_is_not_told(pager: Pager) -> None:
    pager.service.always(500)
    pager.fire(at=0)
    pager.run(at=11)
    Delivery.objects.update(next_at=pager.moment(25 * 3600))
    pager.resolve(at=20)
    pager.run(at=72)
    pager.run(at=25 * 3600)
    pager.run(at=25 * 3600 + 60)
    assert pager.states == ["given_up", "skipped"]


def test_a_refusal_ends_the_delivery_and_is_shown_on_the_contact(pager: Pager) -> None:
    pager.service.answer(403, b"s3cr3t is no key of ours")
    pager.fire(at=0)
    pager.run(at=11)
    pager.contact.refresh_from_db()
    assert pager.states == ["refused"]
    assert pager.contact.last_error == "HTTP 403: •••••• is no key of ours"
    assert pager.contact.last_ok is None


def test_a_robot_that_answers_200_with_a_code_has_refused(pager: Pager) -> None:
    Contact.objects.update(kind="dingtalk")
    pager.service.answer(200, {"errcode": 310000, "errmsg": "sign not match"})
    pager.fire(at=0)
    pager.run(at=11)
    assert (pager.states, outcomes()) == (["refused"], ["refused"])


def test_the_whole_address_never_stands_in_an_error(pager: Pager) -> None:
    pager.service.answer(400, f"can't POST {pager.contact.settings['url']}".encode())
    pager.fire(at=0)
    pager.run(at=11)
    pager.contact.refresh_from_db()
    assert "s3cr3t" not in pager.contact.last_error


def test_a_receiver_that_forgets_itself_still_shows_no_secret(
    pager: Pager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Webhook, *_: object) -> None:
        message = f"can't use {self.settings['url']}"
        raise RefusedError(message)

    monkeypatch.setattr(Webhook, "send", refuse)
    pager.fire(at=0)
    pager.run(at=11)
    assert Delivery.objects.get().last_error == "can't use ••••••"


def test_after_a_refusal_the_contact_is_tried_again_when_it_may_be_mended(pager: Pager) -> None:
    pager.service.answer(403)
    pager.fire(at=0)
    for at in (11, 80, 16 * 60):
        pager.run(at=at)
    assert pager.states == ["refused", "sent"]


def test_after_somebody_changed_a_refused_contact_it_is_tried_at_once(pager: Pager) -> None:
    pager.service.answer(403)
    pager.fire(at=0)
    pager.run(at=11)
    Contact.objects.update(changed_at=pager.moment(60))
    pager.run(at=80)
    assert pager.states == ["refused", "sent"]


def test_a_worker_that_dies_after_claiming_leaves_the_message_to_the_next(pager: Pager) -> None:
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    assert len(deliver.claim(now=pager.moment(11))) == 1  # and now it is killed
    assert (pager.run(at=60), pager.heard) == (0, [])
    assert (pager.run(at=11 + 121), pager.heard) == (1, ["firing Slow"])
    assert outcomes() == ["unfinished", "sent"]


def test_a_worker_that_lost_its_lease_does_not_overwrite_what_the_next_one_did(pager: Pager) -> None:
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    (slow,) = deliver.claim(now=pager.moment(11))
    pager.run(at=200)
    slow.outcome = "waiting"
    deliver.record([slow])
    assert pager.states == ["sent"]


def test_only_one_of_two_workers_gets_a_delivery(pager: Pager) -> None:
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    assert [len(deliver.claim(now=pager.moment(11))) for _ in range(2)] == [1, 0]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_tell_everything_once(pager: Pager) -> None:
    for number in range(6):
        pager.fire(f"Slow{number}", at=0)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        pager.run(at=11)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pager.heard) == [f"firing Slow{number}" for number in range(6)]


def test_the_end_never_overtakes_the_beginning(pager: Pager) -> None:
    pager.service.answer(500)
    pager.fire(at=0)
    pager.run(at=11)
    Delivery.objects.update(next_at=pager.moment(100))
    pager.resolve(at=20)
    pager.run(at=72)
    assert len(pager.service.received) == 1
    pager.run(at=101)
    assert pager.heard == ["firing Slow", "firing Slow", "resolved Slow"]


def test_a_contact_that_was_away_hears_of_the_beginning_and_the_present(pager: Pager) -> None:
    Route.objects.create(project=pager.cast.project, name="all", group_by="-").contacts.add(pager.contact)
    pager.service.always(500)
    for number in range(5):
        pager.fire(f"Slow{number}", at=number * 100)
        pager.run(at=number * 100 + 11)
        Delivery.objects.update(next_at=pager.moment(9000))
    pager.service.received.clear()
    pager.service.always(200)
    Delivery.objects.update(next_at=pager.moment(9000))
    pager.run(at=9000)
    assert pager.heard == ["firing Slow0", "firing Slow0+Slow1+Slow2+Slow3+Slow4"]


def silence(pager: Pager, matchers: str, start: float, end: float) -> Silence:
    return Silence.objects.create(
        project=pager.cast.project, matchers=matchers, author="ada", updated_at=pager.moment(0),
        starts_at=pager.moment(start), ends_at=pager.moment(end),
    )  # fmt: skip


def test_a_silenced_alert_is_told_when_the_silence_is_over(pager: Pager) -> None:
    silence(pager, 'alertname="Slow"', 0, 100)
    pager.fire(at=0)
    assert [pager.run(at=at) for at in (11, 72, 133)] == [0, 0, 1]


def test_a_silence_made_after_the_message_was_written_still_mutes_it(pager: Pager) -> None:
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    silence(pager, 'severity=~"crit.*"', 11, 1000)
    pager.run(at=12)
    assert (pager.heard, pager.states) == ([], ["muted"])


def test_a_contact_switched_off_after_the_message_was_written_hears_nothing(pager: Pager) -> None:
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    Contact.objects.update(enabled=False)
    pager.run(at=12)
    assert (pager.heard, pager.states) == ([], ["muted"])


def test_an_empty_silence_mutes_nothing(pager: Pager) -> None:
    silence(pager, "", 0, 1000)
    pager.fire(at=0)
    assert pager.run(at=11) == 1


def test_an_alert_moves_to_its_new_group_after_somebody_edited_the_routes(pager: Pager) -> None:
    pager.fire(at=0)
    Route.objects.create(project=pager.cast.project, name="all").contacts.add(pager.contact)
    pager.fire(at=5)
    assert [group.route is None for group in AlertGroup.objects.filter(alerts__isnull=False)] == [False]


def test_a_test_message_takes_the_same_way(pager: Pager) -> None:
    deliver.send_test(pager.contact, now=pager.moment(0))
    pager.run(at=1)
    assert pager.heard == ["firing VigilTest"]


def test_old_deliveries_are_forgotten_and_waiting_ones_are_not(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    pager.fire("Other", at=20)
    packing.pack_due(now=pager.moment(40))
    deliver.forget(now=pager.moment(0) + dt.timedelta(days=100), days=90)
    assert pager.states == ["waiting"]


def test_an_unforeseen_error_is_shown_and_tried_again(pager: Pager, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        message = "boom s3cr3t"
        raise RuntimeError(message)

    monkeypatch.setattr(deliver, "_message", broken)
    pager.fire(at=0)
    pager.run(at=11)
    row = Delivery.objects.get()
    assert (row.state, row.last_error) == ("waiting", "RuntimeError: boom ••••••")


def test_a_warning_is_quiet_while_the_critical_alert_fires_and_told_when_it_is_over(pager: Pager) -> None:
    Inhibition.objects.create(
        project=pager.cast.project,
        source_matchers='alertname="Down"',
        target_matchers='alertname="Slow"',
        equal="zone",
    )
    pager.fire("Down", at=0)
    pager.fire("Slow", at=1)
    pager.run(at=12)
    assert pager.heard == ["firing Down"]
    pager.resolve("Down", at=20)
    pager.run(at=75)
    # two groups that speak at one time are told side by side
    assert pager.heard[0] == "firing Down"
    assert sorted(pager.heard[1:]) == ["firing Slow", "resolved Down"]


def test_a_quiet_route_is_told_when_its_time_is_over(pager: Pager) -> None:
    noon = "times: [{start_time: '12:00', end_time: '12:05'}]"
    route = Route.objects.create(project=pager.cast.project, name="all")
    route.contacts.add(pager.contact)
    route.mute_intervals.add(TimeInterval.objects.create(project=pager.cast.project, name="noon", spec=noon))
    pager.fire(at=0)
    assert [pager.run(at=at) for at in (11, 250, 310)] == [0, 0, 1]


def test_a_route_speaks_only_in_its_times(pager: Pager) -> None:
    later = "times: [{start_time: '12:05', end_time: '13:00'}]"
    route = Route.objects.create(project=pager.cast.project, name="all")
    route.contacts.add(pager.contact)
    route.active_intervals.add(
        TimeInterval.objects.create(project=pager.cast.project, name="later", spec=later)
    )
    pager.fire(at=0)
    assert [pager.run(at=at) for at in (11, 250, 310)] == [0, 0, 1]


def test_a_dead_contact_is_asked_by_one_message_and_not_by_each(pager: Pager) -> None:
    pager.service.always(500)
    for number in range(10):
        pager.fire(f"Slow{number}", at=0)
    pager.run(at=11)
    before = len(pager.service.received)
    for second in range(12, 70):
        pager.run(at=second)
    assert before <= 10
    assert len(pager.service.received) - before <= 8


def test_a_dead_contact_does_not_hold_up_the_others(pager: Pager, outside: Callable[[], Outside]) -> None:
    other = outside()
    Contact.objects.create(project=pager.cast.project, name="b", kind="webhook", settings={"url": other.url})
    pager.service.always(500)
    for number in range(20):
        pager.fire(f"Slow{number}", at=0)
    pager.run(at=11)
    assert len(other.received) == 20


def test_the_next_moment_is_known_shortly_before(pager: Pager) -> None:
    pager.fire(at=0)
    assert [deliver.seconds_to_next(now=pager.moment(at)) for at in (5, 9.5, 10.5)] == [0, 0.5, 0]


def test_the_payload_says_where_it_comes_from_as_alertmanager_does(pager: Pager) -> None:
    Contact.objects.update(receiver="team-a")
    pager.fire(at=0)
    pager.run(at=11)
    body = pager.service.received[0].json
    assert (body["receiver"], body["groupKey"]) == ("team-a", '{project="shop"}:{alertname="Slow"}')


def test_an_alert_that_ended_and_began_anew_before_its_group_spoke_is_told_once(pager: Pager) -> None:
    pager.fire(at=0)
    pager.run(at=11)
    for at in (20, 40):
        pager.resolve(at=at)
        pager.fire(at=at + 5)
    for at in (72, 133):
        pager.run(at=at)
    assert pager.heard == ["firing Slow"]


def test_an_alert_that_came_and_went_beside_another_is_told_once_with_it(pager: Pager) -> None:
    Route.objects.create(project=pager.cast.project, name="all", group_by="-").contacts.add(pager.contact)
    pager.fire("Slow", at=0)
    pager.run(at=11)
    for at in (20, 80):
        pager.fire("Down", at=at)
        pager.resolve("Down", at=at + 10)
        pager.run(at=at + 52)
    assert pager.heard == ["firing Slow", "firing Down+Slow"]


@pytest.mark.parametrize("loud", [True, False])
def test_what_ended_while_it_was_silenced_is_told_when_it_begins_anew(pager: Pager, loud: bool) -> None:
    Contact.objects.update(send_resolved=loud)
    pager.fire(at=0)
    pager.run(at=11)
    silence(pager, 'alertname="Slow"', 15, 100)
    pager.resolve(at=20)
    pager.run(at=72)
    pager.fire(at=150)
    pager.run(at=170)
    assert pager.heard == ["firing Slow"] * 2


def test_what_was_silenced_on_the_way_is_told_after_the_silence(pager: Pager) -> None:
    Route.objects.create(project=pager.cast.project, name="all", group_by="-").contacts.add(pager.contact)
    for name in ("Slow", "Down"):
        pager.fire(name, at=0)
    packing.pack_due(now=pager.moment(11))
    silence(pager, 'alertname="Slow"', 11, 60)
    pager.run(at=12)
    pager.run(at=72)
    assert pager.heard == ["firing Down", "firing Down+Slow"]


def test_two_projects_never_share_an_incident(pager: Pager) -> None:
    other = Contact.objects.create(
        project=pager.cast.other, name="ops", kind="pagerduty",
        settings={"url": pager.service.url, "routing_key": "k"},
    )  # fmt: skip
    Contact.objects.filter(pk=pager.contact.pk).update(kind=other.kind, settings=other.settings)
    for contact in (pager.contact, other):
        deliver.send_test(contact, now=pager.moment(0))
    pager.run(at=1)
    assert len({one.json["dedup_key"] for one in pager.service.received}) == 2
