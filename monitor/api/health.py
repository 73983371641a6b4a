"""Are we well: alive, and able to take and answer."""

from django.db import connection
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor.api.errors import refuse, reply
from monitor.core import clock
from monitor.remote import read


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of the store."""
    return reply({"status": "ok"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The store answers and its tables are there. A series store that is away is told, not refused for:
    what comes in waits in the queue.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM monitor_project LIMIT 1")
    except Error as error:
        return refuse(503, f"PostgreSQL does not answer: {str(error).splitlines()[0]}")
    now = clock.now()
    full, series = read.full(now=now), read.status(now=now)
    if full is not None:
        return refuse(503, full, series_store=series)
    return reply({"status": "ok"} if series is None else {"status": series.word, "series_store": series})


urlpatterns = [path("healthz", alive), path("readyz", ready)]
