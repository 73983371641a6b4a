"""How each project wants its texts redacted: what people chose, read at most every few seconds."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import signals

from monitor.ingest.models import RedactionChoice, RedactionPattern
from monitor.ingest.redaction import policy as policies
from monitor.ingest.redaction.policy import KINDS, MOST_PATTERNS, Mode, Policy
from monitor.ingest.redaction.sieve import BadPatternError

__all__ = [
    "KINDS",
    "BadPatternError",
    "Chosen",
    "Mode",
    "Pattern",
    "add",
    "choose",
    "chosen",
    "policy_of",
    "remove",
]

# a choice made in one process is followed by the others after at most so long
HOLD = dt.timedelta(seconds=3)

_held: dict[int, tuple[dt.datetime, Policy]] = {}
_compiled: dict[int, tuple[object, Policy]] = {}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A project's own pattern, as pages show it."""

    id: int
    name: str
    pattern: str
    mode: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Every kind with its mode, and the project's own patterns."""

    modes: Mapping[str, str]
    patterns: tuple[Pattern, ...]


def policy_of(project_id: int, *, now: dt.datetime) -> Policy:
    """How texts of the project are redacted at ``now``."""
    held = _held.get(project_id)
    if held is None or not held[0] <= now < held[0] + HOLD:
        held = _held[project_id] = (now, _policy(project_id))
    return held[1]


def chosen(project_id: int) -> Chosen:
    """What the project's people chose; masked where they chose nothing."""
    modes = dict(RedactionChoice.objects.filter(project_id=project_id).values_list("kind", "mode"))
    rows = RedactionPattern.objects.filter(project_id=project_id)
    return Chosen(
        {kind: modes.get(kind, Mode.MASK.value) for kind in KINDS},
        tuple(Pattern(row.pk, row.name, row.pattern, row.mode) for row in rows),
    )


def choose(project_id: int, modes: Mapping[str, str]) -> None:
    """Set the modes of the kinds given; what is no kind or no mode is left out."""
    for kind in KINDS:
        if modes.get(kind) in set(Mode):
            RedactionChoice.objects.update_or_create(
                project_id=project_id, kind=kind, defaults={"mode": modes[kind]}
            )


def add(project_id: int, name: str, pattern: str, mode: str) -> None:
    """Add a pattern of the project's own; raises BadPatternError that says what is wrong."""
    if RedactionPattern.objects.filter(project_id=project_id).count() >= MOST_PATTERNS:
        message = f"pattern: {MOST_PATTERNS} are the most a project can have; remove one or join two with |"
        raise BadPatternError(message)
    if mode not in set(Mode):
        message = f"mode: {mode!r} is none of {', '.join(Mode)}"
        raise BadPatternError(message)
    row = RedactionPattern(project_id=project_id, name=name.strip(), pattern=pattern, mode=mode)
    try:
        row.full_clean()
    except ValidationError as error:
        message = "; ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items())
        raise BadPatternError(message) from error
    row.save()


def remove(project_id: int, pattern_id: int) -> bool:
    """Whether there was such a pattern."""
    return RedactionPattern.objects.filter(project_id=project_id, pk=pattern_id).delete()[0] > 0


def forget(**_: object) -> None:
    """What this process knows may no longer be true; also the receiver of the rows' signals."""
    _held.clear()


for _model in (RedactionChoice, RedactionPattern):
    signals.post_save.connect(forget, sender=_model)
    signals.post_delete.connect(forget, sender=_model)


def _policy(project_id: int) -> Policy:
    modes = dict(RedactionChoice.objects.filter(project_id=project_id).values_list("kind", "mode"))
    rows = tuple(
        RedactionPattern.objects.filter(project_id=project_id).values_list("name", "pattern", "mode")
    )
    # compiling takes milliseconds, and most looks find what they found before
    facts = (modes, rows)
    known = _compiled.get(project_id)
    if known is None or known[0] != facts:
        known = _compiled[project_id] = (facts, _made(project_id, modes, rows))
    return known[1]


def _made(project_id: int, modes: Mapping[str, str], rows: Iterable[tuple[str, str, str]]) -> Policy:
    salt = hashlib.blake2b(f"redaction {project_id}".encode(), key=settings.SECRET_KEY.encode()[:64]).digest()
    return policies.made(modes, tuple(policies.custom(*row) for row in rows), salt)
