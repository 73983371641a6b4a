"""One look at a host after another: lists the cards, asks each what is due, and survives what NVML does meanwhile.

A lost card is told as ``gpu_up`` 0 while the others go on; a driver that goes away ends the series of all cards
and is opened again, a little later each time.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from monitor.gpu import gpm, partitions
from monitor.gpu.card import Card, text
from monitor.gpu.gpm import METRICS, PARTS, Meter, Metrics
from monitor.gpu.nvml import CardLostError, Driver, DriverGoneError, NoAnswerError
from monitor.gpu.probes import PACES, RARE_MS, SLOW_MS, Probe, pcie_traffic
from monitor.gpu.processes import Commands, processes
from monitor.gpu.reading import STALE, Extra, Names, Reading, Sample, Sheet
from monitor.gpu.xids import Xids

STATES = ("ok", "no_driver", "version_mismatch", "failing")
FIRST_WAIT_MS, LONGEST_WAIT_MS = 1_000, 60_000
# a lost card comes back only with NVML opened anew
RETRY_LOST_MS = 60_000
FORGET_MS = 600_000
# slow questions of eight cards are not asked in the same second
STAGGER_MS = 1_000


class Sampler:
    """The reader of one host. ``clock`` gives Unix milliseconds to the thread that waits for events."""

    def __init__(
        self, host: str, clock: Callable[[], int], library: Any = None, proc: Path | None = None
    ) -> None:
        self.driver = Driver(library)
        self.host = host
        self.commands = Commands(self.driver, proc)
        self.xids = Xids(self.driver, clock)
        self.names = Names((("host", host),))
        self.cards: list[Card] = []
        # by card and what of it is measured: itself or an instance
        self.meters: dict[tuple[str, str], Meter] = {}
        self.known: dict[str, Names] = {}
        self._answered: set[str] = set()
        self.restarts = 0
        self.mismatches = 0
        self._opened_before = False
        self._retry_ms = 0
        self._wait_ms = FIRST_WAIT_MS
        self._relist_ms = 0
        self._relist_wait_ms = RETRY_LOST_MS
        self._forget_ms = 0
        self._problem: DriverGoneError | None = None
        self._cards_told = False
        self._silent: list[str] = []
        self._version: Extra = ()

    def sample(self, at_ms: int) -> Reading:
        """What is due at this moment."""
        reading = Reading(at_ms)
        try:
            if not self.driver.is_open:
                self._open(at_ms)
            if self.driver.is_open:
                self._look(at_ms, reading)
        except DriverGoneError as error:
            self._leave(error, at_ms, reading)
        self._tell_host(reading)
        return reading

    def close(self) -> None:
        out = self.xids.stop()
        for meter in self.meters.values():
            meter.free()
        self.meters.clear()
        self.driver.close(let_go=out)

    def _open(self, at_ms: int) -> None:
        if at_ms < self._retry_ms:
            return
        self.driver.open()
        self.restarts += self._opened_before
        self._opened_before = True
        self._version = _versions(self.driver)
        self.cards = self._listed(at_ms)
        self.xids.start([card for card in self.cards if not card.lost])
        self._problem, self._wait_ms, self.mismatches = None, FIRST_WAIT_MS, 0
        self._forget_ms = at_ms + FORGET_MS

    def _listed(self, at_ms: int) -> list[Card]:
        found = []
        self._silent = []
        for index in range(self._count()):
            try:
                found.append(self._card(index, at_ms))
            except (CardLostError, NoAnswerError) as error:
                self._silent.append(f"GPU {index} does not say which one it is: {error}")
        return found

    def _count(self) -> int:
        try:
            return int(self.driver.ask("host", "nvmlDeviceGetCount"))
        except (NoAnswerError, CardLostError) as error:
            message = f"NVML could not count the cards: {error}; see dmesg on this host"
            raise DriverGoneError(message, "failing") from error

    def _card(self, index: int, at_ms: int) -> Card:
        handle = self.driver.ask("host", "nvmlDeviceGetHandleByIndex", index)
        uuid = text(self.driver.ask(index, "nvmlDeviceGetUUID", handle))
        name = text(self.driver.ask(index, "nvmlDeviceGetName", handle))
        names = Names((("host", self.host), ("gpu", str(index)), ("uuid", uuid), ("name", name)))
        self.known[uuid] = names
        card = Card(self.driver, index, handle, uuid, name, names)
        card.due = {probe: at_ms for probe, _, _ in PACES}
        return card

    def _look(self, at_ms: int, reading: Reading) -> None:
        ended: list[Sample] = []
        if at_ms >= self._forget_ms:
            self.driver.forget()
            for card in self.cards:
                card.forget()
            self._forget_ms = at_ms + FORGET_MS
        if at_ms >= self._relist_ms:
            missing = self._changed()
            self._relist_wait_ms = min(2 * self._relist_wait_ms, FORGET_MS) if missing else RETRY_LOST_MS
            self._relist_ms = at_ms + self._relist_wait_ms
            if missing and self._cards_told:
                ended = self._reopen(at_ms)
        for card in self.cards:
            if not card.lost:
                self._read(card, at_ms, reading)
        self._tell_cards(reading)
        if ended:
            present = {series for series, _ in reading.samples}
            reading.samples += [sample for sample in ended if sample[0] not in present]

    def _changed(self) -> bool:
        """Whether a card is lost, or there are more or fewer than listed."""
        missing = set(self.known) - {card.uuid for card in self.cards if not card.lost}
        return bool(missing) or self._count() != len(self.cards)

    def _reopen(self, at_ms: int) -> list[Sample]:
        """End marks for what was alive; most of it is told again at once."""
        ended = [sample for card in self.cards for sample in card.end()]
        self.close()
        self._retry_ms = 0
        self._open(at_ms)
        return ended

    def _read(self, card: Card, at_ms: int, reading: Reading) -> None:
        """What the card tells; of one that is lost on the way only the ends of its series."""
        told: list[Sample] = []
        ended: list[Sample] = []
        try:
            probes = self._probes(card)
            ended = card.end(but=[name for name, _, _ in probes])
            for name, pace, probe in probes:
                if at_ms >= card.due.get(name, 0):
                    first = name not in card.alive
                    told += card.run(name, probe)
                    card.due[name] = at_ms + pace + (card.index % 8 * STAGGER_MS if pace and first else 0)
            self._doubt(card, [name for name, pace, _ in probes if not pace])
            present = {series for series, _ in told} if ended else set()
            told += [sample for sample in ended if sample[0] not in present]
        except CardLostError as error:
            card.lost = str(error)
            ends = [*(sample for sample in told if sample[1] is STALE), *ended, *card.end()]
            told = list(dict(ends).items())
        reading.samples += told

    def _doubt(self, card: Card, fast: list[str]) -> None:
        """A card that used to answer and now answers nothing at all is lost, whatever its errors say."""
        if any(card.alive.get(name) for name in fast):
            self._answered.add(card.uuid)
        elif card.uuid in self._answered:
            message = "it answers no question that it answered before; see dmesg on this host"
            raise CardLostError(message)

    def _probes(self, card: Card) -> list[tuple[str, int, Probe]]:
        if not card.probes:
            card.probes = [
                *PACES,
                ("partitions", SLOW_MS, _parts),
                ("processes", SLOW_MS, partial(processes, commands=self.commands)),
                ("gpm", 0, self._gpm) if gpm.supported(card) else ("pcie_traffic", RARE_MS, pcie_traffic),
            ]
        return card.probes

    def _gpm(self, card: Card, sheet: Sheet) -> None:
        parts = {one.uuid for one in card.partitions} or {card.uuid}
        for key in [key for key in self.meters if key[0] == card.uuid and key[1] not in parts]:
            self.meters.pop(key).free()
        if not card.partitions:
            self._meter((card.uuid, card.uuid), METRICS).measure(card, sheet)
        for one in card.partitions:
            self._meter((card.uuid, one.uuid), PARTS).measure(card, sheet, one.gpu_instance, one.labels)

    def _meter(self, key: tuple[str, str], metrics: Metrics) -> Meter:
        if key not in self.meters:
            self.meters[key] = Meter(self.driver, metrics)
        return self.meters[key]

    def _leave(self, error: DriverGoneError, at_ms: int, reading: Reading) -> None:
        """NVML is gone: end what it told, shut it, and try again later."""
        self._problem = error
        self.mismatches += error.state == "version_mismatch"
        reading.samples = [sample for card in self.cards for sample in card.end()]
        self.close()
        self.cards = []
        self._retry_ms, self._wait_ms = at_ms + self._wait_ms, min(2 * self._wait_ms, LONGEST_WAIT_MS)

    def _tell_cards(self, reading: Reading) -> None:
        """Of every card that was ever seen: up or lost, and its events, for those explain why."""
        up = {card.uuid for card in self.cards if not card.lost}
        for uuid, names in self.known.items():
            sheet = Sheet(names)
            sheet.put("gpu_up", uuid in up)
            self.xids.put(uuid, sheet)
            reading.samples += sheet.samples
        reading.cards, reading.lost = len(up), len(self.known) - len(up)
        lost = [f"GPU {card.index} ({card.name}): {card.lost}" for card in self.cards if card.lost]
        listed = {card.uuid for card in self.cards}
        gone = [f"{uuid} is no longer listed" for uuid in self.known if uuid not in listed]
        reading.problem = "; ".join([*lost, *gone, *self._silent])

    def _tell_host(self, reading: Reading) -> None:
        if self._problem is not None:
            reading.state, reading.problem = self._problem.state, str(self._problem)
            if self._cards_told:
                reading.samples += [(names.of("gpu_up"), STALE) for names in self.known.values()]
        self._cards_told = self._problem is None
        for state in STATES:
            holds = float(state == reading.state)
            reading.samples.append((self.names.of("gpu_driver_state", (("state", state),)), holds))
        reading.samples.append((self.names.of("gpu_driver_restarts_total"), float(self.restarts)))
        if self._cards_told:
            reading.samples.append((self.names.of("gpu_driver_info", self._version), 1.0))


def _parts(card: Card, sheet: Sheet) -> None:
    partitions.look(card)
    partitions.memory(card, sheet)


def _versions(driver: Driver) -> Extra:
    """Of the driver, of NVML, and of the newest CUDA that the driver speaks."""
    told = {
        "driver": "nvmlSystemGetDriverVersion",
        "nvml": "nvmlSystemGetNVMLVersion",
        "cuda": "nvmlSystemGetCudaDriverVersion_v2",
    }
    found = []
    for label, function in sorted(told.items()):
        with contextlib.suppress(NoAnswerError):
            value = driver.ask("host", function)
            number = f"{value // 1000}.{value % 1000 // 10}" if isinstance(value, int) else text(value)
            found.append((label, number))
    return tuple(found)
