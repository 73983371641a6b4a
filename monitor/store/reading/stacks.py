"""The tapes of one selection as few matrices, and behind them what has arrived since: whole answers at once.

Only series whose samples are all on tapes are answered here; everything else is read series by series.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from monitor.core.labels import Roster, once
from monitor.core.samples import Part, Table
from monitor.store.reading import tails, tapes
from monitor.store.reading.catalog import Members, Moment
from monitor.store.reading.tails import Tail
from monitor.store.reading.tapes import WORTH_MS, Tape
from monitor.store.samples.blocks import Ints
from monitor.store.samples.chunks import window_of

NUMBERS_KEPT = 8_000_000
# a window may be sealed from OPEN_MS after its end on; this much earlier nobody relies on its batches any more
EARLY_MS = 60_000


@dataclass(slots=True)
class Stack:
    """All samples of these series from ``low`` to ``high``, as of a turn of the rack."""

    members: Members
    turn: int
    tapes: list[Tape]
    low: int
    high: int
    parts: list[Part]
    tail: Tail | None = field(default=None)

    @property
    def numbers(self) -> int:
        return sum(part.values.size for part in self.parts)


class Stacks:
    """Stacks by the members that they hold; the least recently used ones go first."""

    def __init__(self, numbers: int) -> None:
        self.room, self.used = numbers, 0
        self.kept: OrderedDict[tuple[int, int], Stack] = OrderedDict()
        self.lock = Lock()

    def get(self, project_id: int, members: Members) -> Stack | None:
        with self.lock:
            key = (project_id, id(members))
            found = self.kept.get(key)
            if found is not None:
                self.kept.move_to_end(key)
            return found

    def put(self, project_id: int, stack: Stack) -> None:
        with self.lock:
            key = (project_id, id(stack.members))
            before = self.kept.pop(key, None)
            self.kept[key] = stack
            # added up as they come and go: thousands of alert rules keep a stack each
            self.used += stack.numbers - (before.numbers if before else 0)
            while len(self.kept) > 1 and self.used > self.room:
                self.used -= self.kept.popitem(last=False)[1].numbers

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()
            self.used = 0


kept = Stacks(NUMBERS_KEPT)
# of several questions about the same series one makes the stack, and the others find it made
_making = Lock()


def table(
    project_id: int,
    moment: Moment,
    members: Members,
    span: tuple[int, int],
    seconds: float,
    expect: Callable[[int], None],
) -> Table | None:
    """The samples of these series within the closed span; None where tapes do not hold them all.

    ``expect`` is told how many values are to be copied for it, and may raise.
    """
    start, end = span
    stack = _current(project_id, members, expect)
    if stack is None or start < stack.low:
        return None
    if end <= stack.high:
        return _filled(members.labels, [cut(part, start, end) for part in stack.parts])
    sealed = window_of(moment.closed_ms + EARLY_MS)
    if moment.closed_ms - stack.high >= WORTH_MS or sealed > stack.high + 1:
        # it is time to make the tapes longer, which the other way does
        return None
    tail = tails.brought_up(
        stack.tail or tails.Tail(), project_id, moment, members, stack.parts, stack.high, seconds
    )
    if tail is None:
        return None
    stack.tail = tail
    before = [cut(part, start, stack.high) for part in stack.parts]
    expect(sum(part.values.size for part in before))
    parts = [
        longer
        for part, more in zip(before, tail.parts, strict=True)
        for longer in _with_tail(part, more.within(start, end))
    ]
    return _filled(members.labels, parts)


def _filled(labels: Roster, parts: Sequence[Part]) -> Table:
    """A table of the rows that have samples."""
    full = [part for part in parts if len(part.times)]
    if len(full) == len(parts):
        return Table(labels, full)
    rows = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *(part.rows for part in full)]))
    kept = once(labels, ("rows", rows.tobytes()), lambda: Roster(labels[row] for row in rows.tolist()))
    return Table(kept, [Part(rows.searchsorted(part.rows), part.times, part.values) for part in full])


def _current(project_id: int, members: Members, expect: Callable[[int], None]) -> Stack | None:
    found = _known(project_id, members)
    if isinstance(found, list):
        values = sum(len(tape.values) for tape in found)
        expect(values)
        with _making:
            found = _known(project_id, members)
            if not isinstance(found, list):
                expect(-values)
            else:
                found = _known(project_id, members, make=True)
    return None if isinstance(found, list) else found


def _known(project_id: int, members: Members, *, make: bool = False) -> Stack | list[Tape] | None:
    """The stack as of now, or what it is to be made of; None without all tapes. ``make``: it is made."""
    stack = kept.get(project_id, members)
    found = tapes.kept.all_of(project_id, members.ids, -1 if stack is None else stack.turn)
    if found is None:
        return None
    turn, strips = found
    if stack is not None and (turn == stack.turn or strips == stack.tapes):
        stack.turn = turn
        return stack
    if not make:
        return strips
    stack = _stacked(project_id, members, turn, strips)
    kept.put(project_id, stack)
    return stack


def _stacked(project_id: int, members: Members, turn: int, strips: Sequence[Tape]) -> Stack:
    low = max((tape.low for tape in strips), default=0)
    high = min((tape.high for tape in strips), default=0)
    sharing, groups = tapes.Sharing(), dict[int, tuple[Ints, list[int]]]()
    rows_of: list[slice] = []
    for place, tape in enumerate(strips):
        rows, times = sharing.part(tape.times, low, high)
        rows_of.append(rows)
        groups.setdefault(id(times), (times, []))[1].append(place)
    parts, exchanged = [], []
    for times, places in groups.values():
        values = np.empty((len(places), len(times)))
        for row, place in enumerate(places):
            tape = strips[place]
            values[row] = tape.values[rows_of[place]]
            if len(tape.times) == len(times) and not _in_matrix(tape):
                # the first matrix takes the place of the tapes, so that nothing lies in memory twice
                new = Tape(tape.low, tape.high, times, values[row])
                exchanged.append((members.ids[place], tape, new))
        parts.append(Part(np.array(places, dtype=np.int64), times, values))
    tapes.kept.exchange(project_id, exchanged)
    known = {identity: new for identity, _, new in exchanged}
    now = [known.get(identity, tape) for identity, tape in zip(members.ids, strips, strict=True)]
    return Stack(members, turn, now, low, high, parts)


def _in_matrix(tape: Tape) -> bool:
    base = tape.values.base
    return base is not None and base.ndim > 1


def cut(part: Part, start: int, end: int) -> Part:
    """Only the samples within the closed span."""
    low, high = int(part.times.searchsorted(start)), int(part.times.searchsorted(end, side="right"))
    if high - low == len(part.times):
        return part
    return Part(part.rows, part.times[low:high], part.values[:, low:high])


def _with_tail(part: Part, tail: tails.TailPart) -> list[Part]:
    """The part made longer; rows that lack some of the newer samples become parts of their own."""
    if not len(tail.times):
        return [part]
    if tail.there.all():
        return [_joined(part, slice(None), tail.times, tail.values)]
    patterns, which = np.unique(tail.there, axis=0, return_inverse=True)
    parts = []
    for number, there in enumerate(patterns):
        rows = np.flatnonzero(which.reshape(-1) == number)
        parts.append(_joined(part, rows, tail.times[there], tail.values[np.ix_(rows, there)]))
    return parts


def _joined(part: Part, rows: Ints | slice, times: Ints, values: np.ndarray) -> Part:
    if not len(part.times):
        return Part(part.rows[rows], times, values)
    if not len(times):
        return Part(part.rows[rows], part.times, part.values[rows])
    return Part(
        part.rows[rows],
        np.concatenate([part.times, times]),
        np.concatenate([part.values[rows], values], axis=1),
    )
