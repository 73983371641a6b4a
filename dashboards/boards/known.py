"""Which names and values there are, remembered for half a minute: every panel and variable asks for them."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.cache import cache

from dashboards import ask
from dashboards.span import Span
from monitor import query
from monitor.core import clock
from monitor.core.labels import NAME, BadMatcherError, Matcher, Op
from monitor.remote import listing

HOLD_SECONDS = 30
_CONDITION = r'\s*(?P<label>[a-zA-Z_]\w*)\s*(?P<op>=~|!~|!=|=)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*'
CONDITION = re.compile(_CONDITION)
_PLAIN = re.sub(r"\?P<\w+>", "?:", _CONDITION)
SELECTOR = re.compile(rf"\s*(?P<name>[a-zA-Z_:][\w:]*)?\s*(?:\{{(?P<inside>(?:{_PLAIN},?)*)\s*\}})?\s*")
OPERATORS: dict[str, Op] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
WEEK_MS = 7 * 86_400_000


def names(project_id: int, at: dt.datetime) -> frozenset[str]:
    """The names of the series of the last week."""
    found: list[str] = _kept(project_id, "names", lambda: _values(project_id, "__name__", at))
    return frozenset(found)


def labels(project_id: int, at: dt.datetime) -> list[str]:
    end = clock.to_ms(at)
    found: list[str] = _kept(
        project_id, "labels", lambda: _told(lambda: listing.label_names(project_id, [], end - WEEK_MS, end))
    )
    return [name for name in found if name != "__name__"]


def values(project_id: int, label: str, at: dt.datetime) -> list[str]:
    """The values of one label over all series of the last week."""
    found: list[str] = _kept(project_id, f"values {label}", lambda: _values(project_id, label, at))
    return found


def asked(project_id: int, expr: str, at: dt.datetime) -> list[Mapping[str, str]]:
    """The label sets of an instant answer."""
    found: list[Mapping[str, str]] = _kept(
        project_id, expr, lambda: [dict(one) for one in ask.instant(project_id, expr, at).labels]
    )
    return found


def values_of(project_id: int, selector: str, label: str, span: Span) -> list[str]:
    """The values of a label over the series of one selector in the span."""
    plain = _matchers(selector)
    if plain is not None:
        start, end = clock.to_ms(span.start), clock.to_ms(span.end)
        key = f"values {label} of {selector} {span.quick or start}"
        found: list[str] = _kept(
            project_id,
            key,
            lambda: _told(lambda: listing.label_values(project_id, label, [plain], start, end)),
        )
        return [one for one in found if one]
    window = max(600, min(int(span.seconds), 10_800))
    rows = asked(project_id, f"group by ({label}) (last_over_time({selector}[{window}s]))", span.end)
    return sorted({row.get(label, "") for row in rows} - {""})


def _matchers(selector: str) -> list[Matcher] | None:
    """The conditions of a plain selector; None for anything else, which the engine then has to answer."""
    whole = SELECTOR.fullmatch(selector)
    if whole is None or not (whole["name"] or whole["inside"]):
        return None
    found = [Matcher(NAME, "=", whole["name"])] if whole["name"] else []
    try:
        found += [
            Matcher(one["label"], OPERATORS[one["op"]], json.loads(f'"{one["value"]}"'))
            for one in CONDITION.finditer(whole["inside"] or "")
        ]
    except (BadMatcherError, ValueError):
        return None
    return found


def _values(project_id: int, label: str, at: dt.datetime) -> list[str]:
    end = clock.to_ms(at)
    return _told(lambda: listing.label_values(project_id, label, [], end - WEEK_MS, end))


def _told(work: Callable[[], list[str]]) -> list[str]:
    try:
        return work()
    except query.Failed as error:
        raise ask.AskError(error.message, error.position, error.kind) from error


def _kept(project_id: int, what: str, work: Callable[[], Any]) -> Any:
    mark = hashlib.blake2b(what.encode(), digest_size=12).hexdigest()
    key = f"boards:known:{project_id}:{mark}"
    found = cache.get(key)
    if found is None:
        found = work()
        # a project that has just begun should not be told for half a minute that it has nothing
        cache.set(key, found, HOLD_SECONDS if found else 3)
    return found
