"""Many selections asked at once: one table holds the series of them all, and each selection takes its rows.

Thousands of alert rules name one service each; read one by one, every rule would look for what has arrived.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np

from monitor.core.labels import Roster, once
from monitor.core.samples import Part, Selection, Table
from monitor.store.reading import stacks
from monitor.store.reading.catalog import Members, Moment
from monitor.store.samples.blocks import Ints

# fewer selections are answered one by one, and so are large ones: taking rows copies them
LEAST, LARGEST = 4, 256
UNIONS_KEPT = 16


class Union:
    """All series of some selections, and the places of each selection's series among them."""

    def __init__(self, sets: Sequence[Members]) -> None:
        # kept, so that their ids stay their own
        self.sets = sets
        known = {member.id: member for members in sets for member in members}
        self.members = Members(sorted(known.values(), key=lambda one: one.labels.items_sorted))
        place = {identity: row for row, identity in enumerate(self.members.ids)}
        self.rows = {
            id(members): np.array([place[identity] for identity in members.ids], dtype=np.int64)
            for members in sets
        }


class _Unions:
    """Unions by what they are of; the least recently used ones go first."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[int, ...], Union] = OrderedDict()
        self.lock = Lock()

    def of(self, sets: Sequence[Members]) -> Union:
        distinct = list({id(members): members for members in sets}.values())
        key = tuple(sorted(id(members) for members in distinct))
        with self.lock:
            found = self.kept.get(key)
            if found is not None:
                self.kept.move_to_end(key)
                return found
        made = Union(distinct)
        with self.lock:
            self.kept[key] = made
            while len(self.kept) > UNIONS_KEPT:
                self.kept.popitem(last=False)
        return made

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()


kept = _Unions()


def tables(
    project_id: int,
    moment: Moment,
    chosen: Sequence[Members],
    selections: Sequence[Selection],
    seconds: float,
    expect: Callable[[int], None],
) -> list[Table] | None:
    """A table for each selection of pushed series; None where tapes do not hold all of them."""
    union = kept.of(chosen)
    span = (min(one.start_ms for one in selections), max(one.end_ms for one in selections))
    whole = stacks.table(project_id, moment, union.members, span, seconds, expect)
    if whole is None:
        return None
    cuts: dict[tuple[int, int], _Cut] = {}
    answers = []
    for members, wanted in zip(chosen, selections, strict=True):
        key = (wanted.start_ms, wanted.end_ms)
        cut = cuts.get(key)
        if cut is None:
            cut = cuts[key] = _Cut(whole, union.members, key)
        answers.append(cut.of(union.rows[id(members)], members.labels))
        expect(answers[-1].samples)
    return answers


class _Cut:
    """The union's samples within one span, to be looked up by the places of its series."""

    def __init__(self, whole: Table, members: Members, span: tuple[int, int]) -> None:
        self.parts = [part for part in (stacks.cut(part, *span) for part in whole.parts) if len(part.times)]
        # the table has left out those without samples
        places = np.arange(len(members))
        if len(whole) < len(members):
            there = {id(labels) for labels in whole.labels}
            places = np.flatnonzero([id(labels) in there for labels in members.labels])
        self.part_of, self.row_of = (np.full(len(members), -1), np.zeros(len(members), dtype=np.int64))
        for number, part in enumerate(self.parts):
            self.part_of[places[part.rows]] = number
            self.row_of[places[part.rows]] = np.arange(len(part.rows))

    def of(self, places: Ints, labels: Roster) -> Table:
        """The table of the series at these places."""
        owners = self.part_of[places]
        there = np.flatnonzero(owners >= 0)
        if len(there) < len(places):
            rows = there
            labels = once(
                labels, ("rows", rows.tobytes()), lambda: Roster(labels[row] for row in rows.tolist())
            )
            places, owners = places[there], owners[there]
        if not len(places):
            return Table(labels, [])
        if (owners == owners[0]).all():
            return Table(labels, [self._part(int(owners[0]), np.arange(len(places)), places)])
        numbers = np.unique(owners).tolist()
        return Table(
            labels,
            [
                self._part(number, rows, places[rows])
                for number in numbers
                for rows in [np.flatnonzero(owners == number)]
            ],
        )

    def _part(self, number: int, rows: Ints, places: Ints) -> Part:
        part = self.parts[number]
        return Part(rows, part.times, part.values[self.row_of[places]])
