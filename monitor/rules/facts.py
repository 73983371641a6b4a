"""Pure: what evaluation needs to know of a rule, whether it is stored or only being tried, and what its
answers become: alerts with their labels and texts filled in, or series under a new name.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.histograms import HistogramRun
from monitor.core.labels import NAME, Labels
from monitor.promql.errors import QueryError
from monitor.rules import histogram_text, state, templates
from monitor.rules.go_format import HistogramText
from monitor.rules.template_budget import Budget

Vector = Sequence[tuple[Labels, float]]
Runs = Sequence[tuple[Labels, HistogramRun]]


class TooManyError(ValueError):
    """A rule answered with more than its group's limit; whoever runs it narrows it or raises the limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought: numbers, native histograms, or why there is none."""

    points: Vector = ()
    runs: Runs = ()
    error: QueryError | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One rule. ``labels`` are the group's with the rule's own on top."""

    name: str
    expr: str
    records: bool = False
    holds: state.Holds = field(default_factory=state.Holds)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    limit: int = 0

    @property
    def writes(self) -> tuple[str, ...]:
        """The names of the series that it writes."""
        return (self.name,) if self.records else ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates may use beside the result: the store at that moment, our own address, the time of the
    evaluation. ``budget``: what they may cost all together; none: each time that a rule is asked has its own.
    """

    ask: Callable[[str], Answer]
    url: str = ""
    at: dt.datetime | None = None
    budget: Budget | None = None
    # the same question at the same moment is asked once
    known: dict[str, list[tuple[Labels, Any]]] = field(default_factory=dict)

    def lookup(self, expr: str) -> list[tuple[Labels, Any]]:
        if expr not in self.known:
            answer = self.ask(expr)
            if answer.error is not None:
                message = f"query {expr!r}: {answer.error}"
                raise templates.BadTemplateError(message)
            self.known[expr] = list(values(answer))
        return self.known[expr]

    def scene(self, series: int) -> templates.Scene:
        return templates.Scene(self.url, self.lookup, self.at, self.budget or Budget(series))


def values(answer: Answer) -> Iterator[tuple[Labels, float | HistogramText]]:
    """Everything that a question brought, as templates see it."""
    yield from answer.points
    for labels, run in answer.runs:
        yield labels, HistogramText(histogram_text.text(run))


def seen(facts: Facts, answer: Answer, around: Surroundings) -> list[state.Seen]:
    """The results as alerts: labels and annotations filled in. A histogram is no number: its value is NaN."""
    scene = around.scene(len(answer.points) + len(answer.runs))
    return [_seen(facts, labels, value, scene) for labels, value in values(answer)]


def _seen(facts: Facts, labels: Labels, value: float | HistogramText, scene: templates.Scene) -> state.Seen:
    def fill(text: str) -> str:
        return templates.render(text, labels, value, scene)

    extra = {name: fill(text) for name, text in facts.labels.items()}
    return state.Seen(
        labels=labels.having({NAME: "", **extra, state.ALERTNAME: facts.name}),
        annotations={name: fill(text) for name, text in facts.annotations.items()},
        value=math.nan if isinstance(value, HistogramText) else value,
    )


def recorded(facts: Facts, answer: Answer) -> tuple[dict[Labels, float], dict[Labels, HistogramRun]]:
    """The results under the rule's name and labels; raises SameLabelsError, TooManyError."""
    within(facts.limit, len(answer.points) + len(answer.runs), "series")
    changes = {**facts.labels, NAME: facts.name}
    floats: dict[Labels, float] = {}
    runs: dict[Labels, HistogramRun] = {}
    for labels, value in answer.points:
        floats[_fresh(labels.having(changes), floats, runs)] = value
    for labels, run in answer.runs:
        runs[_fresh(labels.having(changes), floats, runs)] = run
    return floats, runs


def within(limit: int, found: int, what: str) -> None:
    """Raises TooManyError; a limit of 0 is none. An answer cut in two would be a wrong one, so it is refused."""
    if limit and found > limit:
        message = (
            f"exceeded limit of {limit} with {found} {what}; narrow the expression or raise the group's limit"
        )
        raise TooManyError(message)


def _fresh(renamed: Labels, *taken: Mapping[Labels, object]) -> Labels:
    if any(renamed in one for one in taken):
        message = f"two results have the same labels once the rule's are applied: {dict(renamed)}"
        raise state.SameLabelsError(message)
    return renamed
