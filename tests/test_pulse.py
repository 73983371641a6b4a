"""A sign of life goes out as long as all is well, and only then."""

import datetime as dt
from collections.abc import Callable
from unittest.mock import patch

import pytest

from monitor import pulse
from monitor.rules.models import RuleGroup
from monitor.store import probing
from monitor.store.upkeep import heartbeat
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside

SECRET = "0b1c-t0ken"


@pytest.fixture(autouse=True)
def just_seen_to(own_cache: None, now: dt.datetime) -> None:
    """Rules and messages have just had their turn."""
    for job in pulse.ALERTING:
        heartbeat.note(job, at=now, seconds=0.1)


@pytest.fixture
def watcher(outside: Callable[[], Outside], cast: Cast) -> Outside:
    server = outside()
    server.always(200)
    return server


def test_all_is_well_so_the_address_is_fetched(watcher: Outside, now: dt.datetime) -> None:
    pulse.give(f"{watcher.url}/{SECRET}", now=now)
    assert [(one.method, one.path) for one in watcher.received] == [("GET", f"/{SECRET}")]


@pytest.mark.parametrize("job", list(pulse.ALERTING))
def test_jobs_that_have_stopped_stop_it(watcher: Outside, now: dt.datetime, job: str) -> None:
    later = now + dt.timedelta(seconds=pulse.ALERTING[job] + 1)
    for other in pulse.ALERTING:
        if other != job:
            heartbeat.note(other, at=later, seconds=0.1)
    with pytest.raises(pulse.UnwellError, match=f"the job {job} has not run"):
        pulse.give(watcher.url, now=later)
    assert watcher.received == []


@pytest.mark.parametrize(("behind", "well"), [(230, True), (250, False)])
def test_a_rule_group_that_is_evaluated_no_more_stops_it(
    watcher: Outside, now: dt.datetime, cast: Cast, behind: int, *, well: bool
) -> None:
    due = now - dt.timedelta(seconds=behind)
    RuleGroup.objects.create(project=cast.project, name="slow", interval_ms=60_000, due_at=due)
    if well:
        pulse.give(watcher.url, now=now)
    else:
        with pytest.raises(pulse.UnwellError, match="the rule group slow of shop"):
            pulse.give(watcher.url, now=now)
    assert len(watcher.received) == well


def test_a_store_that_says_nothing_stops_it(watcher: Outside, now: dt.datetime) -> None:
    with (
        patch.object(probing, "ask", side_effect=probing.SilentError(3)),
        pytest.raises(pulse.UnwellError, match="PostgreSQL has not answered for 3 s"),
    ):
        pulse.give(watcher.url, now=now)
    assert watcher.received == []


def test_who_does_not_take_it_is_told_of_without_the_address(watcher: Outside, now: dt.datetime) -> None:
    watcher.always(404, f"no check {SECRET}".encode())
    with pytest.raises(pulse.UnwellError, match="the answer was 404") as caught:
        pulse.give(f"{watcher.url}/{SECRET}", now=now)
    assert SECRET not in str(caught.value)
