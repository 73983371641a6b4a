"""Counters of simulated processes: the integral of a rate since the last nightly restart. Pure."""

from collections.abc import Callable

from monitor.management.simulation.story import CHINA, DAY, HOUR, MINUTE

Rates = tuple[float, ...]
RESTART_HOUR = 4 * HOUR


def since_restart(at: float) -> float:
    """Seconds since the last 04:00 in China, when every simulated process starts anew."""
    return (at + CHINA - RESTART_HOUR) % DAY


class Totals:
    """Running totals of ``rates`` (per second, taken at whole minutes) since the last restart.

    Keeps the minutes of one day, so that telling them in order costs one step each; asking for another day
    only costs the time of adding it up.
    """

    def __init__(self, rates: Callable[[float], Rates]) -> None:
        self.rates = rates
        self.began = 0.0
        self.minutes: list[Rates] = []

    def at(self, at: float) -> Rates:
        began = at - since_restart(at)
        if round(began) != round(self.began) or not self.minutes:
            self.began = began
            self.minutes = [tuple(0.0 for _ in self.rates(began))]
        minute, seconds = divmod(at - began, MINUTE)
        while len(self.minutes) <= minute:
            self.minutes.append(self._grown(self.minutes[-1], len(self.minutes) - 1, MINUTE))
        return self._grown(self.minutes[int(minute)], int(minute), seconds)

    def _grown(self, totals: Rates, minute: int, seconds: float) -> Rates:
        rates = self.rates(self.began + minute * MINUTE)
        return tuple(total + seconds * rate for total, rate in zip(totals, rates, strict=True))
