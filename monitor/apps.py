"""Start-up of the engine: registers the system checks."""

import contextlib

import django_stubs_ext
from django.apps import AppConfig
from django.contrib.auth import get_user_model

# before any model or form: lets Django's classes take their type arguments at run time
django_stubs_ext.monkeypatch()


# what people configure, with the fields that may hold secrets: every change is kept with who made it
FOLLOWED: dict[str, tuple[str, ...]] = {
    "Project": (), "Membership": (), "ApiKey": (), "ScrapeJob": ("config",),
    "ScrapeTarget": ("bearer_token", "url"), "ScoringEngine": ("api_key", "url"),
    "RedactionChoice": (), "RedactionPattern": (), "RuleGroup": (), "Rule": (), "RuleFile": (),
    "AlertPolicy": (), "Contact": ("settings",), "Route": (), "Inhibition": (), "TimeInterval": (), "Silence": (),
    "DriftWatch": (), "DriftPolicy": (), "Judge": ("settings",), "GpuPoller": (),
    "Release": (), "ReleaseStage": (), "ReleaseGate": (), "ReleasePolicy": (), "RolloutAction": ("settings",),
}  # fmt: skip


class MonitorConfig(AppConfig):
    name = "monitor"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Vigil"

    def ready(self) -> None:
        from monitor import checks  # noqa: F401 — importing registers them
        from monitor.ingest import trail
        from monitor.outside.metrics import BadEndpointError
        from monitor.remote import connected

        trail.follow((self.get_model(name), secret) for name, secret in FOLLOWED.items())
        trail.follow([(get_user_model(), ("password",))])
        # what is wrong with the settings is told by the checks
        with contextlib.suppress(BadEndpointError):
            connected.connect(connected.configured())
