"""A gate as it is judged, and the evidence that it gathers bucket by bucket. Pure."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from monitor.canary.kinds import KINDS, GateKind
from monitor.core.stats import Floats

Verdict = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True, slots=True)
class Gate:
    """``key`` names it in series and exports."""

    key: str
    kind: str
    about: str = ""
    tolerance: float | None = None
    margin: float | None = None
    needed: bool = True

    @property
    def of(self) -> GateKind:
        return KINDS[self.kind]

    @property
    def worse_from(self) -> float:
        return self.of.tolerance if self.tolerance is None else self.tolerance

    @property
    def good_to(self) -> float:
        return self.of.margin if self.margin is None else self.margin

    @property
    def source(self) -> str:
        return f"{self.of.source} {self.about}" if self.of.source in {"finish", "rule"} else self.of.source


@dataclass(frozen=True, slots=True)
class Plan:
    """``begins``: places of the buckets in which stages began; ``stages``: how many there may be in all."""

    alpha: float
    begins: tuple[int, ...]
    stages: int
    share: float


@dataclass(frozen=True, slots=True)
class Path:
    """One gate after each bucket (B,). ``fail`` and ``good``: log evidence; the limits are alike for all B."""

    gate: Gate
    fail: Floats
    good: Floats
    fail_limit: float
    good_limit: float

    def failed(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = np.maximum.accumulate(self.fail) >= self.fail_limit
        return found

    def passed(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (self.good >= self.good_limit) & ~self.failed()
        return found

    def verdict(self, place: int = -1) -> Verdict:
        if self.failed()[place]:
            return "fail"
        return "pass" if self.passed()[place] else "undecided"
