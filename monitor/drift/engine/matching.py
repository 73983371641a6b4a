"""Like with like: the cells in which an hour or a tick is compared with the reference. Pure.

Lengths, mixes and errors follow the season: they are matched by the hour of the day and the kind of day.
Latency follows the load: a busier month is slower at the same hours, and nothing is wrong.
"""

import datetime as dt
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from monitor.core.stats import Floats, Ints

HOUR = 3600
UTC = ZoneInfo("UTC")
# with so many days in the reference each hour of the week stands for itself
DAYS_FOR_WEEKLY = 28
LOAD_BINS = 24
FINE_AT_THE_TOP = (0.97, 0.98, 0.99, 0.9975, 1.0)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cell of each hour at every level, from fine to coarse, and how many cells a level has."""

    keys: tuple[Ints, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hour of the day x (weekday | weekend and holiday); ``weekly``: hour of the week.

    ``holidays``: local dates that behave like a Sunday.
    """

    zone: ZoneInfo = UTC
    holidays: AbstractSet[dt.date] = frozenset()
    weekly: bool = False

    def strata(self, hours: Ints) -> Ints:
        """The stratum of each hour (hours since 1970)."""
        return np.array([self._stratum(self._local(int(hour))) for hour in hours], dtype=np.int64)

    def days(self, hours: Ints) -> Ints:
        """The local day number of each hour."""
        return np.array([self._local(int(hour)).toordinal() for hour in hours], dtype=np.int64)

    def ahead(self, hours: Ints) -> Ints:
        """By how many seconds the users' clock is ahead of UTC in each hour."""
        offsets = [self._local(int(hour)).utcoffset() or dt.timedelta() for hour in hours]
        return np.array([round(one.total_seconds()) for one in offsets], dtype=np.int64)

    @property
    def size(self) -> int:
        return 168 if self.weekly else 48

    def cells(self, hours: Ints) -> Cells:
        """Stratum, then hour of the day whatever the day, then everything."""
        strata = self.strata(hours)
        return Cells((strata, strata % 24, np.zeros_like(strata)), (self.size, 24, 1))

    def _local(self, hour: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(hour * HOUR, self.zone)

    def _stratum(self, local: dt.datetime) -> int:
        day = 6 if local.date() in self.holidays else local.weekday()
        return (day if self.weekly else int(day >= 5)) * 24 + local.hour


@dataclass(frozen=True, slots=True)
class Load:
    """Edges of the load bins, from the volumes of the reference: 24 quantiles, finer at the top, where a little more
    load is much slower, and what is above all of them: how slow that is the reference does not know.
    """

    edges: Floats

    @classmethod
    def of(cls, volumes: Floats) -> "Load":
        shares = np.concatenate([np.linspace(0.005, 0.995, LOAD_BINS + 1), FINE_AT_THE_TOP])
        return cls(np.unique(np.quantile(volumes, shares)))

    @property
    def size(self) -> int:
        return self.edges.size + 1

    def bins(self, volumes: Floats) -> Ints:
        """The first is the lower tail, the last is load that was never seen."""
        return np.searchsorted(self.edges, volumes).astype(np.int64)

    def cells(self, volumes: Floats) -> Cells:
        """One level only: load that the reference never saw has no verdict."""
        return Cells((self.bins(volumes),), (self.size,))
