"""Are we well: alive, and able to take and answer."""

import shutil

from django.conf import settings
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor.api.errors import refuse, reply
from monitor.core import clock
from monitor.remote import read
from monitor.store import probing, troubles

# less than one table grows by at once
LEAST_FREE = 2**23
# sooner than those who ask give up
LONGEST_SILENCE = 3


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of the store."""
    return reply({"status": "ok"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The store answers and its tables are there. A series store that is away is told, not refused for:
    what comes in waits in the queue.
    """
    try:
        probing.ask(LONGEST_SILENCE)
    except probing.SilentError as error:
        return refuse(503, str(error))
    except Error as error:
        return refuse(503, troubles.told(error))
    if settings.EMBEDDED_DATABASE and shutil.disk_usage(settings.VIGIL_DATA).free < LEAST_FREE:
        return refuse(503, f"the disk under {settings.VIGIL_DATA} is full: what comes in can't be stored")
    now = clock.now()
    full, series = read.full(now=now), read.status(now=now)
    if full is not None:
        return refuse(503, full, series_store=series)
    return reply({"status": "ok"} if series is None else {"status": series.word, "series_store": series})


# the second pair are Prometheus' own paths, which its probes and sidecars ask
urlpatterns = [
    *(path(name, alive) for name in ("healthz", "-/healthy")),
    *(path(name, ready) for name in ("readyz", "-/ready")),
]
