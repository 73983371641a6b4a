"""The read path: selections in, series out. One statement reads unsealed batches and chunks in one snapshot.

Samples of pushed series that stay as they are come from tapes; only what no tape holds is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db import connection

from monitor.core import patience
from monitor.core.samples import Selection, Series, Table
from monitor.store import deadline
from monitor.store.models import SeriesKind
from monitor.store.reading import bases, catalog, derived, pushed, stacks, sums, tapes, unions, unsealed
from monitor.store.reading.catalog import (
    LONGEST_SECONDS,
    Catalog,
    Known,
    Members,
    Moment,
    label_names,
    label_values,
    series,
)
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block
from monitor.store.samples.chunks import DAY_MS
from monitor.store.shards import shards_of

__all__ = ["TooManySamplesError", "View", "label_names", "label_values", "look", "select", "series"]

# closer than this samples hardly ever stand; a shorter question can't be too long
DENSEST_MS = 1_000
# questions that may touch more samples than that are counted before they are read
COUNTED_SAMPLES = 2_000_000
# fewer are not worth a word to whoever waits to hear how many there are
TOLD_AT_ONCE = 50_000
# a value alone is so much less than a sample that is read and decoded
VALUES_PER_SAMPLE = 3

_READ = """
    SELECT id, NULL::bigint, CASE WHEN id = ANY(%(cached)s) THEN NULL ELSE data END FROM monitor_sample_batch
    WHERE project_id = %(project)s AND shard = ANY(%(shards)s) AND min_ms <= %(end)s AND kind = 0
          AND max_ms >= %(start)s
    UNION ALL
    SELECT NULL, series_id, data || rest FROM monitor_chunk
    WHERE shard = ANY(%(shards)s) AND series_id = ANY(%(series)s) AND t0 <= to_timestamp(%(end)s / 1000.0)
          AND t0 >= to_timestamp(%(oldest)s / 1000.0) AND max_ms >= %(start)s
"""


def _nothing(_: int) -> None:
    """For callers who need not share their memory."""


class TooManySamplesError(RuntimeError):
    """The question touches more samples than it may. Ask for a shorter span, a wider step or fewer series."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the query touches more than {limit} samples; "
            "ask for a shorter span, a wider step or fewer series"
        )


@dataclass(frozen=True, slots=True)
class View:
    """A project's series as one look at the store saw them."""

    project_id: int
    known: Catalog
    moment: Moment
    # whether what is seen stays: a transaction may yet be undone
    lasting: bool

    def changed_from(self, version: int) -> int | None:
        """From which time on samples may have changed since that version; None: they have not."""
        return self.known.changed_from(version)

    def select(
        self,
        selections: Sequence[Selection],
        *,
        max_samples: int,
        seconds: float = LONGEST_SECONDS,
        expect: Callable[[int], None] = _nothing,
    ) -> list[Sequence[Series]]:
        """For each selection its series, samples ascending and within the closed span.

        Raises TooManySamplesError when more than ``max_samples`` would be handed out, and
        deadline.StoppedError when a statement takes longer than ``seconds``. ``expect`` is told how many samples
        there will be, as early as that is known (less than 0: fewer than was said), and may raise.
        """
        chosen = [self.known.find(s.matchers, s.start_ms, s.end_ms) for s in selections]
        budget = _Budget(max_samples, seconds, expect)
        found = self._at_hand(chosen, selections, budget)
        rest = [place for place in np.arange(len(selections)).tolist() if place not in found]
        for places in _spans([selections[place] for place in rest]):
            group = [rest[place] for place in places]
            parts = _answer(
                self, [selections[place] for place in group], [chosen[place] for place in group], budget
            )
            found.update(zip(group, parts, strict=True))
        return [found[place] for place in np.arange(len(selections)).tolist()]

    def _at_hand(
        self, chosen: Sequence[Members], selections: Sequence[Selection], budget: "_Budget"
    ) -> dict[int, Sequence[Series]]:
        """By place the answers all of which is at hand, as tables."""
        if not self.lasting:
            return {}
        found: dict[int, Table | None] = {}
        pushed_ones = [place for place, members in enumerate(chosen) if members and members.pushed]
        small = [place for place in pushed_ones if len(chosen[place]) <= unions.LARGEST]
        if len(small) >= unions.LEAST:
            sets, wanted = [chosen[place] for place in small], [selections[place] for place in small]
            tables = unions.tables(self.project_id, self.moment, sets, wanted, budget.seconds, budget.copies)
            answers: Sequence[Table | None] = tables if tables is not None else [None for _ in small]
            found = dict(zip(small, answers, strict=True))
        for place in pushed_ones:
            if place not in found:
                span = selections[place].start_ms, selections[place].end_ms
                found[place] = stacks.table(
                    self.project_id, self.moment, chosen[place], span, budget.seconds, budget.copies
                )
        budget.count(sum(table.samples for table in found.values() if table is not None), at_hand=True)
        return {place: table for place, table in found.items() if table is not None}


def look(project_id: int, seconds: float = LONGEST_SECONDS) -> View:
    """The project as of now: every commit before this call is in it; raises deadline.StoppedError."""
    known = catalog.held(project_id)
    moment = known.refresh(seconds)
    for kept in (tapes.kept, bases.kept):
        seen = kept.version(project_id)
        if seen != moment.version:
            kept.follow(project_id, moment.version, known.changed_from(seen))
    return View(project_id, known, moment, not connection.in_atomic_block)


def select(project_id: int, selections: Sequence[Selection], *, max_samples: int) -> list[Sequence[Series]]:
    """What a look at this moment selects."""
    return look(project_id).select(selections, max_samples=max_samples)


def _spans(selections: Sequence[Selection]) -> list[list[int]]:
    """Places of selections whose spans overlap, together: far apart ones are read one by one."""
    groups: list[list[int]] = []
    end = 0
    for place in sorted(np.arange(len(selections)).tolist(), key=lambda place: selections[place].start_ms):
        if groups and selections[place].start_ms <= end:
            groups[-1].append(place)
            end = max(end, selections[place].end_ms)
        else:
            groups.append([place])
            end = selections[place].end_ms
    return groups


def _answer(
    view: View, selections: Sequence[Selection], chosen: Sequence[Sequence[Known]], budget: "_Budget"
) -> list[list[Series]]:
    """The series of selections whose spans overlap."""
    wanted = {member.id: member for members in chosen for member in members}
    if not wanted:
        return [[] for _ in selections]
    start = min(s.start_ms for s in selections)
    end = max(s.end_ms for s in selections)
    if len(wanted) * (end - start) > min(budget.limit, COUNTED_SAMPLES) * DENSEST_MS:
        with deadline.stopped_after(budget.seconds):
            budget.foresee(_number(view, wanted, start, end))
    plain = {identity: member for identity, member in wanted.items() if member.kind == SeriesKind.PUSHED}
    kept = pushed.Kept(view.project_id, view.moment, plain, start, end)
    summed = {identity: member for identity, member in wanted.items() if identity not in plain}
    found: list[tuple[int | None, Block]] = []
    for identities, first, last in kept.missing():
        with deadline.stopped_after(budget.seconds):
            found += _pushed(view, identities, (first, last))
    kept.take(found)
    deltas, heads = _summed(view, summed, selections, chosen, budget) if summed else ({}, {})
    answers = []
    for selection, members in zip(selections, chosen, strict=True):
        answer = []
        for member in members:
            patience.look()
            if member.id in plain:
                one = kept.series(member, selection.start_ms, selection.end_ms)
            else:
                one = _derived(member, deltas, heads, selection)
            if one is not None:
                budget.spend(one)
                answer.append(one)
        answers.append(answer)
    return answers


def _summed(
    view: View,
    summed: dict[int, Known],
    selections: Sequence[Selection],
    chosen: Sequence[Sequence[Known]],
    budget: "_Budget",
) -> tuple[dict[int, Block], dict[int, Block]]:
    """What was counted within and before the selections; right wherever one of them looks."""
    seen = view.moment
    place = sums.Place(view.project_id, seen.buckets, seen.closed_ms, seen.version, view.lasting)
    deltas: dict[int, Block] = {}
    heads: dict[int, Block] = {}
    for alike, asked in _asked_alike(summed, selections, chosen):
        moments = [
            derived.moments(selections[one], [m for m in chosen[one] if m.id in alike]) for one in asked
        ]
        span = min(selections[one].start_ms for one in asked), max(selections[one].end_ms for one in asked)
        found = sums.read(place, alike, span, np.unique(np.concatenate(moments)), budget.seconds)
        deltas |= found[0]
        heads |= found[1]
    return deltas, heads


def _asked_alike(
    summed: dict[int, Known], selections: Sequence[Selection], chosen: Sequence[Sequence[Known]]
) -> Iterator[tuple[dict[int, Known], list[int]]]:
    """Series that are asked about at the same times, with the places of the selections that do.

    They are read together. Who is asked about one window alone must not pay for the curve of another.
    """
    shapes: dict[Selection, int] = {}
    shape = [shapes.setdefault(replace(one, matchers=()), len(shapes)) for one in selections]
    if len(shapes) == 1:
        yield summed, list(range(len(selections)))
        return
    asked: dict[int, set[int]] = {}
    for number, members in zip(shape, chosen, strict=True):
        for member in members:
            if member.id in summed:
                asked.setdefault(member.id, set()).add(number)
    alike: dict[frozenset[int], dict[int, Known]] = {}
    for identity, numbers in asked.items():
        alike.setdefault(frozenset(numbers), {})[identity] = summed[identity]
    for group in alike.values():
        yield group, [place for place, some in enumerate(chosen) if any(m.id in group for m in some)]


def _number(view: View, wanted: dict[int, Known], start: int, end: int) -> int:
    """What a long question would read of the pushed samples, counted in the table before a byte is decoded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n), 0) FROM monitor_chunk WHERE shard = ANY(%s) AND series_id = ANY(%s)"
            " AND kind = 0 AND t0 <= to_timestamp(%s / 1000.0) AND max_ms >= %s",
            [shards_of(view.project_id, view.moment.buckets), list(wanted), end, start],
        )
        return int(cursor.fetchone()[0])


class _Budget:
    """What one question may touch; ``expect`` learns of what it adds to the memory once, foreseen or met."""

    def __init__(self, limit: int, seconds: float, expect: Callable[[int], None]) -> None:
        self.limit, self.left, self.seconds = limit, limit, seconds
        # of the samples touched, those that cost nothing; what copies of values cost, in samples
        self.light, self.copied = 0, 0
        self.expect, self.told = expect, 0

    def foresee(self, samples: int) -> None:
        if samples > self.limit:
            raise TooManySamplesError(self.limit)
        self._tell(samples)

    def spend(self, found: Series) -> None:
        self.count(len(found.times))
        if found.histograms:
            self.count(sum(len(run.times) * (run.positive.shape[-1] + 1) for run in found.histograms))

    def count(self, samples: int, *, at_hand: bool = False) -> None:
        """``at_hand``: they lie in memory already."""
        self.left -= samples
        if self.left < 0:
            raise TooManySamplesError(self.limit)
        self.light += samples if at_hand else 0
        self._tell(0)

    def copies(self, samples: int) -> None:
        """So many values that lie in memory are about to be copied, or fewer than said; their times are shared."""
        self.copied += samples // VALUES_PER_SAMPLE
        self._tell(0)

    def _tell(self, more: int) -> None:
        whole = self.limit - self.left - self.light + self.copied + more
        if abs(whole - self.told) > TOLD_AT_ONCE:
            self.expect(whole - self.told)
            self.told = whole


def _derived(
    member: Known, deltas: dict[int, Block], heads: dict[int, Block], selection: Selection
) -> Series | None:
    nothing = blocks.empty()
    mine, head = deltas.get(member.id, nothing), heads.get(member.id, nothing)
    if member.kind == SeriesKind.DERIVED_COUNTER:
        return derived.counter(member, mine.tables["f"], float(head.tables["f"]["v"].sum()), selection)
    return derived.histogram(member, mine, head, selection)


def _pushed(view: View, series_ids: list[int], span: tuple[int, int]) -> list[tuple[int | None, Block]]:
    """The rows of these series within the span; batches come whole, under no series' name."""
    start, end = span
    held = unsealed.kept.held()
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "project": view.project_id, "shards": shards_of(view.project_id, view.moment.buckets),
                "series": series_ids, "start": start, "end": end, "oldest": start - DAY_MS, "cached": list(held),
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    # chunks first, then batches in the order in which they came: of two samples at one time the first stays
    rows.sort(key=lambda row: row[0].bytes if row[0] is not None else b"")
    return [
        (
            series_id,
            blocks.decode(bytes(data)) if batch_id is None else unsealed.of_batch(batch_id, data, held),
        )
        for batch_id, series_id, data in patience.each(rows)
    ]
