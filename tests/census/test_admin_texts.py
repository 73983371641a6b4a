"""What people and senders wrote stays text in the lists and forms of the admin too, whose policy for scripts is looser."""

import datetime as dt

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from monitor.alerting.models import Contact, Inhibition, Route, Silence, TimeInterval
from monitor.ingest.models import ApiKey, RedactionPattern, ScrapeJob, ScrapeTarget
from monitor.quality.models import Judge
from monitor.rules.models import Rule, RuleGroup
from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast

HOSTILE = "</textarea></script><img src=x onerror=window.ran=1>'\"{{7*7}}"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def planted(cast: Cast, now: dt.datetime) -> None:
    shop = cast.project
    Project.objects.filter(pk=shop.pk).update(name=HOSTILE)
    shop.refresh_from_db()
    ApiKey.objects.filter(project=shop).update(name=HOSTILE)
    group = RuleGroup.objects.create(project=shop, name=HOSTILE, interval_ms=15_000, last_error=HOSTILE)
    Rule.objects.create(
        group=group, name=HOSTILE, expr="vector(1)", labels={"a": HOSTILE}, annotations={"summary": HOSTILE}
    )
    Contact.objects.create(
        project=shop, name=HOSTILE, kind="webhook", settings={"url": HOSTILE}, last_error=HOSTILE
    )
    Route.objects.create(project=shop, name=HOSTILE)
    Inhibition.objects.create(project=shop, name=HOSTILE, source_matchers='a="b"', target_matchers='a="c"')
    TimeInterval.objects.create(project=shop, name=HOSTILE, spec="- weekdays: [monday]")
    Silence.objects.create(
        project=shop, matchers='a="<img src=x onerror=window.ran=1>"', author=HOSTILE, comment=HOSTILE, starts_at=now,
        ends_at=now + HOUR, updated_at=now,
    )  # fmt: skip
    ScrapeTarget.objects.create(
        project=shop, job=HOSTILE, url="http://x/", labels={"a": HOSTILE}, last_error=HOSTILE
    )
    ScrapeJob.objects.create(project=shop, name=HOSTILE, config={"job_name": HOSTILE}, last_error=HOSTILE)
    RedactionPattern.objects.create(project=shop, name=HOSTILE[:30], pattern="ORD-[0-9]{6}")
    Judge.objects.create(project=shop, name="helpful", guidelines=HOSTILE, last_error=HOSTILE, model=HOSTILE)


def pages() -> list[tuple[str, type[Model]]]:
    found = [model for model in admin.site._registry if model._meta.app_label == "monitor"]
    return [(f"/admin/monitor/{model._meta.model_name}/", model) for model in found]


def test_nothing_stored_becomes_part_of_an_admin_page(client: Client, planted: None, cast: Cast) -> None:
    client.force_login(cast.ada)
    opened, broken, got_in = 0, [], []
    for where, model in pages():
        row = model._default_manager.order_by("pk").first()
        for path in (where, f"{where}add/", *([f"{where}{row.pk}/change/"] if row is not None else [])):
            answer = client.get(path)
            opened += answer.status_code == 200
            if answer.status_code not in {200, 302, 403}:
                broken.append((path, answer.status_code))
            if b"<img src=x" in answer.content:
                got_in.append(path)
    assert (broken, got_in) == ([], [])
    assert opened > 2 * len(pages())
