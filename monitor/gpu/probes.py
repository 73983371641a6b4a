"""What is asked of a whole card: each probe puts figures in base units on a sheet. Which and when: ``PACES``.

NVML speaks percent, milliwatts, millijoules, megahertz and nanoseconds; a figure it does not have is left out.
"""

from collections.abc import Callable
from typing import Any

from monitor.gpu.card import Card, whole
from monitor.gpu.reading import Sheet

Probe = Callable[[Card, Sheet], None]

# bit → reason; "idle" and "sync_boost" hold the clocks down too, but are no trouble
REASONS = {
    0x1: "idle", 0x2: "clocks_setting", 0x4: "power_cap", 0x8: "hw_slowdown", 0x10: "sync_boost",
    0x20: "sw_thermal", 0x40: "hw_thermal", 0x80: "power_brake", 0x100: "display_clocks",
    0x200: "board_limit", 0x400: "reliability",
}  # fmt: skip
CLOCKS = {0: "graphics", 1: "sm", 2: "memory", 3: "video"}
THRESHOLDS = {0: "shutdown", 1: "slowdown", 2: "memory_max", 3: "gpu_max"}
KINDS = {0: "corrected", 1: "uncorrected"}
VOLATILE, AGGREGATE = 0, 1
LINK_ERRORS = {0: "replay", 1: "recovery", 2: "crc_flit", 3: "crc_data", 4: "ecc_data"}
DIRECTIONS = {"tx": 0, "rx": 1}
LINK_FIELDS = {138: "tx", 139: "rx"}
ALL_LINKS = 2**32 - 1
NO_LINKS = 0
MOST_LINKS = 36
NOT_SUPPORTED = frozenset({2, 3, 4, 13, 25})
# field id, or field id and scope → series, what to multiply with, extra labels
FAST_FIELDS: dict[Any, tuple[str, float, tuple[tuple[str, str], ...]]] = {
    82: ("gpu_memory_temperature_celsius", 1.0, ()),
}
# cards without such a sensor say success and zero
ZERO_IS_NONE = frozenset({82})
SLOW_FIELDS: dict[Any, tuple[str, float, tuple[tuple[str, str], ...]]] = {
    74: ("gpu_throttle_seconds_total", 1e-9, (("reason", "power"),)),
    75: ("gpu_throttle_seconds_total", 1e-9, (("reason", "thermal"),)),
    76: ("gpu_throttle_seconds_total", 1e-9, (("reason", "sync_boost"),)),
    77: ("gpu_throttle_seconds_total", 1e-9, (("reason", "board_limit"),)),
    79: ("gpu_throttle_seconds_total", 1e-9, (("reason", "reliability"),)),
    29: ("gpu_retired_pages", 1.0, (("kind", "single_bit"),)),
    30: ("gpu_retired_pages", 1.0, (("kind", "double_bit"),)),
    31: ("gpu_retired_pages_pending", 1.0, ()),
    (138, ALL_LINKS): ("gpu_nvlink_bytes_total", 1024.0, (("direction", "tx"),)),
    (139, ALL_LINKS): ("gpu_nvlink_bytes_total", 1024.0, (("direction", "rx"),)),
}
VALUE_TYPES = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal", 6: "usVal"}


def load(card: Card, sheet: Sheet) -> None:
    busy = card.get("nvmlDeviceGetUtilizationRates")
    if busy is not None:
        sheet.put("gpu_utilization_ratio", busy.gpu / 100.0)
        sheet.put("gpu_memory_busy_ratio", busy.memory / 100.0)
    memory = memory_of(card.get, card.driver.library)
    for name, value in memory.items():
        sheet.put(f"gpu_memory_{name}_bytes", value)


def memory_of(get: Callable[..., Any], library: Any) -> dict[str, float]:
    """Version 2 counts what the driver keeps for itself apart from what is used."""
    found = get("nvmlDeviceGetMemoryInfo", library.nvmlMemory_v2)
    if found is None:
        found = get("nvmlDeviceGetMemoryInfo")
    if found is None:
        return {}
    told = {name: whole(getattr(found, name, None)) for name in ("used", "free", "total", "reserved")}
    return {name: float(value) for name, value in told.items() if value is not None}


def heat_and_power(card: Card, sheet: Sheet) -> None:
    heat = card.get("nvmlDeviceGetTemperatureV", 0)
    sheet.put("gpu_temperature_celsius", card.get("nvmlDeviceGetTemperature", 0) if heat is None else heat)
    sheet.put("gpu_temperature_margin_celsius", card.get("nvmlDeviceGetMarginTemperature"))
    sheet.put("gpu_power_watts", card.scaled("nvmlDeviceGetPowerUsage", 1e-3))
    sheet.put("gpu_energy_joules_total", card.scaled("nvmlDeviceGetTotalEnergyConsumption", 1e-3))
    _fields(card, sheet, "fast", FAST_FIELDS)


def clocks(card: Card, sheet: Sheet) -> None:
    for number, name in CLOCKS.items():
        sheet.put("gpu_clock_hertz", card.scaled("nvmlDeviceGetClockInfo", 1e6, number), (("clock", name),))


def throttle(card: Card, sheet: Sheet) -> None:
    mask = card.get("nvmlDeviceGetCurrentClocksEventReasons")
    if mask is None:
        mask = card.get("nvmlDeviceGetCurrentClocksThrottleReasons")
    if mask is not None:
        for bit, reason in REASONS.items():
            sheet.put("gpu_throttle", 1.0 if mask & bit else 0.0, (("reason", reason),))


def limits(card: Card, sheet: Sheet) -> None:
    for number, name in THRESHOLDS.items():
        degrees = card.get("nvmlDeviceGetTemperatureThreshold", number)
        sheet.put("gpu_temperature_threshold_celsius", degrees, (("threshold", name),))
        if name == "slowdown":
            sheet.put("gpu_temperature_limit_celsius", degrees)
    sheet.put("gpu_power_limit_watts", card.scaled("nvmlDeviceGetEnforcedPowerLimit", 1e-3))
    usual = card.scaled("nvmlDeviceGetPowerManagementDefaultLimit", 1e-3)
    sheet.put("gpu_power_limit_default_watts", usual)
    bounds = card.get("nvmlDeviceGetPowerManagementLimitConstraints")
    if bounds is not None:
        sheet.put("gpu_power_limit_max_watts", bounds[1] * 1e-3)
    for number, name in CLOCKS.items():
        most = card.scaled("nvmlDeviceGetMaxClockInfo", 1e6, number)
        sheet.put("gpu_clock_max_hertz", most, (("clock", name),))


def condition(card: Card, sheet: Sheet) -> None:
    state = card.get("nvmlDeviceGetPerformanceState")
    # 32 is NVML's word for "unknown"
    sheet.put("gpu_performance_state", state if state is not None and state < 32 else None)
    sheet.put("gpu_fan_ratio", card.scaled("nvmlDeviceGetFanSpeed", 0.01))
    for name, function in (
        ("gpu_encoder_utilization_ratio", "nvmlDeviceGetEncoderUtilization"),
        ("gpu_decoder_utilization_ratio", "nvmlDeviceGetDecoderUtilization"),
    ):
        busy = card.get(function)
        sheet.put(name, None if busy is None else busy[0] / 100.0)
    mode = card.get("nvmlDeviceGetMigMode")
    sheet.put("gpu_mig_enabled", None if mode is None else float(mode[0]))
    _fields(card, sheet, "slow", SLOW_FIELDS)


def memory_errors(card: Card, sheet: Sheet) -> None:
    for name, counter in (("gpu_ecc_errors_total", VOLATILE), ("gpu_ecc_lifetime_errors_total", AGGREGATE)):
        for number, kind in KINDS.items():
            count = whole(card.get("nvmlDeviceGetTotalEccErrors", number, counter))
            sheet.put(name, count, (("kind", kind),))
    rows = card.get("nvmlDeviceGetRemappedRows")
    if rows is not None:
        sheet.put("gpu_remapped_rows", rows[0], (("kind", "corrected"),))
        sheet.put("gpu_remapped_rows", rows[1], (("kind", "uncorrected"),))
        sheet.put("gpu_remapped_rows_pending", rows[2])
        sheet.put("gpu_remapped_rows_failed", rows[3])


def pcie(card: Card, sheet: Sheet) -> None:
    sheet.put("gpu_pcie_replays_total", whole(card.get("nvmlDeviceGetPcieReplayCounter")))
    sheet.put("gpu_pcie_link_generation", card.get("nvmlDeviceGetCurrPcieLinkGeneration"))
    sheet.put("gpu_pcie_link_generation_max", card.get("nvmlDeviceGetMaxPcieLinkGeneration"))
    sheet.put("gpu_pcie_link_width", card.get("nvmlDeviceGetCurrPcieLinkWidth"))
    sheet.put("gpu_pcie_link_width_max", card.get("nvmlDeviceGetMaxPcieLinkWidth"))


def pcie_traffic(card: Card, sheet: Sheet) -> None:
    """Each of the two calls measures for 20 ms and waits for it; kilobytes a second."""
    for direction, number in DIRECTIONS.items():
        rate = card.scaled("nvmlDeviceGetPcieThroughput", 1e3, number)
        sheet.put("gpu_pcie_bytes_per_second", rate, (("direction", direction),))


def nvlink(card: Card, sheet: Sheet) -> None:
    if card.links is None:
        card.links = _count_links(card)
        by_link = [(field, link) for link in range(card.links) for field in LINK_FIELDS]
        card.fields["links"] = by_link
    for link in range(card.links):
        state = card.get("nvmlDeviceGetNvLinkState", link)
        sheet.put("gpu_nvlink_up", None if state is None else float(state == 1), (("link", str(link)),))
    table = {
        (field, link): ("gpu_nvlink_link_bytes_total", 1024.0, (("direction", name), ("link", str(link))))
        for field, link in card.fields["links"]
        for name in (LINK_FIELDS[field],)
    }
    _fields(card, sheet, "links", table)


def nvlink_errors(card: Card, sheet: Sheet) -> None:
    for link in range(card.links or 0):
        for number, error in LINK_ERRORS.items():
            count = whole(card.get("nvmlDeviceGetNvLinkErrorCounter", link, number))
            sheet.put("gpu_nvlink_errors_total", count, (("error", error), ("link", str(link))))


def _count_links(card: Card) -> int:
    found = card.get("nvmlDeviceGetFieldValues", [91])
    if found is not None and found[0].nvmlReturn == 0:
        return min(int(_value(found[0])), MOST_LINKS)
    return NO_LINKS if card.get("nvmlDeviceGetNvLinkState", 0) is None else 18


def _fields(card: Card, sheet: Sheet, group: str, table: dict[Any, Any]) -> None:
    """Many figures in one call; those the card does not have are not asked for again."""
    asked = card.fields.setdefault(group, list(table))
    found = card.get("nvmlDeviceGetFieldValues", asked) if asked else None
    if found is None:
        return
    unknown = []
    for one, answer in zip(asked, found, strict=True):
        if answer.nvmlReturn == 0:
            name, factor, extra = table[one]
            value = _value(answer)
            none = value >= 2**63 or (one in ZERO_IS_NONE and not value)
            sheet.put(name, None if none else value * factor, extra)
        elif answer.nvmlReturn in NOT_SUPPORTED:
            unknown.append(one)
    if unknown:
        card.fields[group] = [one for one in asked if one not in unknown]


def _value(answer: Any) -> float:
    return float(getattr(answer.value, VALUE_TYPES.get(answer.valueType, "ullVal")))


# name, milliseconds between two times, probe; 0 is each reading
SLOW_MS, RARE_MS = 10_000, 60_000
PACES: tuple[tuple[str, int, Probe], ...] = (
    ("load", 0, load),
    ("heat", 0, heat_and_power),
    ("clocks", 0, clocks),
    ("throttle", 0, throttle),
    ("limits", SLOW_MS, limits),
    ("condition", SLOW_MS, condition),
    ("errors", SLOW_MS, memory_errors),
    ("pcie", SLOW_MS, pcie),
    ("nvlink", SLOW_MS, nvlink),
    ("nvlink_errors", RARE_MS, nvlink_errors),
)
