"""Names of senders as they stand in the ledger: cleaned, and not more than a page can show."""

import datetime as dt
import re

from monitor.ingest.redaction.redactor import Redactor
from monitor.store.reading import tallies

ITEMS = "vigil_ingest_items_total"
MOST = 200
OTHERS = "(others)"
UNNAMED = "(unnamed)"
LONGEST = 80
_REFRESH = dt.timedelta(seconds=60)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f]+")
_cleaned: dict[str, str] = {}
_known: dict[int, tuple[dt.datetime, set[str]]] = {}


def named(project_id: int, sender: str, *, now: dt.datetime) -> str:
    """The name under which the sender is counted; beyond so many of a project all others are one."""
    name = clean(sender)
    read_at, names = _known.get(project_id) or (None, set[str]())
    if name in names:
        return name
    if read_at is None or not read_at <= now < read_at + _REFRESH:
        names |= tallies.values(project_id, ITEMS, "sender", limit=MOST)
        _known[project_id] = (now, names)
    if name not in names:
        if len(names) >= MOST:
            return OTHERS
        names.add(name)
    return name


def clean(sender: str) -> str:
    """One line, nothing personal, no endless names."""
    done = _cleaned.get(sender)
    if done is None:
        if len(_cleaned) > 10_000:
            _cleaned.clear()
        text = _BLANKS.sub(" ", Redactor().text(sender[: 4 * LONGEST])).strip()
        done = _cleaned[sender] = text[:LONGEST] or UNNAMED
    return done


def forget() -> None:
    """Drop what this process remembers; after a restore or a deleted project."""
    _known.clear()
