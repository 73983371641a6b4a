import datetime as dt

from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboards.pages import overview
from monitor.rules.models import Rule, RuleAlert, RuleGroup
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def test_one_row_per_version_and_the_worst_first(look: Look, world: object) -> None:
    rows = look("overview").context["rows"]
    assert [row.version for row in rows] == ["v2", "v1"]


def test_the_shares_of_traffic_are_those_of_the_calls(look: Look, world: object) -> None:
    notes = {row.version: row.cells[0].note for row in look("overview").context["rows"]}
    assert notes == {"v1": "75\u00a0%", "v2": "25\u00a0%"}


def test_what_the_page_shows_is_read_together(look: Look, world: object) -> None:
    with CaptureQueriesContext(connection) as caught:
        look("overview")
    assert sum("FROM monitor_sample_batch" in one["sql"] for one in caught.captured_queries) <= 8


def test_a_figure_that_was_never_sent_is_unknown_and_not_zero(look: Look, world: object) -> None:
    rows = look("overview").context["rows"]
    assert rows[0].value("quality") is None
    assert "no judge has marked" in look("overview").content.decode()


def test_a_version_that_fails_is_said_to_fail(look: Look, world: object) -> None:
    worst = look("overview").context["rows"][0]
    assert worst.state == "warn"
    assert "fail" in worst.reason


def test_the_first_calls_are_counted_one_by_one(look: Look, push: Push, now: dt.datetime) -> None:
    push([{"at": now - dt.timedelta(seconds=100 - 2 * step), "output_tokens": 10} for step in range(46)])
    tiles = look("overview").context["tiles"]
    assert [tiles[place]["text"] for place in (0, 2)] == ["46", "460\u00a0tok"]


def test_a_change_is_against_the_same_time_yesterday(look: Look, push: Push, now: dt.datetime) -> None:
    push([
        {"at": now - dt.timedelta(days=day, seconds=10 + 5 * step), "duration_seconds": 1.0 if day else 2.0}
        for day in (0, 1)
        for step in range(100)
    ])  # fmt: skip
    row = look("overview").context["rows"][0]
    p99 = next(cell for cell in row.cells if cell.column.name == "p99")
    assert p99.tone == "bad"
    assert p99.delta == "+100\u00a0%"


def test_an_old_figure_is_asked_for_in_every_column() -> None:
    assert all("offset 1d" in overview.earlier(column.expr, "1d") for column in overview.COLUMNS)


def test_a_watchdog_is_no_alarm(look: Look, cast: Cast, now: dt.datetime) -> None:
    group = RuleGroup.objects.create(project=cast.project, name="g")
    for number, severity in enumerate(("none", "warning")):
        rule = Rule.objects.create(group=group, name=f"Is{severity}", expr="vector(1)", position=number)
        RuleAlert.objects.create(
            project=cast.project, rule=rule, fingerprint=number, value=1.0, state="firing", active_at=now, fired_at=now,
            labels={"alertname": rule.name, "severity": severity},
        )  # fmt: skip
    assert [one.name for one in look("overview").context["alarms"]] == ["Iswarning"]
