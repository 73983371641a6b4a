"""What pages tell of senders: what became of the items of each, and what its calls did not say."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor import query
from monitor.core import clock
from monitor.core.labels import NAME, Matcher
from monitor.ingest.ledger import DROPPED, DUPLICATE, ITEMS, MISSING, STORED
from monitor.store.reading import catalog

STEPS = 60
LIMITS = query.Limits(samples=20_000_000, series=20_000, steps=STEPS + 2, seconds=10.0)
_FAR = 2**62
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Account:
    """One sender in one dialect over a span: ``sent`` = ``stored`` + ``duplicates`` + all that was left out.

    ``last_ms`` is known to the step of the question; None: nothing came within the span. ``missing`` says of
    how many of the ``calls`` a field was not told.
    """

    sender: str
    dialect: str
    first_ms: int
    last_ms: int | None = None
    stored: int = 0
    calls: int = 0
    duplicates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        return self.stored + self.duplicates + self.dropped.total()


def of_span(project_id: int, start: dt.datetime, end: dt.datetime) -> list[Account]:
    """Every sender the project ever had, those that sent most first; raises query.QueryError."""
    found = _known(project_id)
    step = max(1, round((end - start).total_seconds() / STEPS)) * 1000
    expr = f'{{__name__=~"{ITEMS}|{MISSING}"}}'
    answer = query.range(project_id, expr, start, end, step, limits=LIMITS)
    for labels, times, values in answer.points():
        account = found.get((labels.get("sender", ""), labels.get("dialect", "")))
        if account is not None:
            begun = times[0] > answer.times[0]
            _take(account, labels, times, np.concatenate(([0.0 if begun else values[0]], values)))
    return sorted(found.values(), key=lambda one: (-one.sent, one.sender, one.dialect))


def _known(project_id: int) -> dict[tuple[str, str], Account]:
    found: dict[tuple[str, str], Account] = {}
    for known in catalog.found(project_id, [[Matcher(NAME, "=", ITEMS)]], 0, _FAR):
        key = (known.labels.get("sender", ""), known.labels.get("dialect", ""))
        account = found.setdefault(key, Account(*key, known.first_ms))
        account.first_ms = min(account.first_ms, known.first_ms)
    return found


def _take(account: Account, labels: Mapping[str, str], times: Ints, values: Floats) -> None:
    """Add what one counter grew by; ``values`` begins with what it was before the first of ``times``."""
    n = round(float(values[-1] - values[0]))
    if labels[NAME] == MISSING:
        account.missing[labels.get("field", "")] += n
        return
    grown = np.flatnonzero(np.diff(values) > 0)
    if len(grown):
        account.last_ms = max(account.last_ms or 0, int(times[grown[-1]]))
    outcome = labels.get("outcome", "")
    if outcome == STORED:
        account.stored += n
        account.calls += n if labels.get("kind") == "generation" else 0
    elif outcome == DUPLICATE:
        account.duplicates += n
    elif outcome == DROPPED and n:
        account.dropped[labels.get("reason", "")] += n


def moment(milliseconds: int | None) -> dt.datetime | None:
    """For showing; None stays None."""
    return None if milliseconds is None else clock.from_ms(milliseconds)
