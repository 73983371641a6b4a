"""What a page says about its metrics, and when that is sent to the cache."""

import datetime as dt

import pytest
from django.core.cache import cache

from monitor.ingest.envelope import About
from monitor.ingest.scraping import about


@pytest.fixture(autouse=True)
def nothing_told(own_cache: None) -> None:
    about._told.clear()


def test_type_help_and_unit_are_read() -> None:
    page = b"# HELP a_seconds Time\\nand \\\\ more\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n"
    assert about.read(page, openmetrics=False) == {
        "a_seconds": About("gauge", "Time\nand \\ more", "seconds")
    }


def test_open_metrics_leave_the_suffix_of_counters_out() -> None:
    assert set(about.read(b"# TYPE a counter\n# TYPE b gauge\n", openmetrics=True)) == {"a_total", "b"}


def test_untyped_is_unknown_and_quoted_names_are_read() -> None:
    assert about.read(b'# TYPE "a.b c" untyped\n', openmetrics=False) == {"a.b c": About()}


@pytest.mark.parametrize("line", [b"# a comment", b"#TYPE a counter", b"# TYPE", b"a 1 # TYPE a counter"])
def test_other_lines_say_nothing(line: bytes) -> None:
    assert about.read(line + b"\n", openmetrics=False) == {}


def test_the_same_is_not_sent_twice_within_hours(now: dt.datetime) -> None:
    page = b"# TYPE a counter\n"
    about.remember(7, page, openmetrics=False, now=now)
    cache.delete("scrape:7:about")
    about.remember(7, page + b"a 2\n", openmetrics=False, now=now + dt.timedelta(hours=1))
    assert about.of_targets([7]) == {}
    about.remember(7, page, openmetrics=False, now=now + dt.timedelta(hours=7))
    assert about.of_targets([7]) == {7: {"a": About("counter")}}
