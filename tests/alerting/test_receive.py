import datetime as dt
from dataclasses import replace

import pytest

from monitor.alerting import receive
from monitor.alerting.models import Alert, AlertGroup, Route
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import NOON


def at(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


def told(start: float, end: float, *, timeout: bool = False) -> Notice:
    return Notice(Labels({"alertname": "Slow"}), at(start), at(end), source="outside", timeout=timeout)


# start and end stored before, those told now at minute 10, and what becomes of them; t: that end is only assumed
@pytest.mark.parametrize("old, new, expected", [
    ((0, 20), (5, 30), (0, 30)),
    ((0, 30), (5, 20), (0, 30)),
    ((0, 30), (0, 9), (0, 9)),
    ((0, 5), (6, 20), (6, 20)),
    ((6, 8), (5, 7), (5, 8)),
    ((0, 9), (5, 20), (0, 20)),
])  # fmt: skip
def test_reports_that_overlap_are_one_alert(
    old: tuple[float, float], new: tuple[float, float], expected: tuple[float, float]
) -> None:
    row = Alert(starts_at=at(old[0]), ends_at=at(old[1]))
    found = receive.merged(row, told(*new), now=at(10))
    assert (found.starts_at, found.ends_at) == (at(expected[0]), at(expected[1]))


def test_an_assumed_end_gives_way_to_one_that_was_said() -> None:
    row = Alert(starts_at=at(0), ends_at=at(30), timeout=True)
    assert receive.merged(row, told(0, 20), now=at(10)).ends_at == at(20)


def test_one_of_our_own_keeps_its_start() -> None:
    row = Alert(starts_at=at(0), ends_at=None)
    assert receive.merged(row, told(5, 20), now=at(10)).starts_at == at(0)


def test_an_alert_that_nobody_renews_ends_by_itself(pager: Pager) -> None:
    receive.take_outside(pager.cast.project.id, [told(0, 5, timeout=True)], now=at(0))
    for minute in (1, 2, 4.9, 6.1):
        pager.run(at=minute * 60)
    assert pager.heard == ["firing Slow", "resolved Slow"]


def test_renewed_in_time_it_goes_on(pager: Pager) -> None:
    for minute in range(20):
        notice = replace(told(minute, minute + 5, timeout=True))
        receive.take_outside(pager.cast.project.id, [notice], now=at(minute))
        pager.run(at=minute * 60 + 30)
    assert pager.heard == ["firing Slow"]
    assert Alert.objects.get().starts_at == at(0)


def test_an_alert_that_is_over_already_joins_no_group(pager: Pager) -> None:
    receive.take_outside(pager.cast.project.id, [told(0, 5)], now=at(6))
    assert (Alert.objects.count(), AlertGroup.objects.count()) == (1, 0)


def test_many_alerts_cost_as_many_questions_as_few(
    pager: Pager, django_assert_max_num_queries: object
) -> None:
    Route.objects.create(project=pager.cast.project, name="all", group_by="...").contacts.add(pager.contact)
    many = [Notice(Labels({"alertname": "Slow", "n": str(n)}), at(0)) for n in range(300)]
    with django_assert_max_num_queries(20):  # type: ignore[operator] # pytest-django's fixture
        receive.take(pager.cast.project.id, many, now=at(0))
    assert AlertGroup.objects.exclude(due_at=None).count() == 300
