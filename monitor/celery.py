"""The Celery application: what workers run."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import worker_process_shutdown, worker_ready

from monitor import meters
from monitor.beat import SCHEDULE
from monitor.core import clock

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")


class MeteredTask(Task[..., Any]):
    """Every task is timed, its failures counted, and its last run written down."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Django's settings are not there yet when this module is read
        from monitor.store.upkeep import heartbeat

        name, begun, error = self.name.rpartition(".")[2], clock.monotonic(), ""
        try:
            with meters.task(name):
                return super().__call__(*args, **kwargs)
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            raise
        finally:
            heartbeat.note(name, at=clock.now(), seconds=clock.monotonic() - begun, error=error)


app = Celery("vigil", task_cls=MeteredTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["monitor"])


@worker_process_shutdown.connect
def _forget(pid: int, **_: object) -> None:
    meters.forget_process(pid)


@worker_ready.connect
def _tell(**_: object) -> None:
    """The numbers of a worker that shares no folder with a web server."""
    # Django's settings are not there yet when this module is read
    from django.conf import settings

    if settings.VIGIL_METRICS_BIND:
        host, port = settings.VIGIL_METRICS_BIND
        meters.serve(host, port)


app.conf.beat_scheduler = "monitor.beat:SteadyScheduler"
app.conf.beat_schedule = SCHEDULE
