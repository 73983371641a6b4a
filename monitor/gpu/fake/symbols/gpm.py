"""GPM: samples of counters, and metrics between two of them."""

from typing import Any

from monitor.gpu.fake.abi import (
    INVALID,
    NOT_SUPPORTED,
    OK,
    OTHER_HANDLES,
    Refused,
    address,
    need,
    put_handle,
    symbol,
    target,
)
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlGpmQueryDeviceSupport")
def _gpm_support(lib: FakeLibrary, device: Any, support: Any) -> None:
    target(support).isSupportedDevice = int(lib.whole(device).model.gpm)


@symbol("nvmlGpmSampleAlloc")
def _gpm_alloc(lib: FakeLibrary, sample: Any) -> None:
    place = OTHER_HANDLES + 1 + len(lib.samples)
    lib.samples[place] = 0.0
    put_handle(sample, place)


@symbol("nvmlGpmSampleGet")
def _gpm_get(lib: FakeLibrary, device: Any, sample: Any) -> None:
    need(has=lib.whole(device).model.gpm)
    lib.samples[address(sample)] = 1000.0 * address(device) + lib.now % 1000


@symbol("nvmlGpmMigSampleGet")
def _gpm_mig_get(lib: FakeLibrary, device: Any, _instance: Any, sample: Any) -> None:
    _gpm_get(lib, device, sample)


@symbol("nvmlGpmSampleFree")
def _gpm_free(_lib: FakeLibrary, _sample: Any) -> None:
    return None


@symbol("nvmlGpmMetricsGet")
def _gpm_metrics(lib: FakeLibrary, request: Any) -> None:
    found = target(request)
    first, second = lib.samples[address(found.sample1)], lib.samples[address(found.sample2)]
    if second == first:
        raise Refused(INVALID)
    card = lib.host.cards[int(second // 1000) - 1]
    load = card.load(lib.now)
    percent = {1: 108, 2: 96, 3: 40, 5: 55, 6: 55, 10: 62, 11: 0, 12: 6, 13: 9}
    mebibytes = {20: 60, 21: 190, 60: 18_000, 61: 18_000}
    for place in range(found.numMetrics):
        one = found.metrics[place]
        if one.metricId in percent:
            one.nvmlReturn, one.value = OK, min(100.0, percent[one.metricId] * load)
        elif one.metricId in mebibytes:
            one.nvmlReturn, one.value = OK, mebibytes[one.metricId] * load
        else:
            one.nvmlReturn = NOT_SUPPORTED
