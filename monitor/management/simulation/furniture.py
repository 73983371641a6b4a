"""What the demo project is furnished with: a target to scrape, a contact, rules, a judge.

Placed once; what people change or remove later stays as they left it.
"""

from pathlib import Path

from django.db import transaction

from monitor.alerting.models import Contact
from monitor.ingest.models import ScrapeTarget
from monitor.management.simulation.judge import MODEL
from monitor.management.simulation.meters import PADDLE_INSTANCE, PADDLE_JOB
from monitor.management.simulation.services import PADDLE
from monitor.quality.models import Judge
from monitor.rules import exchange, yaml
from monitor.rules.history import Author
from monitor.store.models import Project

INBOX = "Simulator's inbox"
RULE_FILES = (Path(yaml.__file__).parent / "starter.yml", Path(__file__).parent / "rules.yml")
HELPFULNESS, GROUNDED = "helpfulness", "groundedness"


@transaction.atomic
def place(project: Project, url: str) -> None:
    """All of it or nothing. ``url`` is where the simulated services answer."""
    ScrapeTarget.objects.get_or_create(
        project=project,
        url=f"{url}/metrics",
        defaults={"job": PADDLE_JOB, "interval_seconds": 15, "labels": {"instance": PADDLE_INSTANCE}},
    )
    Contact.objects.get_or_create(
        project=project, name=INBOX, defaults={"kind": "webhook", "settings": {"url": f"{url}/inbox"}}
    )
    for path in RULE_FILES:
        terms = exchange.Terms(Author("demo", project.created_at))
        exchange.take(project.pk, yaml.load(path.read_text(encoding="utf-8")), terms)
    asked = {"url": f"{url}/v1", "model": MODEL}
    for name, kind, model in ((HELPFULNESS, "rubric", ""), (GROUNDED, "groundedness", PADDLE.model)):
        Judge.objects.get_or_create(
            project=project,
            name=name,
            defaults={
                "kind": kind,
                "model": model,
                "settings": asked,
                "sample_share": 0.1,
                "hourly_budget": 2000,
            },
        )


@transaction.atomic
def move(project: Project, old: str, new: str) -> None:
    """The simulated services answer at another address now."""
    for target in ScrapeTarget.objects.filter(project=project, url__startswith=old):
        target.url = target.url.replace(old, new)
        target.save(update_fields=["url"])
    holders: list[Contact | Judge] = [
        *Contact.objects.filter(project=project, settings__url__startswith=old),
        *Judge.objects.filter(project=project, settings__url__startswith=old),
    ]
    for holder in holders:
        holder.settings = {**holder.settings, "url": holder.settings["url"].replace(old, new)}
        holder.save(update_fields=["settings"])
