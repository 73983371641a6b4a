"""What whoever finds an alert hands to whoever tells people. Finders and tellers do not know each other."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.labels import Labels


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as it stands. It fires until ``ends_at``; None: until news. ``timeout``: that end is assumed.

    ``link`` leads to its cause, from the site's root; ``expr`` is what a rule of ours asked, and ``active_at``
    since when that is true.
    """

    labels: Labels
    starts_at: dt.datetime
    ends_at: dt.datetime | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    link: str = ""
    source: str = "rules"
    timeout: bool = False
    expr: str = ""
    active_at: dt.datetime | None = None
