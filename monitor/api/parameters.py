"""Parameters of Prometheus' HTTP API, out of the address or a posted form; what can't be read is named."""

import datetime as dt
import math
import re
from dataclasses import replace

from django.http import HttpRequest

from monitor import query
from monitor.api.given import given
from monitor.core import clock, durations
from monitor.core.labels import Matcher
from monitor.promql.errors import QueryError
from monitor.promql.parse import selector

FAR_MS = 253_402_300_799_000
# how Prometheus' clients write the beginning and the end of all time
_EDGES = {"-292273086-05-16T16:47:06Z": 0, "292277025-08-18T07:12:54.999999999Z": FAR_MS}
_ESCAPED = re.compile(r"__|_([0-9a-fA-F]{1,6})_")


class BadParameterError(ValueError):
    """A parameter that can't be read; whoever asks can mend it."""


def text(request: HttpRequest, name: str, default: str = "") -> str:
    """The first value of the form, or where that is empty of the address; as in Prometheus."""
    for fields in given(request):
        found = fields.get(name)
        if found and found[0]:
            return found[0]
    return default


def required(request: HttpRequest, name: str) -> str:
    value = text(request, name)
    if not value:
        message = f'invalid parameter "{name}": missing'
        raise BadParameterError(message)
    return value


def count(request: HttpRequest, name: str) -> int:
    value = text(request, name, "0")
    if not (value.isascii() and value.isdecimal()):
        message = f'invalid parameter "{name}": {value!r} is not a whole number of at least 0'
        raise BadParameterError(message)
    return int(value)


def moment(request: HttpRequest, name: str, default: int | None = None) -> int:
    """Unix milliseconds of a parameter in seconds or RFC 3339."""
    said = text(request, name)
    if not said and default is not None:
        return default
    if said in _EDGES:
        return _EDGES[said]
    try:
        seconds = float(said)
    except ValueError:
        seconds = _rfc3339(name, said)
    if not math.isfinite(seconds) or abs(seconds) * 1000 > FAR_MS:
        message = f'invalid parameter "{name}": cannot parse "{said}" to a valid timestamp'
        raise BadParameterError(message)
    return round(seconds * 1000)


def _rfc3339(name: str, given: str) -> float:
    try:
        found = dt.datetime.fromisoformat(given)
    except ValueError as error:
        message = f'invalid parameter "{name}": cannot parse "{given}" to a valid timestamp'
        raise BadParameterError(message) from error
    aware = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    return clock.to_ms(aware) / 1000


def span(request: HttpRequest) -> tuple[int, int]:
    """Start and end (ms), all of time where they are not given."""
    start, end = moment(request, "start", 0), moment(request, "end", FAR_MS)
    _ordered(start, end)
    return start, end


def _ordered(start: int, end: int) -> None:
    if end < start:
        message = 'invalid parameter "end": end timestamp must not be before start time'
        raise BadParameterError(message)


def grid(request: HttpRequest) -> tuple[int, int, int]:
    """Start, end and step (ms) of a range query."""
    start, end = moment(request, "start"), moment(request, "end")
    _ordered(start, end)
    step = duration("step", required(request, "step"))
    if step <= 0:
        message = (
            'invalid parameter "step": zero or negative query resolution step widths are not accepted.'
            " Try a positive integer"
        )
        raise BadParameterError(message)
    return start, end, step


def duration(name: str, given: str) -> int:
    """Milliseconds of seconds or a duration such as 5m."""
    message = f'invalid parameter "{name}": cannot parse "{given}" to a valid duration'
    try:
        seconds = float(given)
    except ValueError:
        try:
            return durations.parse(given)
        except durations.BadDurationError as error:
            raise BadParameterError(message) from error
    if not abs(seconds) * 1000 <= FAR_MS:
        raise BadParameterError(message)
    return round(seconds * 1000)


def limits(request: HttpRequest) -> query.Limits:
    """``timeout`` (never longer than ours) and ``lookback_delta``."""
    made = query.Limits()
    timeout, lookback = text(request, "timeout"), text(request, "lookback_delta")
    if timeout:
        made = replace(made, seconds=min(made.seconds, duration("timeout", timeout) / 1000))
    if lookback:
        reach = duration("lookback_delta", lookback)
        if reach < 0:
            message = f'invalid parameter "lookback_delta": {lookback!r} is less than 0'
            raise BadParameterError(message)
        made = replace(made, lookback_ms=reach or made.lookback_ms)
    return made


def matchers(request: HttpRequest) -> list[tuple[Matcher, ...]]:
    """Every ``match[]``; no matter whether in the form or the address."""
    return [selected("match[]", one) for fields in given(request) for one in fields.get("match[]", ())]


def selected(name: str, given: str) -> tuple[Matcher, ...]:
    """The matchers of one series selector."""
    try:
        return selector(given)
    except QueryError as error:
        message = f'invalid parameter "{name}": {error.message}'
        raise BadParameterError(message) from error


def label_name(given: str) -> str:
    """A label name out of a path; ``U__`` escapes what a path can't hold, as in Prometheus 3."""
    if not given.startswith("U__"):
        return given
    try:
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else "_", given[3:])
    except ValueError:
        # no character has that number: the name was not escaped
        return given
