"""Stops a statement that is still running when its time is up: the server gives it up, not only we."""

import contextlib
import threading
from collections.abc import Iterator

import psycopg
from django.db import OperationalError, connection

CANCEL_SECONDS = 5.0


class StoppedError(Exception):
    """The statement did not end in time and was cancelled in the server."""


@contextlib.contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Cancel what runs on this thread's connection after ``seconds``; raises StoppedError when that happened."""
    connection.ensure_connection()
    running = connection.connection
    stopped, lock = False, threading.Lock()
    done = False

    def stop() -> None:
        nonlocal stopped
        with lock:
            # a statement of somebody else's turn on the same connection must not be hit
            if not done:
                stopped = True
                running.cancel_safe(timeout=CANCEL_SECONDS)

    timer = threading.Timer(max(seconds, 0.001), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except OperationalError as error:
        if stopped and isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise StoppedError from error
        raise
    finally:
        timer.cancel()
        with lock:
            done = True
