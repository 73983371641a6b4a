"""The functions of libnvidia-ml.so.1 that we use, with the C signatures of nvml.h, over a simulated host.

Arguments are what ``ctypes`` would hand to C: numbers, and pointers that are filled in. Every function answers
with one of NVML's error numbers.
"""

import ctypes
import queue
from collections.abc import Callable
from typing import Any

from monitor.gpu.fake.host import FakeCard, FakeHost
from monitor.gpu.fake.models import A100_MIG, H100, RTX4090, T4, Slice

OK, UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_FOUND = 0, 1, 2, 3, 6
TOO_SMALL, NOT_LOADED, TIMEOUT, LOST, MISMATCH = 7, 9, 10, 15, 18
MEMORY_V2 = 0x02000028
# handles: cards count from one, MIG instances from here, event sets and samples beyond
MIG_HANDLES, OTHER_HANDLES = 1_000, 1_000_000
MAX_SLICES = 7
ALL_LINKS = 2**32 - 1
U64 = 2**64 - 1
LINK_BYTES = 1.2e9


class _Refused(Exception):  # noqa: N818 — a number for the caller, no error of ours
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class FakeLibrary:
    """Looks like the shared object: an attribute by the name of each symbol."""

    def __init__(self, host: FakeHost, bindings: Any) -> None:
        self.host = host
        self.bindings = bindings
        self.version = host.driver
        self.samples: dict[int, float] = {}

    def __getattr__(self, symbol: str) -> Callable[..., int]:
        function = SYMBOLS.get(symbol)
        if function is None or symbol in self.host.missing:
            raise AttributeError(symbol)

        def call(*arguments: Any) -> int:
            self.host.calls[symbol] = self.host.calls.get(symbol, 0) + 1
            try:
                if not self.host.initialised and not symbol.startswith("nvmlInit"):
                    return UNINITIALIZED
                return function(self, *arguments) or OK
            except _Refused as refused:
                return refused.code

        return call

    @property
    def now(self) -> float:
        return self.host.clock()

    def card(self, handle: Any) -> FakeCard:
        """The card of a handle, or the one that an instance is cut from."""
        number = _address(handle)
        index = (number - MIG_HANDLES) // 100 if number >= MIG_HANDLES else number - 1
        if not 0 <= index < len(self.host.cards):
            raise _Refused(INVALID)
        found = self.host.cards[index]
        if found.lost:
            raise _Refused(LOST)
        return found

    def part(self, handle: Any) -> Slice:
        number = _address(handle)
        if number < MIG_HANDLES:
            raise _Refused(INVALID)
        return self.card(handle).model.slices[(number - MIG_HANDLES) % 100]

    def whole(self, handle: Any, *, uncut: bool = False) -> FakeCard:
        """A card itself; ``uncut``: asked for what a partitioned card does not tell."""
        found = self.card(handle)
        if _address(handle) >= MIG_HANDLES or (uncut and found.model.mig):
            raise _Refused(NOT_SUPPORTED)
        return found


SYMBOLS: dict[str, Callable[..., int | None]] = {}


def symbol(*names: str) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        SYMBOLS.update(dict.fromkeys(names, function))
        return function

    return register


def number(argument: Any) -> int:
    return int(getattr(argument, "value", argument))


def target(pointer: Any) -> Any:
    """What a ``byref`` or an array points at."""
    return getattr(pointer, "_obj", pointer)


def put(pointer: Any, value: float) -> None:
    target(pointer).value = value


def put_text(buffer: Any, size: Any, value: str) -> None:
    raw = value.encode()
    if len(raw) + 1 > number(size):
        raise _Refused(TOO_SMALL)
    buffer.value = raw


def put_handle(pointer: Any, value: int) -> None:
    """Point an opaque handle somewhere."""
    ctypes.memmove(ctypes.addressof(target(pointer)), ctypes.byref(ctypes.c_void_p(value)), 8)


def _address(handle: Any) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def need(*, has: bool) -> None:
    if not has:
        raise _Refused(NOT_SUPPORTED)


@symbol("nvmlInitWithFlags", "nvmlInit_v2")
def _init(lib: FakeLibrary, *_flags: Any) -> None:
    if not lib.host.loaded or lib.host.driver is None:
        raise _Refused(NOT_LOADED)
    if lib.version != lib.host.driver:
        raise _Refused(MISMATCH)
    lib.host.initialised = True


@symbol("nvmlShutdown")
def _shutdown(lib: FakeLibrary) -> None:
    lib.host.initialised = False


@symbol("nvmlErrorString")
def _error_string(_lib: FakeLibrary, _code: Any) -> None:
    return None


@symbol("nvmlSystemGetDriverVersion")
def _driver_version(lib: FakeLibrary, buffer: Any, size: Any) -> None:
    put_text(buffer, size, lib.version or "")


@symbol("nvmlSystemGetNVMLVersion")
def _nvml_version(lib: FakeLibrary, buffer: Any, size: Any) -> None:
    put_text(buffer, size, f"13.{lib.version}")


@symbol("nvmlSystemGetCudaDriverVersion_v2")
def _cuda(_lib: FakeLibrary, version: Any) -> None:
    put(version, 13_000)


@symbol("nvmlSystemGetProcessName")
def _process_name(lib: FakeLibrary, pid: Any, buffer: Any, size: Any) -> None:
    for card in lib.host.cards:
        for known, name, _ in card.running(lib.now):
            if known == number(pid):
                return put_text(buffer, size, name)
    raise _Refused(NOT_FOUND)


@symbol("nvmlDeviceGetCount_v2")
def _count(lib: FakeLibrary, count: Any) -> None:
    put(count, len(lib.host.cards))


@symbol("nvmlDeviceGetHandleByIndex_v2")
def _handle(lib: FakeLibrary, index: Any, device: Any) -> None:
    if not 0 <= number(index) < len(lib.host.cards):
        raise _Refused(INVALID)
    if lib.host.cards[number(index)].lost:
        raise _Refused(LOST)
    put_handle(device, number(index) + 1)


@symbol("nvmlDeviceGetUUID")
def _uuid(lib: FakeLibrary, device: Any, buffer: Any, size: Any) -> None:
    card = lib.card(device)
    if _address(device) >= MIG_HANDLES:
        put_text(buffer, size, f"MIG-{card.uuid[4:]}-{lib.part(device).gpu_instance}")
    else:
        put_text(buffer, size, card.uuid)


@symbol("nvmlDeviceGetName")
def _name(lib: FakeLibrary, device: Any, buffer: Any, size: Any) -> None:
    put_text(buffer, size, lib.card(device).model.name)


@symbol("nvmlDeviceGetUtilizationRates")
def _utilization(lib: FakeLibrary, device: Any, rates: Any) -> None:
    load = lib.whole(device, uncut=True).load(lib.now)
    target(rates).gpu, target(rates).memory = min(100, round(115 * load)), round(70 * load)


@symbol("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2")
def _memory(lib: FakeLibrary, device: Any, info: Any) -> None:
    card, found = lib.card(device), target(info)
    version = getattr(found, "version", None)
    if version not in {None, MEMORY_V2}:
        raise _Refused(25)
    if _address(device) >= MIG_HANDLES:
        part = lib.part(device)
        total, reserved = part.memory_mib * 2**20, 26 * 2**20
        used = int(part.busy * total)
    else:
        total, reserved = card.model.memory_bytes, card.model.reserved_bytes
        used = card.used_bytes(lib.now)
    # version 1 hides what is reserved in what is used
    found.total, found.free = total, total - used - reserved
    found.used = used + (0 if version else reserved)
    if version:
        found.reserved = reserved


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


@symbol("nvmlDeviceGetTotalEccErrors")
def _ecc(lib: FakeLibrary, device: Any, kind: Any, counter: Any, count: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.ecc)
    put(count, card.ecc.get((number(kind), number(counter)), 0))


@symbol("nvmlDeviceGetRemappedRows")
def _rows(lib: FakeLibrary, device: Any, *pointers: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.rows)
    for pointer, value in zip(pointers, card.rows, strict=True):
        put(pointer, value)


@symbol("nvmlDeviceGetPcieReplayCounter")
def _replays(lib: FakeLibrary, device: Any, count: Any) -> None:
    lib.whole(device)
    put(count, 0)


@symbol("nvmlDeviceGetCurrPcieLinkGeneration", "nvmlDeviceGetMaxPcieLinkGeneration")
def _generation(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.whole(device).model.generation)


@symbol("nvmlDeviceGetCurrPcieLinkWidth", "nvmlDeviceGetMaxPcieLinkWidth")
def _width(lib: FakeLibrary, device: Any, value: Any) -> None:
    lib.whole(device)
    put(value, 16)


@symbol("nvmlDeviceGetPcieThroughput")
def _throughput(lib: FakeLibrary, device: Any, which: Any, kilobytes: Any) -> None:
    card = lib.whole(device, uncut=True)
    put(kilobytes, round((200_000 if number(which) else 60_000) * card.load(lib.now)))


@symbol("nvmlDeviceGetNvLinkState")
def _link_state(lib: FakeLibrary, device: Any, link: Any, active: Any) -> None:
    card = lib.whole(device)
    need(has=number(link) < card.model.nvlinks)
    put(active, 0 if number(link) in card.links_down else 1)


@symbol("nvmlDeviceGetNvLinkErrorCounter")
def _link_errors(lib: FakeLibrary, device: Any, link: Any, kind: Any, count: Any) -> None:
    card = lib.whole(device)
    need(has=number(link) < card.model.nvlinks and number(kind) < 4)
    put(count, 3 if number(link) in card.links_down and number(kind) == 0 else 0)


@symbol("nvmlDeviceGetMigMode")
def _mig_mode(lib: FakeLibrary, device: Any, current: Any, pending: Any) -> None:
    model = lib.whole(device).model
    need(has=model.mig is not None)
    put(current, int(bool(model.mig)))
    put(pending, int(bool(model.mig)))


@symbol("nvmlDeviceGetMaxMigDeviceCount")
def _mig_count(lib: FakeLibrary, device: Any, count: Any) -> None:
    put(count, MAX_SLICES if lib.whole(device).model.mig is not None else 0)


@symbol("nvmlDeviceGetMigDeviceHandleByIndex")
def _mig_handle(lib: FakeLibrary, device: Any, index: Any, found: Any) -> None:
    card = lib.whole(device)
    if number(index) >= len(card.model.slices):
        raise _Refused(NOT_FOUND)
    put_handle(found, MIG_HANDLES + 100 * card.index + number(index))


@symbol("nvmlDeviceGetGpuInstanceId")
def _gpu_instance(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.part(device).gpu_instance)


@symbol("nvmlDeviceGetComputeInstanceId")
def _compute_instance(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.part(device).compute_instance)


@symbol("nvmlDeviceGetAttributes_v2")
def _attributes(lib: FakeLibrary, device: Any, attributes: Any) -> None:
    part, found = lib.part(device), target(attributes)
    found.gpuInstanceSliceCount = found.computeInstanceSliceCount = part.slices
    found.memorySizeMB = part.memory_mib


@symbol("nvmlDeviceGetComputeRunningProcesses_v3")
def _processes(lib: FakeLibrary, device: Any, count: Any, rows: Any) -> None:
    card, cut = lib.card(device), _address(device) >= MIG_HANDLES
    running = card.running(lib.now)
    if cut:
        place = (_address(device) - MIG_HANDLES) % 100
        size = int(lib.part(device).busy * lib.part(device).memory_mib * 2**20)
        running = [(pid + 10 * place, name, size) for pid, name, _ in running[:1]]
    if number(target(count)) < len(running):
        put(count, len(running))
        raise _Refused(TOO_SMALL)
    put(count, len(running))
    for place, (pid, _, size) in enumerate(running):
        rows[place].pid, rows[place].usedGpuMemory = pid, size
        rows[place].gpuInstanceId = lib.part(device).gpu_instance if cut else 2**32 - 1
        rows[place].computeInstanceId = lib.part(device).compute_instance if cut else 2**32 - 1


@symbol("nvmlDeviceGetGraphicsRunningProcesses_v3")
def _graphics(lib: FakeLibrary, device: Any, count: Any, _rows: Any) -> None:
    lib.card(device)
    put(count, 0)


@symbol("nvmlDeviceGetProcessUtilization")
def _process_utilization(lib: FakeLibrary, device: Any, rows: Any, count: Any, _since: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.process_utilization)
    running = card.running(lib.now)
    if not running:
        raise _Refused(NOT_FOUND)
    if rows is None:
        put(count, len(running))
        raise _Refused(TOO_SMALL)
    for place, (pid, _, size) in enumerate(running):
        share = size / max(1, card.used_bytes(lib.now))
        rows[place].pid, rows[place].timeStamp = pid, int(lib.now * 1e6)
        rows[place].smUtil = min(100, round(110 * card.load(lib.now) * share))


@symbol("nvmlDeviceGetFieldValues")
def _field_values(lib: FakeLibrary, device: Any, _count: Any, values: Any) -> None:
    card = lib.whole(device)
    for one in target(values):
        found = _field(lib, card, one.fieldId, one.scopeId)
        one.nvmlReturn = NOT_SUPPORTED if found is None else OK
        if found is not None:
            one.valueType, one.value.ullVal = 3, int(found)


def _field(lib: FakeLibrary, card: FakeCard, field: int, scope: int) -> float | None:
    model, now = card.model, lib.now
    if field == 82:
        return round(card.celsius(now) + 9) if model.memory_celsius else None
    if field == 91:
        return model.nvlinks or None
    if field in {138, 139}:
        each = 1 if scope != ALL_LINKS else model.nvlinks
        return each * LINK_BYTES * max(0.0, now - 1.7e9) / 1024 if model.nvlinks else None
    if field in {29, 30, 31}:
        return 0 if model.retired_pages else None
    if field in {74, 75, 76, 77, 79}:
        held = 2e7 * now if field == 75 and card.cooling < 1 else 0
        return held if model.throttle_times else None
    return None


@symbol("nvmlDeviceGetSupportedEventTypes")
def _event_types(lib: FakeLibrary, device: Any, mask: Any) -> None:
    put(mask, 0x9F if lib.whole(device).model.xid else 0)


@symbol("nvmlEventSetCreate")
def _event_set(_lib: FakeLibrary, found: Any) -> None:
    put_handle(found, OTHER_HANDLES)


@symbol("nvmlDeviceRegisterEvents")
def _register(lib: FakeLibrary, device: Any, _mask: Any, _events: Any) -> None:
    need(has=lib.whole(device).model.xid)


@symbol("nvmlEventSetWait_v2")
def _wait(lib: FakeLibrary, _events: Any, data: Any, milliseconds: Any) -> None:
    try:
        index, code = lib.host.events.get(timeout=number(milliseconds) / 1000)
    except queue.Empty:
        raise _Refused(TIMEOUT) from None
    found = target(data)
    put_handle_field(found, "device", index + 1)
    found.eventType, found.eventData = 8, code


def put_handle_field(structure: Any, name: str, value: int) -> None:
    where = ctypes.addressof(structure) + getattr(type(structure), name).offset
    ctypes.memmove(where, ctypes.byref(ctypes.c_void_p(value)), 8)


@symbol("nvmlEventSetFree")
def _event_set_free(_lib: FakeLibrary, _events: Any) -> None:
    return None


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
    lib.samples[_address(sample)] = 1000.0 * _address(device) + lib.now % 1000


@symbol("nvmlGpmMigSampleGet")
def _gpm_mig_get(lib: FakeLibrary, device: Any, _instance: Any, sample: Any) -> None:
    _gpm_get(lib, device, sample)


@symbol("nvmlGpmSampleFree")
def _gpm_free(_lib: FakeLibrary, _sample: Any) -> None:
    return None


@symbol("nvmlGpmMetricsGet")
def _gpm_metrics(lib: FakeLibrary, request: Any) -> None:
    found = target(request)
    first, second = lib.samples[_address(found.sample1)], lib.samples[_address(found.sample2)]
    if second == first:
        raise _Refused(INVALID)
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


def install(host: FakeHost, bindings: Any, put_attribute: Callable[[Any, str, Any], None] = setattr) -> None:
    """Make these bindings load this host's library instead of a file. ``put_attribute`` sets what is replaced."""

    def load() -> None:
        if host.driver is None:
            raise bindings.NVMLError(bindings.NVML_ERROR_LIBRARY_NOT_FOUND)
        if bindings.nvmlLib is None:
            bindings.nvmlLib = FakeLibrary(host, bindings)

    put_attribute(bindings, "nvmlLib", None)
    put_attribute(bindings, "_nvmlGetFunctionPointer_cache", {})
    put_attribute(bindings, "_LoadNvmlLibrary", load)


def standard_host(clock: Callable[[], float]) -> FakeHost:
    """Five cards of four kinds: a good one, one with a bad fan, a partitioned one, two without ECC or NVLink."""
    return FakeHost(
        [
            FakeCard(H100, 0),
            FakeCard(H100, 1, cooling=0.5, links_down=frozenset({7}), ecc={(0, 0): 12, (0, 1): 340}),
            FakeCard(A100_MIG, 2, rows=(1, 0, 0, 0)),
            FakeCard(RTX4090, 3, processes=((2_100_000, "/usr/bin/ollama", 0.93),)),
            FakeCard(T4, 4, idle=True),
        ],
        clock,
    )
