"""Lists that are narrowed say what a look at every row would say, whichever way they are read."""

import datetime as dt
import random
from typing import Any

import pytest
from django.db import connection

from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.store import deadline
from monitor.store.calls import generations, narrowing
from monitor.store.calls.generations import Filter
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
WEEK = dt.timedelta(days=7)
CALLS = 120
FILTERS: tuple[dict[str, Any], ...] = (
    {"tenant": "nobody"}, {"tenant": "t3"}, {"session": "s77"}, {"session": "s"}, {"errors_only": True},
    {"errors_only": True, "model": "m1"}, {"errors_only": True, "version": ""}, {"errors_only": True, "topic": "x1"},
    {"error": "rare"}, {"least_seconds": 11.5}, {"least_seconds": 99.0}, {"model": "m1"}, {"version": "v9"},
    {"model": "m0", "version": "v2"}, {"model": "m0", "version": "v2", "topic": "x2"}, {"topic": "x1", "language": "de"},
    {"route": "r1", "least_seconds": 3.0},
)  # fmt: skip


@pytest.fixture
def calls(cast: Cast, now: dt.datetime) -> list[Generation]:
    """Calls of a week, newest first, half of them stored before PostgreSQL has looked at its files."""
    dice, at = random.Random(7), round(now.timestamp() * 1000)
    made = [
        Generation(
            model=f"m{n % 2}", version=f"v{n % 3}", id=f"c{n}", started_ms=at - n * 5_000_000, tenant=f"t{n % 50}",
            duration_seconds=n % 24 / 2, topic=f"x{n % 5}", language=dice.choice(["en", "de"]), session=f"s{n}",
            route=f"r{n % 4}", error=dice.choice(["timeout", "rare"]) if n % 10 == 4 else None, prompt="p",
        )
        for n in range(CALLS)
    ]  # fmt: skip
    for half in (made[1::2], made[::2]):
        pipeline.take(cast.project.id, Batch(generations=list(half)), now=now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT brin_summarize_new_values(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
                           " JOIN pg_index i ON i.indexrelid = c.oid WHERE a.amname = 'brin' AND c.relkind = 'i'"
                           " AND c.relname LIKE 'monitor_generation_d%%'")  # fmt: skip
    return made


def fits(one: Generation, asked: dict[str, Any]) -> bool:
    named = {name: value for name, value in asked.items() if name not in {"errors_only", "least_seconds"}}
    return (
        all(not value or getattr(one, name) == value for name, value in named.items() if name != "version")
        and asked.get("version") in {None, one.version}
        and (one.error is not None or not asked.get("errors_only"))
        and (one.duration_seconds or 0.0) >= asked.get("least_seconds", 0.0)
    )


@pytest.mark.parametrize("probe", [1, 7, CALLS, 65_536])
def test_every_filter_finds_the_same_whatever_is_read_first(
    cast: Cast, now: dt.datetime, calls: list[Generation], probe: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowing, "PROBE", probe)
    monkeypatch.setattr(narrowing, "TELLING", 1)
    monkeypatch.setattr(narrowing, "LOOK_SECONDS", 60.0)
    for asked in FILTERS:
        wanted = Filter(cast.project.id, now - WEEK, now, **asked)
        expected = [one.id for one in calls if fits(one, asked)]
        pages = [found := generations.page(wanted, limit=3)]
        while len(found) == 3:
            pages.append(found := generations.page(wanted, before=found[-1].id, limit=3))
        assert [row.client_id for found in pages for row in found] == expected, asked


def test_where_summaries_say_too_little_rows_are_read(
    cast: Cast, now: dt.datetime, calls: list[Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    def given_up(_: float) -> Any:
        raise deadline.StoppedError

    monkeypatch.setattr(narrowing, "PROBE", 1)
    monkeypatch.setattr(deadline, "stopped_after", given_up)
    found = generations.page(Filter(cast.project.id, now - WEEK, now, session="s77"))
    assert [row.client_id for row in found] == ["c77"]


def test_the_longest_names_are_taken(cast: Cast, now: dt.datetime) -> None:
    long = "".join(chr(0x20000 + n) for n in range(300))
    call = Generation(
        model=long, version=long, environment=long, route=long, tenant=long, topic=long, session=long, error=long,
        language="en", id="long", started_ms=round(now.timestamp() * 1000), prompt="p",
    )  # fmt: skip
    pipeline.take(cast.project.id, Batch(generations=[call]), now=now)
    wanted = Filter(cast.project.id, now - WEEK, now, tenant=long, errors_only=True)
    assert [row.client_id for row in generations.page(wanted)] == ["long"]
