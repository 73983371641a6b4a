import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from monitor.alerting.models import Contact
from monitor.ingest.models import ApiKey, ScrapeTarget
from monitor.management.simulation import demo, furniture
from monitor.quality.models import Judge
from monitor.rules.models import Rule
from monitor.store.models import Project
from monitor.store.upkeep import retention
from tests.fixtures.fix_outside import Answer, Outside, Received


@pytest.fixture
def deleting(outside: Callable[[], Outside], now: dt.datetime) -> Outside:
    """A Vigil whose demo project is deleted as soon as the first calls arrive."""
    server = outside()

    def respond(request: Received) -> Answer:
        if request.path != "/api/v1/generations":
            return Answer(200)
        for project in Project.objects.filter(slug="demo"):
            retention.mark_deleted(project, now=now)
        connection.close()  # this thread's own
        return Answer(401)

    server.respond = respond
    return server


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    with override_settings(VIGIL_DATA=tmp_path):
        yield tmp_path


@pytest.mark.django_db(transaction=True)
def test_it_makes_a_marked_project_and_ends_when_somebody_deletes_it(deleting: Outside, data: Path) -> None:
    said = demo.run(deleting.url)
    assert "was deleted" in said
    project = Project.objects.get()
    assert (project.demo, project.slug.startswith("deleted-")) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_a_deleted_demo_does_not_come_back_by_itself(deleting: Outside, data: Path) -> None:
    demo.run(deleting.url)
    sent = len(deleting.received)
    assert demo.run(deleting.url) == demo.GONE
    assert len(deleting.received) == sent
    assert Project.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_each_run_has_one_key_of_its_own_that_may_only_push(deleting: Outside, data: Path) -> None:
    demo.run(deleting.url)
    project = Project.objects.get()
    demo._new_key(project, project.created_at)
    assert list(ApiKey.objects.values_list("name", "scopes")) == [(demo.KEY_NAME, ["ingest"])]


@pytest.mark.django_db
def test_furniture_points_to_the_simulator(now: dt.datetime) -> None:
    project = Project.objects.create(slug="demo", demo=True, created_at=now)
    furniture.place(project, "http://127.0.0.1:4000")
    assert ScrapeTarget.objects.get().url == "http://127.0.0.1:4000/metrics"
    assert Contact.objects.get().settings == {"url": "http://127.0.0.1:4000/inbox"}
    assert {judge.settings["url"] for judge in Judge.objects.all()} == {"http://127.0.0.1:4000/v1"}
    assert {"HighModelErrorRate", "LLMErrorRateHigh"} <= set(Rule.objects.values_list("name", flat=True))
    assert {judge.settings["model"] for judge in Judge.objects.all()} == {"scripted-judge"}


@pytest.mark.django_db
def test_furniture_moves_with_the_simulator_and_what_people_removed_stays_away(now: dt.datetime) -> None:
    project = Project.objects.create(slug="demo", demo=True, created_at=now)
    furniture.place(project, "http://127.0.0.1:4000")
    Contact.objects.all().delete()
    furniture.move(project, "http://127.0.0.1:4000", "http://127.0.0.1:5000")
    assert ScrapeTarget.objects.get().url == "http://127.0.0.1:5000/metrics"
    assert {judge.settings["url"] for judge in Judge.objects.all()} == {"http://127.0.0.1:5000/v1"}
    assert not Contact.objects.exists()
