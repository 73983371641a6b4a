"""The doctor finds what is broken, says what to do, and never falls over itself."""

import datetime as dt

import pytest
from pytest_django import Settings

from monitor.management import doctor
from monitor.management.doctor import State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.1)


def found(now: dt.datetime) -> dict[str, doctor.Finding]:
    return {one.what: one for one in doctor.examine(now)}


def test_a_database_that_is_well_is_said_to_be(now: dt.datetime) -> None:
    told = found(now)
    assert any("PostgreSQL" in what and one.state == State.GOOD for what, one in told.items())
    assert told["tables are those of this version"].state == State.GOOD


def test_a_clock_that_is_wrong_is_noticed(now: dt.datetime) -> None:
    # the cast's noon is not the database's time
    assert any("clock differs" in what for what in found(now))


def test_without_workers_nothing_runs_and_that_is_bad(now: dt.datetime) -> None:
    bad = [one for one in found(now).values() if one.state == State.BAD]
    assert any("no worker answers" in one.what and one.remedy for one in bad)


def test_a_queue_that_is_away_is_a_finding_and_no_crash(now: dt.datetime, settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    assert any(
        what.startswith("Valkey or Redis") and one.state == State.BAD for what, one in found(now).items()
    )


def test_settings_that_cannot_work_are_told_with_their_remedy(now: dt.datetime, settings: Settings) -> None:
    settings.VIGIL_OIDC_ROLES = [("sre", "nonsense")]
    assert any("VIGIL_OIDC_ROLES" in what and one.state == State.BAD for what, one in found(now).items())
