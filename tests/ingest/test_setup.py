import datetime as dt

import pytest

from monitor.ingest import keys, setup
from tests.fixtures.fix_cast import Cast


def test_a_key_that_was_made_works(cast: Cast, now: dt.datetime) -> None:
    text = setup.create_key(cast.project.id, "gw", ["ingest"], now=now)
    known = keys.find(text, now=now)
    assert known is not None
    assert known.scopes == {"ingest"}


@pytest.mark.parametrize("name, scopes", [("", ["ingest"]), ("gw", []), ("gw", ["all"])])
def test_a_key_needs_a_name_and_known_scopes(
    cast: Cast, now: dt.datetime, name: str, scopes: list[str]
) -> None:
    with pytest.raises(setup.SetupError):
        setup.create_key(cast.project.id, name, scopes, now=now)


def test_a_revoked_key_stands_last(cast: Cast, now: dt.datetime) -> None:
    first = setup.list_keys(cast.project.id)[0]
    setup.revoke_key(cast.project.id, first.id, now=now)
    assert setup.list_keys(cast.project.id)[-1].id == first.id


def test_the_same_address_twice_is_refused(cast: Cast) -> None:
    setup.add_target(cast.project.id, "a", "http://127.0.0.1:9/metrics", 15)
    with pytest.raises(setup.SetupError):
        setup.add_target(cast.project.id, "b", "http://127.0.0.1:9/metrics", 15)
