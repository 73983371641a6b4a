import datetime as dt

import pytest

from monitor.alerting.grouping import Said, due_after_alert, due_after_speaking, need

NOW = dt.datetime(2026, 11, 18, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def said(*firing: str, over: str = "", ago: dt.timedelta = dt.timedelta(minutes=1)) -> Said:
    return Said(NOW - ago, frozenset(firing), frozenset(over))


def ask(last: Said | None, firing: str, resolved: str = "", *, send_resolved: bool = True) -> str | None:
    return need(last, firing, resolved, repeat=HOUR, send_resolved=send_resolved, now=NOW)


@pytest.mark.parametrize(
    "last, firing, resolved, reason",
    [
        (None, "a", "", "new"),
        (None, "", "a", None),
        (None, "", "", None),
        (said("a"), "a", "", None),
        (said("a"), "ab", "", "new"),
        (said("a", "b"), "a", "", None),
        (said("a", "b"), "a", "b", "resolved"),
        (said("a"), "", "a", "resolved"),
        (said("a"), "", "b", "resolved"),
        (said("a"), "a", "b", "resolved"),
        (said("a", over="b"), "a", "b", None),
        (said(), "", "a", None),
        (said(), "a", "", "new"),
        (said("a", ago=HOUR), "a", "", "repeat"),
        (said("a", over="b", ago=HOUR), "a", "b", "repeat"),
        (said(over="a", ago=HOUR), "", "a", None),
    ],
)
def test_a_contact_is_told_what_is_news_to_it(
    last: Said | None, firing: str, resolved: str, reason: str | None
) -> None:
    assert ask(last, firing, resolved) == reason


def test_who_does_not_want_to_hear_of_ends_is_only_noted_to_know_that_all_is_over() -> None:
    assert ask(said("a", "b"), "a", "b", send_resolved=False) is None
    assert ask(said("a"), "", "a", send_resolved=False) == "resolved"


def test_a_resting_group_waits_for_more_and_one_awake_keeps_its_time() -> None:
    wait = dt.timedelta(seconds=10)
    assert due_after_alert(None, wait, now=NOW) == NOW + wait
    assert due_after_alert(NOW + HOUR, wait, now=NOW) == NOW + HOUR


@pytest.mark.parametrize("late, next_at", [(0, 60), (1, 60), (59, 60), (60, 120), (3600, 3660)])
def test_a_little_lateness_does_not_add_up(late: int, next_at: int) -> None:
    minute, now = dt.timedelta(minutes=1), NOW + dt.timedelta(seconds=late)
    expected = NOW + dt.timedelta(seconds=next_at)
    assert due_after_speaking(NOW, minute, still_has_alerts=True, now=now) == expected


def test_a_group_that_spoke_of_its_last_alert_rests() -> None:
    assert due_after_speaking(NOW, HOUR, still_has_alerts=False, now=NOW) is None
