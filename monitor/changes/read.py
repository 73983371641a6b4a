"""What pages and messages may know of what changed: plain facts, no querysets."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from monitor.changes.findings import LANGUAGES, Findings, Story, top_line
from monitor.changes.models import ChangeSearch
from monitor.store.calls import generations

EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Example:
    """A call of a slice that stands out; its texts as they were stored, shortened."""

    id: str
    client_id: str
    started_at: dt.datetime
    version: str
    duration_seconds: float | None
    error: str | None
    prompt: str
    output: str


def story(project_id: int, fingerprint: str) -> Story | None:
    """The newest search behind an alert; None where none was asked for."""
    rows = ChangeSearch.objects.filter(project_id=project_id, fingerprint=int(fingerprint, 16))
    row = rows.order_by("-starts_at").first()
    if row is None:
        return None
    found = Findings.from_json(row.body) if row.body else Findings("nothing")
    return Story(row.state, row.starts_at.isoformat(), row.error, row.took, found)


def examples(project_id: int, identities: Sequence[str]) -> list[Example]:
    """Those of the calls that are still kept, in the order given."""
    found = {str(one.id): one for one in generations.many(project_id, [UUID(one) for one in identities])}
    return [
        Example(
            identity, one.summary.client_id, one.summary.started_at, one.summary.version,
            one.summary.duration_seconds, one.summary.error, one.prompt[:EXCERPT], one.output[:EXCERPT],
        )
        for identity in identities
        if (one := found.get(identity)) is not None
    ]  # fmt: skip


def for_message(project_id: int, alert: Mapping[str, Any]) -> dict[str, str]:
    """The top line about a stored alert of a delivery, in each language; empty while nobody has looked."""
    rows = ChangeSearch.objects.filter(
        project_id=project_id, fingerprint=int(alert["fingerprint"], 16),
        starts_at=alert["starts_at"], state=ChangeSearch.State.DONE,
    )  # fmt: skip
    body = rows.values_list("body", flat=True).first()
    if body is None:
        return {}
    found = Findings.from_json(body)
    return {f"top_slice_{language}": top_line(found, language) for language in LANGUAGES}
