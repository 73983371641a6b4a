"""The page that a Prometheus federates from: what an instant query shows, each with its own time."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def page(client: Client, cast: Cast, *selectors: str) -> Any:
    headers = {"authorization": f"Bearer {cast.query_key}"}
    return client.get("/federate", {"match[]": list(selectors)}, headers=headers)


@pytest.fixture
def at(cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> int:
    """Half a minute after the newest samples; one series has ended, one is long silent."""
    at = clock.to_ms(now)
    append.samples(
        cast.project.id,
        [
            (Labels({NAME: "up", "instance": "a", "path": 'C:\\x"\n'}), at - 45_000, 0.0),
            (Labels({NAME: "up", "instance": "a", "path": 'C:\\x"\n'}), at - 30_000, 1.0),
            (Labels({NAME: "gone", "job": "j"}), at - 60_000, 1.0),
            (Labels({NAME: "gone", "job": "j"}), at - 30_000, STALE),
            (Labels({NAME: "silent", "job": "j"}), at - 600_000, 1.0),
            (Labels({NAME: "level", "job": "j"}), at - 30_000, float("inf")),
            (Labels({NAME: "strange.name", "job": "j"}), at - 30_000, 2.0),
        ],
        now=now,
    )
    monkeypatch.setattr(clock, "now", lambda: now)
    return at


def test_a_scraper_reads_the_newest_samples_with_their_times(client: Client, cast: Cast, at: int) -> None:
    text = page(client, cast, '{__name__=~"up|level|gone|silent"}').content.decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert [(one.name, one.labels, one.value, float(one.timestamp or 0)) for one in found] == [
        ("level", {"instance": "", "job": "j"}, float("inf"), (at - 30_000) / 1000),
        ("up", {"instance": "a", "path": 'C:\\x"\n'}, 1.0, (at - 30_000) / 1000),
    ]


def test_series_of_several_selectors_stand_there_once(client: Client, cast: Cast, at: int) -> None:
    lines = page(client, cast, "up", "{instance='a'}", '{"strange.name"}').content.decode().splitlines()
    assert [line for line in lines if line[0] != "#"] == [
        f'{{"strange.name",instance="",job="j"}} 2.0 {at - 30_000}',
        f'up{{instance="a",path="C:\\\\x\\"\\n"}} 1.0 {at - 30_000}',
    ]


@pytest.mark.parametrize("selectors", [(), ("up[5m]",), ("rate(up[5m])",), ("{",)])
def test_anything_but_selectors_is_refused(client: Client, cast: Cast, selectors: tuple[str, ...]) -> None:
    assert page(client, cast, *selectors).status_code == 400
