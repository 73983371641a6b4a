"""Rules tried over stored data before they are saved, or all over again: what each would have done, and when."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor import query
from monitor.rules import evaluate, replay
from monitor.rules.facts import Facts, Surroundings
from monitor.rules.models import Rule, RuleGroup
from monitor.rules.replay import Story


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule and its story; ``error``: why there is none. ``offset_ms``: how far back the rule asks."""

    group: str
    facts: Facts
    story: Story | None
    error: str = ""
    offset_ms: int = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """What happened, as plain facts."""
        named = {"group": self.group, "rule": self.facts.name}
        if self.error:
            yield {"what": "error", **named, "error": self.error}
        for event in self.story.events if self.story else ():
            yield {
                "at": event.at.isoformat(), "what": event.to, **named, "labels": dict(event.alert.labels),
                "value": event.alert.value,
            }  # fmt: skip


def every(project_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[Tried]:
    """All enabled alert rules, on the grids of their groups. Series that rules record are read as they are stored."""
    groups = RuleGroup.objects.filter(project_id=project_id, enabled=True).order_by("name", "source")
    for group in groups.select_related("project"):
        first, last = on_grid(group, start, end)
        for rule in group.rules.filter(enabled=True, kind=Rule.Kind.ALERT):
            yield one(group, evaluate.facts_of(rule, group), first, last)


def on_grid(group: RuleGroup, start: dt.datetime, end: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The first and the last evaluation of the group within the span."""
    interval = dt.timedelta(milliseconds=group.interval_ms)
    anchor = group.due_at or start
    first = start + (anchor - start) % interval
    return first, first + max((end - first) // interval, 0) * interval


def one(
    group: RuleGroup, facts: Facts, start: dt.datetime, end: dt.datetime, *, texts: bool = False
) -> Tried:
    """One rule from start to end."""
    interval = dt.timedelta(milliseconds=group.interval_ms)
    try:
        seen = replay.ask(group.project_id, facts.expr, start, end, interval, offset_ms=group.query_offset_ms)
    except query.Failed as error:
        return Tried(group.name, facts, None, str(error))
    around = Surroundings(lambda expr: evaluate.asked(group.project_id, [expr], end)[0])
    story = replay.run(facts, seen, around, texts=texts)
    return Tried(group.name, facts, story, story.error, group.query_offset_ms)
