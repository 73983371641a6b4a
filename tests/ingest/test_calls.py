"""What pages ask about calls."""

import datetime as dt
from uuid import UUID, uuid4

import pytest

from monitor.ingest import calls
from monitor.store.calls.scores import UnknownGenerationError
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

HOUR = dt.timedelta(hours=1)


def test_versions_stand_in_the_order_they_were_first_seen(cast: Cast, push: Push, now: dt.datetime) -> None:
    push([{"version": "new", "at": now - HOUR}, {"version": "old", "at": now - 5 * HOUR}])
    assert [one.name for one in calls.known_versions(cast.project.id)] == ["qwen old", "qwen new"]


def test_a_project_knows_only_its_own_versions(cast: Cast, push: Push) -> None:
    push([{"version": "v1"}])
    assert calls.known_versions(cast.other.id) == []


def test_a_page_says_where_the_next_begins(cast: Cast, push: Push, now: dt.datetime) -> None:
    ids = push([{"at": now - dt.timedelta(seconds=age)} for age in (30, 20, 10)])
    wanted = calls.Filter(cast.project.id, now - HOUR, now)
    first, before = calls.page(wanted, limit=2)
    rest, end = calls.page(wanted, before=before, limit=2)
    assert [one.id for one in first + rest] == ids[::-1]
    assert end == ""


@pytest.mark.parametrize("text", ["", "x", "1", "0" * 31, "zz" * 16])
def test_what_is_no_id_is_no_id(text: str) -> None:
    assert calls.identity(text) is None


def test_a_second_mark_of_a_person_replaces_the_first(cast: Cast, push: Push, now: dt.datetime) -> None:
    call: UUID = push([{}])[0]
    for mark in (2.0, 4.0):
        calls.rate(cast.project.id, call, mark, "", "ada", now=now)
    found = calls.one(cast.project.id, call)
    assert found is not None
    assert [one.value for one in found.scores] == [4.0]


def test_a_mark_for_a_call_that_is_not_there_is_refused(cast: Cast, now: dt.datetime) -> None:
    with pytest.raises(UnknownGenerationError):
        calls.rate(cast.project.id, uuid4(), 1.0, "", "ada", now=now)
