"""Attributes that are to be watched and have no signal, because no call holds a value to add up: which, and why."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Max
from django.utils.translation import gettext as _

from monitor.core import clock
from monitor.drift import policy
from monitor.drift.bodies import MOST_ATTRIBUTES, MOST_KINDS, number_of, word_of
from monitor.drift.models import DriftSignal
from monitor.drift.signals import CATEGORY, NUMBER
from monitor.store.calls import details

HOUR = dt.timedelta(hours=1)
# of a busy hour every so many-th call is looked at, of a quiet one all
STRIDES, ENOUGH = (128, 8, 1), 50


@dataclass(frozen=True, slots=True)
class Unheard:
    """Of this attribute of a version's calls nothing is known."""

    model: str
    version: str
    name: str
    reason: str


def find(project_id: int) -> list[Unheard]:
    """By version, of those whose past is told; what it says is of the newest hour that was looked at."""
    names = policy.of(project_id).attributes
    return [
        Unheard(model, version, name, _why(name, held))
        for model, version, last, missing in _missing(project_id, names)
        for held in [_newest(project_id, model, version, last)]
        for name in missing
    ]


def _missing(project_id: int, names: Sequence[str]) -> Iterable[tuple[str, str, int, list[str]]]:
    if not names:
        return
    mine = DriftSignal.objects.filter(project_id=project_id)
    followed = mine.exclude(evaluated_to=None).values("model", "version").annotate(last=Max("evaluated_to"))
    for row in followed.order_by("model", "version"):
        kinds = mine.filter(model=row["model"], version=row["version"]).values_list("kind", flat=True)
        missing = [name for name in names if {NUMBER + name, CATEGORY + name}.isdisjoint(kinds)]
        if missing:
            yield row["model"], row["version"], row["last"], missing


def _newest(project_id: int, model: str, version: str, last: int) -> list[dict[str, object]]:
    """The attributes of calls of the hour before ``last`` (Unix s)."""
    end = clock.from_ms(last * 1000)
    found: list[dict[str, object]] = []
    for stride in STRIDES:
        found = details.columns(
            project_id, end - HOUR, end, model=model, version=version, stride=stride
        ).attributes
        if len(found) >= ENOUGH:
            break
    return found


def _why(name: str, held: Sequence[dict[str, object]]) -> str:
    values = [one[name] for one in held if name in one]
    if not held:
        return _("the newest hour has no calls")
    said = {"n": len(held)}
    if not values:
        return _("none of %(n)s calls that were looked at has an attribute of this name") % said
    words = {word for one in values if (word := word_of(one)) is not None}
    numbers = any(number_of(one) is not None for one in values)
    if not words and not numbers:
        return _("in none of %(n)s calls that were looked at is it a number or a word") % said
    if not numbers and len(words) > min(MOST_KINDS, len(values) / 2):
        return _("nearly every call has a value of its own: it names calls and does not sort them")
    return _("of an hour only the %(n)s commonest attributes are added up") % {"n": MOST_ATTRIBUTES}
