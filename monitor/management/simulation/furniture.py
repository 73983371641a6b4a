"""What the demo project is furnished with: a target to scrape, a contact, rules, a judge.

Placed once; what people change or remove later stays as they left it.
"""

from django.db import transaction

from monitor.alerting.models import Contact
from monitor.ingest.models import ScrapeTarget
from monitor.management.simulation.meters import PADDLE_INSTANCE, PADDLE_JOB
from monitor.store.models import Project

INBOX = "Simulator's inbox"


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


@transaction.atomic
def move(project: Project, old: str, new: str) -> None:
    """The simulated services answer at another address now."""
    for target in ScrapeTarget.objects.filter(project=project, url__startswith=old):
        target.url = target.url.replace(old, new)
        target.save(update_fields=["url"])
    for contact in Contact.objects.filter(project=project, settings__url__startswith=old):
        contact.settings = {**contact.settings, "url": contact.settings["url"].replace(old, new)}
        contact.save(update_fields=["settings"])
