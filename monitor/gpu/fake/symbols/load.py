"""How busy, warm, fast and hungry a card is."""

from typing import Any

from monitor.gpu.fake.abi import need, number, put, symbol, target
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlDeviceGetUtilizationRates")
def _utilization(lib: FakeLibrary, device: Any, rates: Any) -> None:
    load = lib.whole(device, uncut=True).load(lib.now)
    target(rates).gpu, target(rates).memory = min(100, round(115 * load)), round(70 * load)


@symbol("nvmlDeviceGetTemperature")
def _temperature(lib: FakeLibrary, device: Any, _sensor: Any, degrees: Any) -> None:
    put(degrees, round(lib.whole(device).celsius(lib.now)))


@symbol("nvmlDeviceGetTemperatureV")
def _temperature_v(lib: FakeLibrary, device: Any, info: Any) -> None:
    target(info).temperature = round(lib.whole(device).celsius(lib.now))


@symbol("nvmlDeviceGetMarginTemperature")
def _margin(lib: FakeLibrary, device: Any, info: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.gpm)
    target(info).marginTemperature = card.model.thresholds[1] - round(card.celsius(lib.now))


@symbol("nvmlDeviceGetTemperatureThreshold")
def _threshold(lib: FakeLibrary, device: Any, which: Any, degrees: Any) -> None:
    known = lib.whole(device).model.thresholds
    need(has=number(which) in known)
    put(degrees, known[number(which)])


@symbol("nvmlDeviceGetPowerUsage")
def _power(lib: FakeLibrary, device: Any, milliwatts: Any) -> None:
    put(milliwatts, round(1000 * lib.whole(device).watts(lib.now)))


@symbol("nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementDefaultLimit")
def _power_limit(lib: FakeLibrary, device: Any, milliwatts: Any) -> None:
    put(milliwatts, round(1000 * lib.whole(device).model.limit_watts))


@symbol("nvmlDeviceGetPowerManagementLimitConstraints")
def _power_bounds(lib: FakeLibrary, device: Any, least: Any, most: Any) -> None:
    model = lib.whole(device).model
    put(least, round(200 * model.limit_watts))
    put(most, round(1000 * model.most_watts))


@symbol("nvmlDeviceGetTotalEnergyConsumption")
def _energy(lib: FakeLibrary, device: Any, millijoules: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.energy)
    put(millijoules, int(1000 * card.joules(lib.now)))


@symbol("nvmlDeviceGetClockInfo")
def _clock(lib: FakeLibrary, device: Any, kind: Any, megahertz: Any) -> None:
    card = lib.whole(device)
    slow, fast = card.model.sm_mhz
    share = 0.7 if card.hot(lib.now) else 1.0 if card.load(lib.now) > 0.05 else slow / fast
    put(megahertz, card.model.memory_mhz if number(kind) == 2 else round(fast * share))


@symbol("nvmlDeviceGetMaxClockInfo")
def _max_clock(lib: FakeLibrary, device: Any, kind: Any, megahertz: Any) -> None:
    model = lib.whole(device).model
    put(megahertz, model.memory_mhz if number(kind) == 2 else model.sm_mhz[1])


@symbol("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
def _reasons(lib: FakeLibrary, device: Any, mask: Any) -> None:
    put(mask, lib.whole(device).reasons(lib.now))


@symbol("nvmlDeviceGetPerformanceState")
def _pstate(lib: FakeLibrary, device: Any, state: Any) -> None:
    put(state, 0 if lib.whole(device).load(lib.now) > 0.05 else 8)


@symbol("nvmlDeviceGetFanSpeed")
def _fan(lib: FakeLibrary, device: Any, percent: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.fan)
    put(percent, round(30 + 60 * card.load(lib.now)))


@symbol("nvmlDeviceGetEncoderUtilization", "nvmlDeviceGetDecoderUtilization")
def _codec(lib: FakeLibrary, device: Any, percent: Any, period: Any) -> None:
    lib.whole(device, uncut=True)
    put(percent, 0)
    put(period, 167_000)
