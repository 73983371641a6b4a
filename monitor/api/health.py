"""Are we well: alive, and able to take and answer."""

from django.db import connection
from django.db.utils import Error
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor.api.errors import refuse, reply


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of the store."""
    return reply({"status": "ok"})


def ready(_request: HttpRequest) -> HttpResponse:
    """The store answers and its tables are there."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM monitor_project LIMIT 1")
    except Error as error:
        return refuse(503, f"PostgreSQL does not answer: {str(error).splitlines()[0]}")
    return reply({"status": "ok"})


urlpatterns = [path("healthz", alive), path("readyz", ready)]
