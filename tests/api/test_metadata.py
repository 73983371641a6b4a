"""What metrics are: the word of their page first, their name else."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest import about
from monitor.ingest.models import ScrapeTarget
from monitor.store import append
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
PAGE = b"# HELP asked_total How often.\n# TYPE asked_total counter\nasked_total 1\n# TYPE took histogram\n"


@pytest.fixture
def target(cast: Cast, now: dt.datetime, own_cache: None) -> ScrapeTarget:
    about._told.clear()
    made = ScrapeTarget.objects.create(project=cast.project, job="api", url="http://10.0.0.7:80/metrics")
    about.remember(made.pk, PAGE, openmetrics=False, now=now)
    return made


def ask(client: Client, cast: Cast, path: str, **query: Any) -> Any:
    return client.get(f"/api/v1/{path}", query, headers=cast.bearer).json().get("data")


def test_a_page_says_what_its_metrics_are(client: Client, cast: Cast, target: ScrapeTarget) -> None:
    data = ask(client, cast, "metadata")
    assert data["asked_total"] == [{"type": "counter", "help": "How often.", "unit": ""}]
    assert data["took"] == [{"type": "histogram", "help": "", "unit": ""}]


def test_a_series_of_a_described_family_is_not_listed_again(
    client: Client, cast: Cast, target: ScrapeTarget, now: dt.datetime
) -> None:
    names = ("took_bucket", "took_sum", "pushed_seconds")
    append.samples(
        cast.project.id, [(Labels({"__name__": name}), clock.to_ms(now), 1.0) for name in names], now=now
    )
    assert sorted(ask(client, cast, "metadata")) == ["asked_total", "pushed_seconds", "took"]
    assert ask(client, cast, "metadata", metric="pushed_seconds")["pushed_seconds"][0]["unit"] == "seconds"


def test_targets_are_asked_by_their_labels(client: Client, cast: Cast, target: ScrapeTarget) -> None:
    (one,) = ask(client, cast, "targets/metadata", metric="took", match_target='{job="api"}')
    assert one == {
        "target": {"job": "api", "instance": "10.0.0.7:80"}, "type": "histogram", "help": "", "unit": "",
    }  # fmt: skip
    assert ask(client, cast, "targets/metadata", match_target='{job="other"}') is None


def test_the_count_of_answers_can_be_cut(client: Client, cast: Cast, target: ScrapeTarget) -> None:
    assert list(ask(client, cast, "metadata", limit=1)) == ["asked_total"]
    assert len(ask(client, cast, "targets/metadata", limit=1)) == 1


def test_another_project_sees_nothing(client: Client, cast: Cast, target: ScrapeTarget) -> None:
    answer = client.get("/api/v1/metadata", headers={"authorization": f"Bearer {cast.other_key}"})
    assert answer.json()["data"] == {}
