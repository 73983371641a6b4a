"""A key is believed for some seconds; what is done to it here counts at once."""

import datetime as dt

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from monitor.ingest import keys, setup
from monitor.ingest.models import ApiKey
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def seconds(count: float) -> dt.timedelta:
    return dt.timedelta(seconds=count)


def test_a_key_revoked_elsewhere_is_refused_within_seconds(cast: Cast, now: dt.datetime) -> None:
    assert keys.find(cast.key, now=now) is not None
    # as another process would: nothing here is told
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(revoked_at=now)
    assert keys.find(cast.key, now=now + keys.HOLD) is None


def test_a_key_revoked_here_is_refused_at_once(cast: Cast, now: dt.datetime) -> None:
    known = keys.find(cast.key, now=now)
    assert known is not None
    assert setup.revoke_key(cast.project.id, known.key_id, now=now)
    assert keys.find(cast.key, now=now) is None


def test_a_saved_key_is_read_anew(cast: Cast, now: dt.datetime) -> None:
    keys.find(cast.key, now=now)
    row = ApiKey.objects.get(digest=keys.digest(cast.key))
    row.scopes = ["query"]
    row.save()
    known = keys.find(cast.key, now=now)
    assert known is not None
    assert known.scopes == {"query"}


def test_a_believed_key_still_expires_to_the_moment(cast: Cast, now: dt.datetime) -> None:
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(expires_at=now + seconds(1))
    assert keys.find(cast.key, now=now) is not None
    assert keys.find(cast.key, now=now + seconds(1)) is None


def test_a_believed_key_asks_nothing(
    cast: Cast, now: dt.datetime, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    keys.find(cast.key, now=now)
    with django_assert_num_queries(0):  # type: ignore[operator] # pytest-django's fixture
        keys.find(cast.key, now=now + seconds(2))


def test_when_a_key_was_used_is_known_to_the_minute(cast: Cast, now: dt.datetime) -> None:
    row = ApiKey.objects.get(digest=keys.digest(cast.key))
    for later, told in ((0, 0), (30, 0), (90, 90)):
        keys.forget()
        keys.find(cast.key, now=now + seconds(later))
        row.refresh_from_db()
        assert row.last_used_at == now + seconds(told)


@pytest.mark.usefixtures("own_cache")
def test_a_key_with_a_limit_waits_for_the_next_minute(cast: Cast, now: dt.datetime) -> None:
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(per_minute=2)
    known = keys.find(cast.key, now=now)
    assert known is not None
    assert [keys.wait(known, now=now + seconds(20)) for _ in range(3)] == [None, None, 40]
    assert keys.wait(known, now=now + seconds(60)) is None


def test_a_key_without_a_limit_asks_the_cache_nothing(
    cast: Cast, now: dt.datetime, settings: Settings
) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    known = keys.find(cast.key, now=now)
    assert known is not None
    assert keys.wait(known, now=now) is None


def test_nobody_is_refused_while_the_cache_is_away(cast: Cast, now: dt.datetime, settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(per_minute=1)
    known = keys.find(cast.key, now=now)
    assert known is not None
    assert [keys.wait(known, now=now) for _ in range(3)] == [None, None, None]


def test_a_key_that_vanishes_unrevoked_is_a_doubt_about_the_database(cast: Cast, now: dt.datetime) -> None:
    keys.find(cast.key, now=now)
    # no signal: as where a database was put back from a copy, or another server took over
    ApiKey.objects.filter(digest=keys.digest(cast.key)).delete()
    keys._held[keys.digest(cast.key)] = (now, keys.KnownKey(1, 1, "shop", frozenset({"ingest"})), None)
    with pytest.raises(keys.GoneError, match="nobody revoked it"):
        keys.find(cast.key, now=now + keys.HOLD)
    assert keys.find(cast.key, now=now + keys.DOUBTED) is None


def test_a_key_nobody_knew_is_refused_at_once(cast: Cast, now: dt.datetime) -> None:
    assert keys.find("vgl_nobody", now=now) is None


@pytest.mark.parametrize(
    "change, says",
    [
        ({"revoked_at": dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)}, "was revoked on 2026-01-02 03:04Z"),
        ({"expires_at": dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)}, "expired on 2026-01-02 03:04Z"),
    ],
)
def test_why_a_key_opens_nothing_is_said(
    cast: Cast, now: dt.datetime, change: dict[str, dt.datetime], says: str
) -> None:
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(**change)
    assert keys.find(cast.key, now=now) is None
    assert says in keys.why_not(cast.key, now=now)
    assert cast.key not in keys.why_not(cast.key, now=now)


def test_a_key_is_good_where_nothing_can_be_written_down(cast: Cast, now: dt.datetime) -> None:
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    assert keys.find(cast.key, now=now) is not None
    transaction.savepoint_rollback(before)
