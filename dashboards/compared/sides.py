"""The sides of a comparison as the address names them: versions, environments and windows of time.

``a`` to ``f`` are versions (``—``: the one without a name; ``other-model v1`` where the model differs),
``b_env`` an environment, ``b_ago`` how much earlier the window of that side lies.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from dashboards import ask, colours
from dashboards.span import LONGEST, Span
from dashboards.visit import Visit
from monitor.core import durations
from monitor.ingest import calls

LETTERS = "abcdef"
NAMELESS = "—"
AGO = ("1h", "24h", "7d", "28d")
NOW = dt.timedelta()
# so many calls of a version are counted one by one
COUNTED = 5_000
CALLS = "sum by (model, version) (increase(llm_requests_total[W]))"


@dataclass(frozen=True, slots=True)
class Side:
    """One side: what it is made of, how it is called and drawn."""

    letter: str
    model: str
    version: str
    environment: str
    ago: dt.timedelta
    span: Span
    label: str = ""
    colour: str = colours.NEUTRAL

    @property
    def pick(self) -> str:
        """The label matchers of its series."""
        found = f"model={ask.quoted(self.model)},version={ask.quoted(self.version)}"
        return f"{found},environment={ask.quoted(self.environment)}" if self.environment else found

    @property
    def shift_ms(self) -> int:
        """What to add to its times so that they lie over those of the page."""
        return int(self.ago.total_seconds() * 1000)

    @property
    def value(self) -> str:
        return self.version or NAMELESS

    @property
    def name(self) -> str:
        """Model and version, as one chooses a version of another model."""
        return f"{self.model} {self.version}".strip()

    @property
    def ago_name(self) -> str:
        return f"{self.letter}_ago"

    @property
    def ago_text(self) -> str:
        return durations.text(self.shift_ms) if self.ago else ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is compared and what could be. ``sides`` is empty where there is nothing to compare."""

    model: str
    models: list[str]
    versions: list[str]
    others: list[str]
    environments: list[str]
    sides: tuple[Side, ...]


def read(visit: Visit) -> Choice:
    """The sides from the address; else of the busiest model its main version and its newest."""
    active = _active(visit)
    models = list(dict.fromkeys([row.model for row in active] + [one.model for one in visit.versions]))
    model = visit.params.get("model", "")
    if model not in models:
        model = _most_versions(active) or (models[0] if models else "")
    busy = [row.version for row in active if row.model == model]
    seen = [version.version for version in visit.versions if version.model == model]
    versions = list(dict.fromkeys(busy + seen[::-1]))
    places = calls.values_of(visit.project_id, visit.span.start, visit.span.end, ["environment"])
    environments = sorted(filter(None, places.get("environment", [])))
    newest = [version for version in seen[::-1] if version in busy[1:]] or versions[1:]
    sides = _sides(visit, model, versions, newest[0] if newest else None, environments)
    others = [one.name for one in visit.versions if one.model != model]
    return Choice(model, models, versions, others, environments, _dressed(visit, sides))


def _active(visit: Visit) -> list[calls.Active]:
    """The versions with calls in the span, the busiest first; of many calls their series tell how many they are."""
    found = calls.versions(visit.project_id, visit.span.start, visit.span.end, most=COUNTED)
    if sum(one.n >= COUNTED for one in found) <= 1:
        return found
    try:
        answer = ask.readings(visit.project_id, ask.windowed(CALLS, visit.span.width), visit.span.end)
    except ask.AskError:
        return found
    told = {(one.labels.get("model", ""), one.labels.get("version", "")): one.value for one in answer}

    def calls_of(one: calls.Active) -> float:
        return one.n if one.n < COUNTED else max(one.n, told.get((one.model, one.version), 0.0))

    return sorted(found, key=calls_of, reverse=True)


def _sides(
    visit: Visit, model: str, versions: Sequence[str], newest: str | None, environments: Sequence[str]
) -> list[Side]:
    asked = [_asked(visit, letter, model, versions, environments) for letter in LETTERS]
    first, second, *more = asked
    b = second or (_side(visit, "b", model, newest, environments) if newest is not None else None)
    taken = b.version if b and b.model == model and not _told_apart(visit) else None
    main = next((version for version in versions if version != taken), None)
    a = first or (_side(visit, "a", model, main, environments) if main is not None else None)
    if b is None and a is not None and _told_apart(visit):
        b = _side(visit, "b", a.model, a.version, environments)
    return [a, b, *filter(None, more)] if a and b else []


def _told_apart(visit: Visit) -> bool:
    """Whether the address tells A from B by more than the version."""
    return any(visit.params.get(f"{letter}_{what}") for letter in "ab" for what in ("env", "ago"))


def _asked(
    visit: Visit, letter: str, model: str, versions: Sequence[str], environments: Sequence[str]
) -> Side | None:
    wanted = visit.params.get(letter)
    if wanted is None or (wanted == "" and letter not in "ab"):
        return None
    version = "" if wanted == NAMELESS else wanted
    if version in versions:
        return _side(visit, letter, model, version, environments)
    other = next((one for one in visit.versions if one.name == wanted), None)
    return _side(visit, letter, other.model, other.version, environments) if other else None


def _side(visit: Visit, letter: str, model: str, version: str, environments: Sequence[str]) -> Side:
    environment = visit.params.get(f"{letter}_env", "")
    ago = _ago(visit.params.get(f"{letter}_ago", ""))
    span = Span(visit.span.start - ago, visit.span.end - ago, "") if ago else visit.span
    return Side(letter, model, version, environment if environment in environments else "", ago, span)


def _ago(text: str) -> dt.timedelta:
    """How much earlier; nonsense means not at all."""
    try:
        found = dt.timedelta(milliseconds=durations.parse(text)) if text else NOW
    except durations.BadDurationError:
        return NOW
    return found if NOW <= found <= LONGEST else NOW


def _dressed(visit: Visit, sides: Sequence[Side]) -> tuple[Side, ...]:
    """Each with its name and colour: the version's own colour, and a free one where a version stands twice."""
    models, used, found = {one.model for one in sides}, set[str](), list[Side]()
    for one in sides:
        colour = visit.colour(one.model, one.version)
        free = (colours.slot(place) for place in range(colours.SLOTS))
        colour = colour if colour not in used else next((slot for slot in free if slot not in used), colour)
        used.add(colour)
        found.append(replace(one, label=_label(one, several=len(models) > 1), colour=colour))
    return tuple(found)


def _label(one: Side, *, several: bool) -> str:
    parts = [one.model if several else "", one.value, one.environment]
    if one.ago:
        parts.append(_("%(time)s earlier") % {"time": one.ago_text})
    return " ".join(filter(None, parts))


def _most_versions(active: Sequence[calls.Active]) -> str:
    models = [row.model for row in active]
    return next((model for model in models if models.count(model) > 1), models[0] if models else "")
