"""What metrics are: the word of their page first, their name else."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest import described
from monitor.ingest.models import ScrapeTarget
from monitor.ingest.scraping import about
from monitor.store.samples import append
from tests.fixtures import remote_write
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


@pytest.mark.parametrize("version", [1, 2])
def test_senders_say_what_they_push(client: Client, cast: Cast, own_cache: None, version: int) -> None:
    described.forget()
    series = remote_write.field(1, remote_write.field(1, b"__name__") + remote_write.field(2, b"took_bucket"))
    if version == 1:
        said = remote_write.number(1, 3) + remote_write.field(2, b"took")
        said += remote_write.field(4, b"How long.") + remote_write.field(5, b"s")
        body = remote_write.packed(remote_write.field(1, series) + remote_write.field(3, said))
    else:
        symbols = (b"", b"__name__", b"took_bucket", b"How long.", b"s")
        said = remote_write.number(1, 3) + remote_write.number(3, 3) + remote_write.number(4, 4)
        series = remote_write.field(1, bytes((1, 2))) + remote_write.field(5, said)
        body = remote_write.packed(
            b"".join(remote_write.field(4, one) for one in symbols) + remote_write.field(5, series)
        )
    headers = remote_write.HEADERS_1 if version == 1 else remote_write.HEADERS_2
    kind = headers["content-type"]
    answer = client.post("/api/v1/write", body, content_type=kind, headers=cast.bearer | headers)
    assert answer.status_code == 204
    assert ask(client, cast, "metadata")["took"] == [{"type": "histogram", "help": "How long.", "unit": "s"}]
