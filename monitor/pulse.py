"""A sign of life for somebody outside, given as long as all is well: who misses it calls people.

What stands still can't tell of it, so nothing is sent when something is wrong: silence is the alarm.
"""

import datetime as dt

from django.db.utils import Error as DatabaseError

from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError
from monitor.rules import read as rules
from monitor.store import probing, troubles
from monitor.store.upkeep import heartbeat

ANSWER_SECONDS = 3
# what must have run within so many seconds for people to be told in time
ALERTING = {"evaluate_rules": 120.0, "deliver_alerts": 300.0}
TIMEOUT_SECONDS = 10.0


class UnwellError(RuntimeError):
    """No sign of life was given, and why; the status page and the log say so too."""


def give(url: str, *, now: dt.datetime) -> None:
    """Ask whether all is well, and if so fetch ``url``; raises UnwellError."""
    trouble = _trouble(now)
    if trouble:
        message = f"no sign of life is given: {trouble}"
        raise UnwellError(message)
    try:
        answer = Caller((url,), TIMEOUT_SECONDS, trusted=True).request("GET", url)
    except (ForbiddenTargetError, UnreachableError) as error:
        message = f"VIGIL_HEARTBEAT_URL: {error}"
        raise UnwellError(message) from error
    if not 200 <= answer.status < 300:
        message = f"VIGIL_HEARTBEAT_URL: the answer was {answer.status} {answer.excerpt}".rstrip()
        raise UnwellError(message)


def _trouble(now: dt.datetime) -> str:
    try:
        probing.ask(ANSWER_SECONDS)
    except probing.SilentError as error:
        return str(error)
    except DatabaseError as error:
        return troubles.told(error)
    for job, seconds in ALERTING.items():
        if heartbeat.away(job, seconds, now=now):
            return f"the job {job} has not run for {seconds:g} s"
    alone = rules.left_alone(now)
    return f"the rule group {alone} is not evaluated any more" if alone else ""
