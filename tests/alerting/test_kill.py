"""A worker killed while it sends: the message is tried again when its lease is over."""

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from monitor.alerting import packing
from monitor.alerting.models import Delivery, DeliveryAttempt
from tests.fixtures.fix_alerting import Pager

WORKER = """
import datetime as dt, os, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_NAME"]
django.setup()
from monitor.alerting import deliver
deliver.run_due(now=dt.datetime.fromisoformat(os.environ["TEST_NOW"]))
"""

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def test_a_worker_killed_while_it_sends_loses_nothing(pager: Pager) -> None:
    pager.service.answer(hang=True)
    pager.fire(at=0)
    packing.pack_due(now=pager.moment(11))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "monitor.settings",
        "TEST_NAME": connection.settings_dict["NAME"],
        "TEST_NOW": pager.moment(11).isoformat(),
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    pager.service.wait_for(1)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert Delivery.objects.get().state == "waiting"
    assert pager.run(at=60) == 0
    assert pager.run(at=11 + 121) == 1
    assert list(DeliveryAttempt.objects.values_list("outcome", flat=True)) == ["unfinished", "sent"]
    assert len({one.headers["x-vigil-delivery"] for one in pager.service.received}) == 1
