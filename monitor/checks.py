"""Configuration mistakes, found before the server listens: each has an id and a hint."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from monitor.core.env import BadSettingError
from monitor.outside.metrics import BadEndpointError
from monitor.people import signon
from monitor.registry import Registry
from monitor.remote import connected

# dotted path of each list of plug-ins; imported here only when the checks run
LISTS = (
    "monitor.ingest.protocols.PROTOCOLS",
    "monitor.alerting.receivers.RECEIVERS",
    "monitor.drift.detectors.DETECTORS",
    "monitor.quality.judges.JUDGES",
    "monitor.canary.actions.ACTIONS",
)


@register()
def plugins_load(**_: Any) -> list[CheckMessage]:
    """Every name in every list of plug-ins leads to something."""
    return [problem for path in LISTS for problem in broken(_registry(path))]


def broken(registry: Registry) -> Iterable[CheckMessage]:
    """An error for each entry that can't be imported."""
    for name in registry:
        try:
            registry[name]
        except (ImportError, AttributeError) as error:
            yield Error(
                f"the {registry.kind} {name!r} can't be loaded from {registry.paths[name]}: {error}",
                hint="mend the dotted path in the list, or the file it names",
                id="monitor.E001",
            )


@register()
def series_store_readable(**_: Any) -> list[CheckMessage]:
    """What the settings say of a series store elsewhere can be used."""
    try:
        connected.configured()
    except BadEndpointError as error:
        hint = "see “A series store elsewhere” in the operations page of the manual, or unset METRICS_URL"
        return [Error(str(error), hint=hint, id="monitor.E002")]
    beside = ("METRICS_WRITE_URL", "METRICS_HEADERS", "METRICS_LABEL", "METRICS_HISTOGRAMS")
    alone = [name for name in beside if getattr(settings, name)]
    if alone and not settings.METRICS_URL:
        what = f"{', '.join(alone)} is set, but METRICS_URL is not: series stay in PostgreSQL"
        return [checks.Warning(what, hint="set METRICS_URL, or unset the others", id="monitor.W002")]
    return []


@register()
def sign_on_readable(**_: Any) -> list[CheckMessage]:
    """What the settings say of single sign-on can be used."""
    try:
        signon.grants(settings.VIGIL_OIDC_ROLES)
    except BadSettingError as error:
        return [Error(str(error), hint="for example sre=shop:editor, *=*:viewer", id="monitor.E003")]
    if settings.VIGIL_OIDC_ISSUER and not settings.VIGIL_OIDC_CLIENT_ID:
        what = "VIGIL_OIDC_ISSUER is set, but VIGIL_OIDC_CLIENT_ID is not"
        hint = "register Vigil at the provider with the address PUBLIC_URL/account/oidc/sso/login/callback/"
        return [Error(what, hint=hint, id="monitor.E004")]
    return []


@register(deploy=True)
def reachable_by_name(**_: Any) -> list[CheckMessage]:
    """Bound for others to reach, but answering to loopback names only."""
    host = settings.VIGIL_BIND[0]
    local = {"127.0.0.1", "localhost", "::1", "[::1]"}
    if host in local or not set(settings.ALLOWED_HOSTS) <= local:
        return []
    return [
        checks.Warning(
            f"Vigil listens on {host} but answers only to {', '.join(settings.ALLOWED_HOSTS)}",
            hint="set VIGIL_ALLOWED_HOSTS to the names by which people and senders reach it",
            id="monitor.W001",
        )
    ]


def _registry(path: str) -> Registry:
    module, _, name = path.rpartition(".")
    found: Registry = getattr(import_module(module), name)
    return found
