"""Start-up of the engine: registers the system checks."""

from django.apps import AppConfig


class MonitorConfig(AppConfig):
    name = "monitor"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Vigil"

    def ready(self) -> None:
        from monitor import checks  # noqa: F401 — importing registers them
