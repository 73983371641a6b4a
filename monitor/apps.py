"""Start-up of the engine: registers the system checks, follows what people change, lets models speak two languages."""

import contextlib
from collections.abc import Iterator
from typing import Any

import django_stubs_ext
from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, override

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

# what the administration shows in the language of the reader
NAMED = (*FOLLOWED, "Delivery", "DriftSignal")
# models of others that are shown there with names in English alone
FOREIGN = (
    ("auditlog", "LogEntry"), ("mfa", "Authenticator"), ("usersessions", "UserSession"),
    ("socialaccount", "SocialAccount"),
)  # fmt: skip


class MonitorConfig(AppConfig):
    name = "monitor"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Vigil"

    def ready(self) -> None:
        from monitor import checks  # noqa: F401 — importing registers them
        from monitor.outside.metrics import BadEndpointError
        from monitor.people import trail
        from monitor.remote import connected

        trail.follow((self.get_model(name), secret) for name, secret in FOLLOWED.items())
        trail.follow([(get_user_model(), ("password",))])
        # what is wrong with the settings is told by the checks
        with contextlib.suppress(BadEndpointError):
            connected.connect(connected.configured())
        self._name_models()

    def named(self) -> Iterator[tuple[type[Model], str]]:
        """What the administration says of models and fields: names, help, choices; in English."""
        for model in self._shown():
            options = model._meta  # noqa: SLF001 — Django's public API, as its manual says
            names = [options.verbose_name, options.verbose_name_plural]
            if model._meta.app_label != self.label:  # noqa: SLF001 — as above
                names.append(apps.get_app_config(model._meta.app_label).verbose_name)  # noqa: SLF001 — as above
            for field in _fields(model):
                labels = [label for value, label in _choices(field) if str(label) != str(value)]
                names += [field.verbose_name, field.help_text, *labels]
            yield from ((model, _english(one)) for one in names if one)

    def _shown(self) -> Iterator[type[Model]]:
        yield from map(self.get_model, NAMED)
        yield from (apps.get_model(*name) for name in FOREIGN)

    def _name_models(self) -> None:
        """Django makes a name out of each field's own; marked here, it is looked up as any other text is."""
        for model in self._shown():
            options = model._meta  # noqa: SLF001 — as above
            parts: list[Any] = [options, *_fields(model)]
            for part in parts:
                part.verbose_name = _looked_up(part.verbose_name)
            for field in _fields(model):
                if field.help_text:
                    field.help_text = _looked_up(field.help_text)
                if known := _choices(field):
                    field.choices = [(value, _looked_up(label)) for value, label in known]
            if "verbose_name_plural" not in options.original_attrs:
                # Django adds an s to the name, in whatever language that is
                options.verbose_name_plural = gettext_lazy(_english(options.verbose_name_plural))
            options.verbose_name_plural = _looked_up(options.verbose_name_plural)


def _fields(model: type[Model]) -> "list[Field[Any, Any]]":
    return [one for one in model._meta.fields if not one.primary_key]  # noqa: SLF001 — as above


def _choices(field: "Field[Any, Any]") -> list[tuple[Any, Any]]:
    """What a field may hold and how it is called; not what plug-ins bring, which say it themselves."""
    if not isinstance(field.choices, list):
        return []
    return field.choices


def _looked_up(name: Any) -> Any:
    return name if isinstance(name, Promise) else gettext_lazy(str(name))


def _english(name: Any) -> str:
    with override("en"):
        return str(name)
