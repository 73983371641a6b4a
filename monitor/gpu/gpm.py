"""GPM, the activity counters of Hopper and later: how busy multiprocessors, tensor cores and memory really were.

A figure is the difference of two samples, so the first reading gives none.
"""

from dataclasses import dataclass, field
from typing import Any

from monitor.gpu.card import Card
from monitor.gpu.nvml import Driver, NoAnswerError
from monitor.gpu.reading import Extra, Sheet

MEBIBYTE = 2**20
# number of the metric → series, what to multiply with, extra labels
Metrics = dict[int, tuple[str, float, Extra]]
METRICS: Metrics = {
    1: ("gpu_graphics_activity_ratio", 0.01, ()),
    2: ("gpu_sm_activity_ratio", 0.01, ()),
    3: ("gpu_sm_occupancy_ratio", 0.01, ()),
    5: ("gpu_tensor_activity_ratio", 0.01, ()),
    10: ("gpu_dram_activity_ratio", 0.01, ()),
    11: ("gpu_fp64_activity_ratio", 0.01, ()),
    12: ("gpu_fp32_activity_ratio", 0.01, ()),
    13: ("gpu_fp16_activity_ratio", 0.01, ()),
    20: ("gpu_pcie_bytes_per_second", MEBIBYTE, (("direction", "tx"),)),
    21: ("gpu_pcie_bytes_per_second", MEBIBYTE, (("direction", "rx"),)),
    60: ("gpu_nvlink_bytes_per_second", MEBIBYTE, (("direction", "rx"),)),
    61: ("gpu_nvlink_bytes_per_second", MEBIBYTE, (("direction", "tx"),)),
}
PARTS: Metrics = {
    2: ("gpu_mig_sm_activity_ratio", 0.01, ()),
    5: ("gpu_mig_tensor_activity_ratio", 0.01, ()),
    10: ("gpu_mig_dram_activity_ratio", 0.01, ()),
}
VERSION = 1


def supported(card: Card) -> bool:
    found = card.get("nvmlGpmQueryDeviceSupport")
    return found is not None and bool(found.isSupportedDevice)


@dataclass(slots=True, eq=False)
class Meter:
    """Two samples of a card (or of an instance of it) that take turns. Free it before NVML is shut down."""

    driver: Driver
    metrics: Metrics
    samples: list[Any] = field(default_factory=list)
    taken: int = 0
    request: Any = None

    def measure(self, card: Card, sheet: Sheet, instance: int | None = None, extra: Extra = ()) -> None:
        if not self._take(card, instance) or self.taken < 2:
            return
        if self.request is None:
            self.request = self._asked()
        newest = (self.taken - 1) % 2
        self.request.sample1, self.request.sample2 = self.samples[1 - newest], self.samples[newest]
        try:
            self.driver.ask(card.uuid, "nvmlGpmMetricsGet", self.request)
        except NoAnswerError:
            return
        for place, (name, factor, own) in enumerate(self.metrics.values()):
            answer = self.request.metrics[place]
            # NaN is the driver's "nothing happened between these two"
            if answer.nvmlReturn == 0 and answer.value == answer.value:
                sheet.put(name, answer.value * factor, (*own, *extra))

    def _take(self, card: Card, instance: int | None) -> bool:
        try:
            while len(self.samples) < 2:
                self.samples.append(self.driver.ask(card.uuid, "nvmlGpmSampleAlloc"))
            place = self.samples[self.taken % 2]
            if instance is None:
                self.driver.ask(card.uuid, "nvmlGpmSampleGet", card.handle, place)
            else:
                self.driver.ask(card.uuid, "nvmlGpmMigSampleGet", card.handle, instance, place)
        except NoAnswerError:
            return False
        self.taken += 1
        return True

    def _asked(self) -> Any:
        request = self.driver.library.c_nvmlGpmMetricsGet_t()
        request.version = VERSION
        request.numMetrics = len(self.metrics)
        for place, number in enumerate(self.metrics):
            request.metrics[place].metricId = number
        return request

    def free(self) -> None:
        for one in self.samples:
            try:
                self.driver.ask("", "nvmlGpmSampleFree", one)
            except RuntimeError:
                break
        self.samples, self.taken = [], 0
