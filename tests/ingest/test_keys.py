"""A key is believed for some seconds; what is done to it here counts at once."""

import datetime as dt

import pytest

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
