"""The one store elsewhere of this process, if METRICS_URL names one; made from the settings at the start."""

from django.conf import settings

from monitor import query
from monitor.outside.metrics import Endpoint, endpoint
from monitor.remote.ask import Remote


def configured() -> Endpoint | None:
    """What the settings say; raises BadEndpointError."""
    if not settings.METRICS_URL:
        return None
    return endpoint(
        settings.METRICS_URL,
        settings.METRICS_WRITE_URL,
        settings.METRICS_HEADERS,
        settings.METRICS_LABEL,
        settings.METRICS_HISTOGRAMS,
    )


def connect(store: Endpoint | None) -> None:
    """From now on queries are answered by that store; None: by the one at home."""
    query.elsewhere = None if store is None else Remote(store)


def remote() -> Remote | None:
    """Where queries go, if not home."""
    return query.elsewhere if isinstance(query.elsewhere, Remote) else None
