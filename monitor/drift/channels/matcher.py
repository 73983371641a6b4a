"""Which cells of the reference an hour or a tick is compared with."""

import numpy as np

from monitor.core.stats import Ints
from monitor.drift.bodies import TICKS
from monitor.drift.channels.base import Window
from monitor.drift.engine.matching import Calendar, Cells, Load
from monitor.drift.signals import SignalKind
from monitor.drift.stages import Maturity


class Matcher:
    """Chooses the cells of hours: by season or by load, or all alike while the reference is young."""

    def __init__(self, kind: SignalKind, reference: Window, calendar: Calendar, maturity: Maturity) -> None:
        self.calendar = calendar
        self.young = maturity == Maturity.YOUNG
        self.by_load = kind.match == "load" and not self.young
        self.hourly = Load.of(reference.hourly_load) if self.by_load else None
        self.ticks = Load.of(reference.tick_load) if self.by_load else None

    def cells(self, window: Window) -> Cells:
        if self.hourly is not None:
            return self.hourly.cells(window.hourly_load)
        if self.young:
            return Cells((np.zeros_like(window.hours),), (1,))
        return self.calendar.cells(window.hours)

    def days(self, window: Window) -> Ints:
        return window.hours if self.young else self.calendar.days(window.hours)

    def tick_cells(self, window: Window) -> tuple[Ints, int]:
        if self.ticks is not None:
            return self.ticks.bins(window.tick_load), self.ticks.size
        if self.young:
            return np.zeros(window.load.size, dtype=np.int64), 1
        return np.repeat(self.calendar.strata(window.hours), TICKS), self.calendar.size
