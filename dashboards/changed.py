"""What changed behind an alert, for its page: slices with their figures, example calls, versions that began nearby."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from dashboards.numbers import show
from dashboards.visit import Visit
from monitor.changes import read
from monitor.changes.findings import Findings, Slice

DIMENSIONS: Mapping[str, str | Promise] = {
    "model": lazy("model"), "version": lazy("version"), "environment": lazy("environment"),
    "operation": lazy("operation"), "provider": lazy("provider"), "route": lazy("route"), "tenant": lazy("tenant"),
    "language": lazy("language"), "topic": lazy("topic"), "template": lazy("template"),
    "finish_reason": lazy("finish reason"), "grounding": lazy("retrieval"), "length": lazy("prompt length"),
    "cached": lazy("from the cache"), "user_group": lazy("user group"), "host": lazy("host"), "gpu": lazy("GPU"),
    "embedding_cluster": lazy("prompts alike"),
}  # fmt: skip
MEASURES: Mapping[str, str | Promise] = {
    "size": lazy("median of the slice's calls"), "share": lazy("share of the slice's calls"),
    "mark": lazy("mean of the slice's calls"), "calls": lazy("calls per minute in the slice"),
}  # fmt: skip
# what the list of calls can be narrowed by
FILTERS = frozenset({"model", "version", "environment", "route", "tenant", "topic", "language", "grounding"})
UNITS = {"share": "ratio"}


@dataclass(frozen=True, slots=True)
class Line:
    """A slice, ready to be shown. ``width``: of a bar, in percent."""

    parts: list[tuple[str | Promise, str]]
    share: str
    width: int
    before: str
    now: str
    calls: int
    mixed: bool
    link: str
    examples: list[read.Example]


@dataclass(frozen=True, slots=True)
class Changed:
    """``state``: waiting, failed, few, nothing or found."""

    state: str
    error: str
    lines: list[Line]
    findings: Findings
    measure: str | Promise
    since: dt.datetime | None
    deployments: list[tuple[str, dt.datetime]]


def shown(visit: Visit, fingerprint: str) -> Changed | None:
    """None where nobody was to look: the alert is not about calls."""
    story = read.story(visit.project_id, fingerprint)
    if story is None:
        return None
    found = story.findings
    return Changed(
        state=found.verdict if story.state == "done" else story.state, error=story.error,
        lines=[_line(visit, found, one) for one in found.slices], findings=found,
        measure=MEASURES.get(found.kind, ""),
        since=dt.datetime.fromisoformat(found.since) if found.since else None,
        deployments=[
            (f"{one.model} {one.version}".strip(), dt.datetime.fromisoformat(one.first_at)) for one in found.deployments
        ],
    )  # fmt: skip


def _line(visit: Visit, found: Findings, one: Slice) -> Line:
    unit = "seconds" if found.measure.endswith("_seconds") else UNITS.get(found.kind, "")
    span = {"from": found.since, "to": found.until} if found.since else {}
    wanted = {name: value for name, value in one.parts if name in FILTERS}
    return Line(
        parts=[(DIMENSIONS.get(name, name), value) for name, value in one.parts],
        share="" if one.share is None else f"{one.share:.0%}",
        width=round(100 * (one.share or 0)),
        before="–" if one.before is None else show(one.before, unit),
        now="–" if one.now is None else show(one.now, unit),
        calls=one.calls, mixed=one.mixed,
        link=visit.to("generations", **{**span, **wanted}),
        examples=read.examples(visit.project_id, one.examples),
    )  # fmt: skip
