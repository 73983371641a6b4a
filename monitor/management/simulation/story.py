"""When things happen in the simulated world, relative to one moment: the anchor, when it was first started.

Times are Unix seconds. Pure: the same story tells the same at the same time.
"""

import math
from dataclasses import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
CHINA = 8 * HOUR
# the share of the traffic that there was before the launch; two weeks of it are told at the start
QUIET = 0.05


@dataclass(frozen=True, slots=True)
class Story:
    """``rate``: calls per second, both models together, on an average moment of the first day after the launch."""

    anchor: float
    seed: int = 1
    rate: float = 0.8

    @property
    def canary_from(self) -> float:
        """When the canary versions got their first traffic."""
        return self.anchor - 6 * HOUR

    @property
    def launch(self) -> float:
        """When the services were opened to everyone: more traffic, another mix of prompts."""
        return self.anchor - 3 * HOUR

    def launched(self, at: float) -> float:
        """How far the launch has come, 0 to 1; it takes about half an hour."""
        return _step((at - self.launch) / (5 * MINUTE))

    def busy(self, at: float) -> float:
        """1 on the first day, then 0: a demo that nobody looks at any more need not fill the disk."""
        return 1 - _step((at - self.anchor - DAY) / (10 * MINUTE))

    def level(self, at: float) -> float:
        """Calls per second at a moment: the hour of day (in China), the launch, the calm after a day."""
        return self.rate * diurnal(at, 0.45) * (QUIET + (1 - QUIET) * self.launched(at) * self.busy(at))

    def drifted(self, at: float) -> float:
        """Share of the prompts that are of the new kind: longer, contract review, mostly Chinese."""
        return 0.02 + 0.33 * self.launched(at)

    def knowledge_base_down(self, at: float) -> bool:
        """The retrieval index is empty or ignored: three hours of every eight, first around the anchor."""
        since = at - self.anchor + 70 * MINUTE
        return since >= 0 and since % (8 * HOUR) < 3 * HOUR

    def canary_storm(self, at: float) -> bool:
        """The canary runs into time-outs and rate limits: twelve minutes of every hour."""
        return at >= self.canary_from and (at - self.anchor + 48 * MINUTE) % HOUR < 12 * MINUTE

    def quiet_spell(self, at: float) -> bool:
        """The traffic of the classic service collapses: 25 minutes of every twelve hours."""
        return at >= self.anchor and (at - self.anchor - 45 * MINUTE) % (12 * HOUR) < 25 * MINUTE


def _step(x: float) -> float:
    """From 0 to 1 around 0, smoothly."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, x))))


def diurnal(at: float, swing: float) -> float:
    """The daily wave around 1: highest at 15:00 in China, lowest at 03:00."""
    return 1 + swing * math.sin(2 * math.pi * ((at + CHINA) / DAY - 9 / 24))


def wobble(at: float, mark: int, period: float) -> float:
    """Smooth repeatable unrest between -1 and 1: three waves that never line up."""
    turn = at / period
    return (
        math.sin(2 * math.pi * turn + mark)
        + math.sin(2 * math.pi * turn * 2.618 + 1.7 * mark)
        + math.sin(2 * math.pi * turn * 0.381 + 0.6 * mark)
    ) / 3
