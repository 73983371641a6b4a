"""What each document gave to an answer, in words; and asking for it."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dashboards.pages.base import MissingError
from dashboards.visit import Visit
from monitor.ingest import calls
from monitor.quality.credit import read

# nats that a token gains from the documents: a little, and a lot
GAINED = ((2.0, 2), (0.5, 1))
# below so many nats a document changed nothing that one could tell
NOTHING = 0.5


def of(project_id: int, found: calls.GenerationDetail) -> dict[str, Any]:
    """The part of the page about scoring; ``scoring`` None where there is nothing to score."""
    scoring = read.of(project_id, found.summary.id)
    if scoring is None or scoring.credit is None:
        return {"scoring": scoring}
    names = [
        str(one.get("id") or "")
        for one in found.detail.get("contexts") or ()
        if str(one.get("text") or "").strip()
    ]
    listed = zip(names, scoring.credit.documents, strict=False)
    rows = [(number, name, nats, word(nats)) for number, (name, nats) in enumerate(listed, 1)]
    return {
        "scoring": scoring,
        "credits": sorted(rows, key=lambda row: -row[2]),
        "gains": [(text, level(gain), f"{gain:+.2f}") for text, gain in scoring.credit.tokens],
    }


def word(nats: float) -> str:
    if nats > NOTHING:
        return _("less likely")
    return _("more likely") if nats < -NOTHING else _("as likely")


def level(gain: float) -> int:
    return next((level for limit, level in GAINED if gain >= limit), 0)


def ask(visit: Visit, generation_id: UUID) -> None:
    """Have a call scored; raises MissingError where it can't be."""
    if not read.ask(visit.project_id, generation_id, visit.person, now=visit.now):
        message = _(
            "This call can’t be scored: it has no documents, no answer, or there is no engine for its model."
        )
        raise MissingError(message)
