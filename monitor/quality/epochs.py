"""When a judge changed: another prompt, criterion, model or endpoint begins a new epoch of its marks.

The fingerprint is made of what the judge would really ask about two fixed calls, so that a change in our own
wording counts like one in the settings.
"""

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from monitor.core import fields
from monitor.outside.llm import Endpoint
from monitor.quality.asking import storable
from monitor.quality.judges import JUDGES
from monitor.quality.judges.base import Item
from monitor.quality.judges.base import Judge as JudgeContract
from monitor.quality.models import Judge, JudgeEpoch

T = TypeVar("T")
PROBES = (
    Item("What is the capital of France?", "Paris.", ("Paris is the capital.",), "Paris", "Lyon."),
    Item("法国的首都是哪里？", "巴黎。", ("巴黎是首都。",), "巴黎", "里昂。"),
)
# a judge that asks only where words alone can't tell has to ask where the search found nothing
UNTOLD = tuple(replace(probe, contexts=()) for probe in PROBES)
# settings that change how a judge is reached, not how it judges
LONGEST_NAME = 200
MANNERS = frozenset({"api_key", "timeout_seconds"})
# what judges did before there was a setting for it: with or without it, they are the same judge
EVER = frozenset({("ask", "always")})


class _AskedError(Exception):
    """Ends a probe once the question is known."""


def fingerprint(judge: Judge, made: JudgeContract, *, without: Container[tuple[str, Any]] = ()) -> str:
    """What makes the judge the one it is; secrets are no part of it."""
    told = {
        name: value for name, value in judge.settings.items()
        if name not in MANNERS and (name, value) not in without
    }  # fmt: skip
    asked = [] if made.endpoint is None else [_asked(made, probe) for probe in PROBES]
    if made.endpoint is not None and not all(asked):
        asked += [_asked(made, probe) for probe in UNTOLD]
    edition = getattr(made, "edition", 0)
    if edition:
        asked.append([edition])
    return hashlib.sha256(json.dumps([judge.kind, told, asked], sort_keys=True).encode()).hexdigest()


def _asked(made: JudgeContract, probe: Item) -> list[Any]:
    caught: list[Any] = []

    def ask(
        endpoint: Endpoint,  # noqa: ARG001 — it is among the settings
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        check: Callable[[Any], T],  # noqa: ARG001 — nothing is answered
    ) -> T:
        caught.append([list(messages), schema])
        raise _AskedError

    with contextlib.suppress(_AskedError):
        made.judge(probe, ask)
    return caught


def current(judge: Judge, made: JudgeContract, *, now: dt.datetime) -> JudgeEpoch:
    """The epoch that the judge is in; begins one where it has changed."""
    last = latest(judge)
    found = fingerprint(judge, made)
    if last is not None and last.fingerprint in {found, fingerprint(judge, made, without=EVER)}:
        return last
    return _begin(judge, last, found, _difference(judge, last), now=now)


def served(judge: Judge, epoch: JudgeEpoch, model: str, *, now: dt.datetime) -> JudgeEpoch:
    """The epoch after an endpoint said as which model it answered: another model is another judge."""
    model = storable(model)[:LONGEST_NAME]
    if not model or model == epoch.served_model:
        return epoch
    if not epoch.served_model:
        JudgeEpoch.objects.filter(pk=epoch.pk).update(served_model=model)
        epoch.served_model = model
        return epoch
    changed = f"the endpoint answers as {model}, before as {epoch.served_model}"
    begun = _begin(judge, epoch, epoch.fingerprint, changed, now=now)
    JudgeEpoch.objects.filter(pk=begun.pk).update(served_model=model)
    begun.served_model = model
    return begun


def latest(judge: Judge) -> JudgeEpoch | None:
    return JudgeEpoch.objects.filter(judge=judge).order_by("-number").first()


def _begin(
    judge: Judge, last: JudgeEpoch | None, found: str, changed: str, *, now: dt.datetime
) -> JudgeEpoch:
    number = last.number + 1 if last else 1
    try:
        with transaction.atomic():
            return JudgeEpoch.objects.create(
                judge=judge, number=number, fingerprint=found, started_at=now, changed=changed[:2000]
            )
    except IntegrityError:
        # another worker saw the same change first
        return JudgeEpoch.objects.get(judge=judge, number=number)


def _difference(judge: Judge, last: JudgeEpoch | None) -> str:
    if last is None:
        return "the judge was set up"
    kind = JUDGES[judge.kind]
    shown = fields.masked(kind.fields, judge.settings)
    told = ", ".join(f"{name}: {str(shown[name])[:60]}" for name in ("model", "url") if shown.get(name))
    return f"settings or wording changed ({told})" if told else "settings or wording changed"
