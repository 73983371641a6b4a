"""A signal fitted to its reference, and what it makes of later hours. Pure: bodies in, effects out."""

from monitor.drift.channels import means, rates, wording
from monitor.drift.channels.base import Channel, Judged, NothingToLearnError, Window
from monitor.drift.channels.matcher import Matcher
from monitor.drift.engine.matching import Calendar
from monitor.drift.engine.vectors import Clusters
from monitor.drift.signals import SignalKind
from monitor.drift.stages import Maturity

__all__ = ["Channel", "Judged", "NothingToLearnError", "Window", "fit"]


def fit(
    kind: SignalKind, reference: Window, calendar: Calendar, maturity: Maturity, clusters: Clusters | None
) -> Channel:
    """Learn what is normal. Raises NothingToLearnError."""
    factor = 1.0 if maturity == Maturity.FULL else 2.0
    if kind.way == "wording":
        return wording.fit(kind, reference, clusters, calendar)
    matcher = Matcher(kind, reference, calendar, maturity)
    if kind.way in {"rate", "beyond"}:
        return rates.fit(kind, reference, matcher, factor)
    return means.fit(kind, reference, matcher, factor, clusters)
