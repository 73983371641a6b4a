"""Start-up of the engine: registers the system checks."""

import contextlib

import django_stubs_ext
from django.apps import AppConfig

# before any model or form: lets Django's classes take their type arguments at run time
django_stubs_ext.monkeypatch()


class MonitorConfig(AppConfig):
    name = "monitor"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Vigil"

    def ready(self) -> None:
        from monitor import checks  # noqa: F401 — importing registers them
        from monitor.outside.metrics import BadEndpointError
        from monitor.remote import connected

        # what is wrong with the settings is told by the checks
        with contextlib.suppress(BadEndpointError):
            connected.connect(connected.configured())
