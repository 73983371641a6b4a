"""Decoded samples of pushed series that stay as they are: each a tape over one unbroken span of time.

A tape ends before the last ten minutes; a late batch cuts off what it may have changed. Tapes whose samples
came at the same times share one array of times, so that whoever compares them can do so by identity.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

import numpy as np

from monitor.store.samples.blocks import Floats, Ints

NUMBERS_KEPT = 12_000_000
# shorter ends than this are read again rather than appended: appending copies the whole tape
WORTH_MS = 900_000
# a tape that ended at most this long before a question still saves reading what precedes it
REACH_MS = 3_600_000
NONE = (np.empty(0, dtype=np.int64), np.empty(0))


_turns = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """All float samples of one series with low <= t <= high."""

    low: int
    high: int
    times: Ints
    values: Floats

    def cut(self, before: int) -> "Tape":
        """Only what lies before that time."""
        if before > self.high:
            return self
        stop = int(self.times.searchsorted(before))
        return Tape(self.low, before - 1, self.times[:stop], self.values[:stop])


@dataclass(slots=True)
class Rack:
    """The tapes of one project, all valid for one version of its samples; ``turn`` grows when one is exchanged."""

    version: int = -1
    tapes: dict[int, Tape] = field(default_factory=dict)
    numbers: int = 0
    turn: int = field(default_factory=lambda: next(_turns))


class Tapes:
    """Racks by project; the least recently asked projects go first, then everything of a project too large."""

    def __init__(self, numbers: int) -> None:
        self.room = numbers
        self.racks: OrderedDict[int, Rack] = OrderedDict()
        self.lock = Lock()

    def covering(self, project_id: int, series: Iterable[int], start: int) -> dict[int, Tape]:
        """The tapes of these series that begin at ``start`` or before and reach it; ask ``follow`` first."""
        with self.lock:
            rack = self.racks.get(project_id)
            if rack is None:
                return {}
            self.racks.move_to_end(project_id)
            kept = rack.tapes
            return {
                identity: tape
                for identity in series
                if (tape := kept.get(identity)) is not None and tape.low <= start <= tape.high + REACH_MS
            }

    def all_of(self, project_id: int, series: list[int], turn: int) -> tuple[int, list[Tape]] | None:
        """The rack's turn and a tape for each of these series; no tapes if nothing changed since that turn.

        None when a series has no tape.
        """
        with self.lock:
            rack = self.racks.get(project_id)
            if rack is None:
                return None
            self.racks.move_to_end(project_id)
            if rack.turn == turn:
                return turn, []
            found = [rack.tapes.get(identity) for identity in series]
            return None if None in found else (rack.turn, found)  # type: ignore[return-value] # none is None

    def exchange(self, project_id: int, tapes: Iterable[tuple[int, Tape, Tape]]) -> None:
        """Put other tapes with the same samples in the place of old ones."""
        with self.lock:
            rack = self.racks.get(project_id)
            if rack is not None:
                for identity, old, new in tapes:
                    if rack.tapes.get(identity) is old:
                        rack.tapes[identity] = new
                        rack.turn = next(_turns)

    def follow(self, project_id: int, version: int, changed_from: int | None) -> None:
        """Cut off what has changed since the rack's version."""
        with self.lock:
            rack = self.racks.setdefault(project_id, Rack(version))
            if rack.version >= version:
                return
            rack.version = version
            if changed_from is not None:
                cut = {identity: tape.cut(changed_from) for identity, tape in rack.tapes.items()}
                rack.tapes = {identity: tape for identity, tape in cut.items() if tape.high >= tape.low}
                rack.numbers = sum(len(tape.values) for tape in rack.tapes.values())
                rack.turn = next(_turns)

    def version(self, project_id: int) -> int:
        with self.lock:
            rack = self.racks.get(project_id)
            return -1 if rack is None else rack.version

    def keep(self, project_id: int, version: int, tapes: Mapping[int, Tape]) -> None:
        """Put in what was read at that version; too late if samples have changed meanwhile."""
        with self.lock:
            rack = self.racks.get(project_id)
            if rack is None or rack.version != version:
                return
            for identity, tape in tapes.items():
                old = rack.tapes.pop(identity, None)
                rack.numbers -= 0 if old is None else len(old.values)
                rack.tapes[identity] = tape
                rack.numbers += len(tape.values)
            rack.turn = next(_turns)
            self._make_room(rack)

    def _make_room(self, current: Rack) -> None:
        while len(self.racks) > 1 and sum(rack.numbers for rack in self.racks.values()) > self.room:
            self.racks.popitem(last=False)
        # the oldest first: dictionaries remember the order in which their keys came
        for identity in list(current.tapes):
            if current.numbers <= self.room:
                break
            current.numbers -= len(current.tapes.pop(identity).values)

    def clear(self) -> None:
        with self.lock:
            self.racks.clear()


class Sharing:
    """Makes equal arrays of times one object, within one answer and with the tapes it reads."""

    def __init__(self) -> None:
        self.seen: dict[tuple[int, int, int], list[Ints]] = {}
        self.joined: dict[tuple[int, int], tuple[Ints, Ints, Ints]] = {}
        self.parts: dict[tuple[int, int, int], tuple[slice, Ints, Ints]] = {}

    def one(self, times: Ints) -> Ints:
        """An array equal to ``times``, the same object for all that are equal."""
        if not len(times):
            return NONE[0]
        key = (len(times), int(times[0]), int(times[-1]))
        for known in self.seen.setdefault(key, []):
            if known is times or np.array_equal(known, times):
                return known
        self.seen[key].append(times)
        return times

    def part(self, times: Ints, start: int, end: int) -> tuple[slice, Ints]:
        """Where start <= t <= end, and those times."""
        key = (id(times), start, end)
        known = self.parts.get(key)
        if known is None:
            low, high = int(times.searchsorted(start)), int(times.searchsorted(end, side="right"))
            inside = times if high - low == len(times) else self.one(times[low:high])
            # the array is kept beside its part, so that its id stays its own
            known = self.parts[key] = (slice(low, high), inside, times)
        return known[0], known[1]

    def end_to_end(self, first: Ints, second: Ints) -> Ints:
        if not len(first) or not len(second):
            return second if not len(first) else first
        key = (id(first), id(second))
        if key not in self.joined:
            self.joined[key] = (first, second, self.one(np.concatenate([first, second])))
        return self.joined[key][2]


kept = Tapes(NUMBERS_KEPT)
