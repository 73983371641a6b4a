"""The only place that reads the time. Doors call it and pass the answer down as ``now``."""

import datetime as dt
import time

_EPOCH, _MILLISECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(milliseconds=1)


def now() -> dt.datetime:
    """The current moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def monotonic() -> float:
    """Seconds on a clock that never goes back; for durations and deadlines only."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; for the loops of supervisors and simulators, never below a door."""
    time.sleep(seconds)


def to_ms(moment: dt.datetime) -> int:
    """Unix milliseconds of an aware moment, exact (no float in between)."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> dt.datetime:
    """The aware moment of Unix milliseconds."""
    return _EPOCH + dt.timedelta(milliseconds=int(milliseconds))
