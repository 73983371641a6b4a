"""Workers that are killed: between evaluating and sending, and while they send. Nothing is lost."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest
from django.db import connection

from monitor.alerting import packing
from monitor.alerting.models import Delivery, DeliveryAttempt, Route
from monitor.core import clock
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_alerting import Pager

START = """
import datetime as dt, os, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_NAME"]
django.setup()
from monitor.alerting import deliver, receive
"""
ONCE = (
    START
    + """
deliver.run_due(now=dt.datetime.fromisoformat(os.environ["TEST_NOW"]))
"""
)
# the lease is short, so that the test need not wait for two minutes after a kill
FOREVER = (
    START
    + """
from functools import partial
from monitor.core import clock
from monitor.rules import evaluate
deliver.LEASE = dt.timedelta(seconds=1)
print("ready", flush=True)
while True:
    now = clock.now()
    evaluate.run_due(evaluate.stored(partial(receive.take, now=now), now=now), now=now)
    deliver.run_due(now=clock.now())
"""
)
ALERTS, KILLS, PATIENCE_SECONDS = 24, 3, 60

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def worker(script: str, **more: str) -> subprocess.Popen[str]:
    name = connection.settings_dict["NAME"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "monitor.settings", "TEST_NAME": name, **more}
    return subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_worker_killed_while_it_sends_loses_nothing(pager: Pager) -> None:
    pager.service.answer(hang=True)
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    process = worker(ONCE, TEST_NOW=pager.moment(11).isoformat())
    pager.service.wait_for(1)
    kill(process)
    assert Delivery.objects.get().state == "waiting"
    assert pager.run(at=60) == 0
    assert pager.run(at=11 + 121) == 1
    assert list(DeliveryAttempt.objects.values_list("outcome", flat=True)) == ["unfinished", "sent"]
    assert len({one.headers["x-vigil-delivery"] for one in pager.service.received}) == 1


def test_workers_killed_at_any_moment_lose_no_alert_and_tell_none_as_two(pager: Pager) -> None:
    """Two workers evaluate and send side by side; one of them is killed again and again."""
    route = Route.objects.create(project=pager.cast.project, name="all", group_by="...", group_wait="0")
    route.contacts.add(pager.contact)
    group = RuleGroup.objects.create(project=pager.cast.project, name="g", interval_ms=1000)
    # each fires a little later than the one before: kills fall between evaluating and sending
    began = clock.to_ms(clock.now()) / 1000 + 2
    for number in range(ALERTS):
        expr = f"vector(1) and vector(time()) > {began + number * 0.3:.2f}"
        Rule.objects.create(group=group, name=f"A{number}", expr=expr, position=number)
    steady = worker(FOREVER)
    for _ in range(KILLS):
        victim = worker(FOREVER)
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        heard = len(pager.service.received)
        _until(lambda: len(pager.service.received) > heard or len(_names(pager)) == ALERTS)  # noqa: B023 — asked at once
        kill(victim)
    _until(lambda: len(_names(pager)) == ALERTS)
    kill(steady)
    identities = defaultdict(set)
    for one in pager.service.received:
        identities[one.json["alerts"][0]["labels"]["alertname"]].add(one.headers["x-vigil-delivery"])
    assert {name: len(found) for name, found in identities.items()} == {f"A{n}": 1 for n in range(ALERTS)}


def _names(pager: Pager) -> Counter[str]:
    bodies = [one.json for one in list(pager.service.received)]
    return Counter(
        itertools.chain.from_iterable((a["labels"]["alertname"] for a in body["alerts"]) for body in bodies)
    )


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
