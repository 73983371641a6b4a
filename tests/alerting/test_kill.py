"""Workers that are killed: between evaluating and sending, and while they send. Nothing is lost."""

import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from monitor.alerting import deliver, packing, receive
from monitor.alerting.models import Delivery, DeliveryAttempt, Route
from monitor.core import clock
from monitor.rules import evaluate
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
    # leave the processor to the other ones
    clock.sleep(0.02)
"""
)
# it evaluates as if it were noon, round after round, and tells nobody
EVALUATOR = (
    START
    + """
from functools import partial
from monitor.core import clock
from monitor.rules import evaluate
noon, began = dt.datetime.fromisoformat(os.environ["TEST_NOW"]), clock.monotonic()
while True:
    now = noon + dt.timedelta(seconds=clock.monotonic() - began)
    evaluate.run_due(evaluate.stored(partial(receive.take, now=now), now=now), now=now)
    print("round", flush=True)
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


def test_what_fired_ends_when_the_evaluator_is_killed(pager: Pager) -> None:
    """The dead-man's switch: nobody says any more that it fires, so it does not fire for ever."""
    route = Route.objects.create(project=pager.cast.project, name="all", group_wait="0")
    route.contacts.add(pager.contact)
    group = RuleGroup.objects.create(project=pager.cast.project, name="g", interval_ms=1000)
    Rule.objects.create(group=group, name="Watchdog", expr="vector(1)")
    evaluator = worker(EVALUATOR, TEST_NOW=pager.moment(0).isoformat())
    assert evaluator.stdout is not None
    assert evaluator.stdout.readline() == "round\n"
    kill(evaluator)
    for at in (1, 200, 900):
        pager.run(at=at)
    assert pager.heard == ["firing Watchdog", "resolved Watchdog"]


def test_who_was_away_himself_waits_for_news_before_he_tells_of_an_end(pager: Pager) -> None:
    """After a stop of everything, evaluation and telling begin in any order."""
    group = RuleGroup.objects.create(project=pager.cast.project, name="g")
    Rule.objects.create(group=group, name="Always", expr="vector(1)")
    back = pager.moment(3600)
    for now, wake in ((pager.moment(0), pager.moment(0)), (back, back)):
        receive.bear_with_silence(now=wake)
        deliver.run_due(now=wake)
        evaluate.run_due(evaluate.stored(partial(receive.take, now=now), now=now), now=now)
        deliver.run_due(now=now + dt.timedelta(seconds=11))
    assert pager.heard == ["firing Always"]


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
