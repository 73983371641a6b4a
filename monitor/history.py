"""Times whose samples are gone: what can be answered from coarse points is, and says so.

A call or selector is answered from points at those steps alone whose window begins before samples are whole,
and only where points give the right answer; all else is left to the samples. Windows end on the points' grid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.core import clock, coarse
from monitor.core.coarse import RESOLUTIONS, Floats, Ints, Mask
from monitor.core.durations import text as duration
from monitor.core.histograms import HistogramBlock
from monitor.core.labels import Labels
from monitor.promql import tree
from monitor.promql.values import Cells, Grid, Notes, Value, Vector, joined, nameless
from monitor.store.ageing import coarsening, keeping
from monitor.store.models import SeriesKind
from monitor.store.reading.catalog import FLAT_MS, OPEN_MS, Known
from monitor.store.reading.derived import cumulative
from monitor.store.reading.select import View
from monitor.store.samples.append import GRID_MS
from monitor.store.samples.blocks import DERIVED_SCHEMA, NEGATIVE, POSITIVE, Block, empty
from monitor.store.shards import shards_of

OVER_TIME = frozenset({"min", "max", "sum", "count", "avg", "first", "last", "present"})
GROWTH = frozenset({"rate", "increase", "delta"})
# derived series are sums of deltas: their growth is known, single samples of theirs are not
SUMMED = frozenset({"rate", "increase"})
# these look at samples or selectors themselves
APART = frozenset({"timestamp", "absent", "absent_over_time", "info"})
NAMED = frozenset({"last_over_time", "first_over_time"})
DAY_MS = 86_400_000

Evaluate = Callable[[tree.Node, Grid], Value]


@dataclass(frozen=True, slots=True)
class Past:
    """A project's samples are whole from ``whole_from`` on; points of each resolution reach back to ``kept_from``."""

    view: View
    whole_from: int
    kept_from: dict[int, int]
    spare_samples: bool

    @property
    def shards(self) -> Sequence[int]:
        return shards_of(self.view.project_id, self.view.moment.buckets)


def of(view: View, *, spare_samples: bool) -> Past | None:
    """What there is of a project's past; None where all its samples are still there.

    ``spare_samples``: the samples would be too many, so points answer as far as they reach.
    """
    state = keeping.recent_state(view.project_id)
    now = view.moment.closed_ms + OPEN_MS
    days = state.days
    whole_from = state.raw_from_ms
    if spare_samples:
        whole_from = coarsening.made_of(view.project_id, now, days)
    elif whole_from == keeping.BEGINNING:
        return None
    kept_from = {one: now - days.days_of(one) * DAY_MS for one in RESOLUTIONS if days.days_of(one)}
    return Past(view, whole_from, kept_from, spare_samples)


def with_given(
    node: tree.Node, grid: Grid, past: Past, evaluate: Evaluate, notes: Notes, lookback: int
) -> tree.Node:
    """The expression with the parts worked out that points answer."""
    work = _Work(grid, past, evaluate, notes, lookback)
    return work.changed(node)


@dataclass(frozen=True, slots=True)
class _Work:
    grid: Grid
    past: Past
    evaluate: Evaluate
    notes: Notes
    lookback: int

    def changed(self, node: tree.Node) -> tree.Node:
        match node:
            case tree.Subquery() | tree.Range():
                return node
            case tree.Selector():
                return self.given(node, node, self.lookback, "newest")
            case tree.Call(name=name) if name in APART:
                return node
            case tree.Call(name=name, args=(tree.Range(selector=selector, width=width),)):
                return self.given(node, selector, width, name)
            case _:
                return tree.mapped(node, self.changed)

    def given(self, node: tree.Node, selector: tree.Selector, width: int, name: str) -> tree.Node:
        """The node's value, or the node where samples answer it."""
        grid, past = self.grid, self.past
        begins = grid.times - selector.offset - width
        early = int(np.count_nonzero(begins < past.whole_from))
        if selector.at is not None or selector.edges or not early:
            return node
        fitting = [one for one in past.kept_from if name == "newest" or width % one == 0]
        found = past.view.known.find(selector.matchers, int(begins[0]), int(begins[early - 1]) + width)
        if not found:
            return node
        if not fitting or not _answerable(name, found):
            what = "a selector" if name == "newest" else f"{name}() over {duration(width)}"
            self.notes.inform(
                f"samples before {_said(past.whole_from)} are gone, and {what} can't do without"
            )
            return node
        old = self.old(name, found, selector, width, early, fitting)
        if old is None:
            return node
        if early < grid.steps:
            rest = self.evaluate(node, replace(grid, start=grid.start + early * grid.step))
            assert isinstance(rest, Vector)
            old = beside(old, rest)
        return tree.Given(old)

    def old(
        self,
        name: str,
        found: list[Known],
        selector: tree.Selector,
        width: int,
        early: int,
        fitting: list[int],
    ) -> Vector | None:
        """The first ``early`` steps, each from the finest points that reach back so far; None where samples
        are still there and some series (a native histogram) has no points.
        """
        moments = self.grid.times[:early] - selector.offset
        chosen = np.full(early, fitting[-1])
        for one in reversed(fitting):
            chosen[moments - width >= self.past.kept_from[one]] = one
        parts = []
        for one in fitting:
            if (chosen == one).any():
                part, complete = _answer(
                    name, found, self.past, one, moments[chosen == one], width, self.lookback
                )
                if self.past.spare_samples and not complete:
                    return None
                parts.append((one, part))
        for one, _ in parts:
            shift = (
                ""
                if (moments[chosen == one] % one == 0).all()
                else f", windows end up to {duration(one)} early"
            )
            since = _said(self.past.whole_from)
            self.notes.inform(f"what lies before {since} is answered from points of {duration(one)}{shift}")
        whole = parts[0][1]
        for _, part in parts[1:]:
            whole = beside(part, whole)
        labels = whole.labels if name in NAMED or name == "newest" else nameless(whole.labels)
        return whole.with_labels(labels)


def _answerable(name: str, found: Sequence[Known]) -> bool:
    derived = any(one.kind != SeriesKind.PUSHED for one in found)
    if derived:
        return name in SUMMED
    return name == "newest" or name in GROWTH or name.removesuffix("_over_time") in OVER_TIME


def _answer(
    name: str, found: list[Known], past: Past, resolution: int, moments: Ints, width: int, lookback: int
) -> tuple[Vector, bool]:
    """Series down, steps across, out of the points of one resolution; and whether all pushed series have some."""
    ends = moments // resolution * resolution
    reach = max(width, resolution) if name == "newest" else width
    first, last = int(ends[0]) - reach, int(ends[-1])
    pushed = [one for one in found if one.kind == SeriesKind.PUSHED]
    summed = [one for one in found if one.kind != SeriesKind.PUSHED]
    values, floats = np.zeros((len(found), len(ends))), np.zeros((len(found), len(ends)), dtype=bool)
    cells: list[Cells] = []
    points = coarsening.points_of(past.shards, [one.id for one in pushed], resolution, first, last)
    for row, one in enumerate(pushed):
        inside = coarse.windows(points.get(one.id, coarse.none()), ends, reach)
        values[row], floats[row] = _floats(name, inside, lookback)
    deltas = coarsening.deltas_of(past.shards, [one.id for one in summed], resolution, first, last)
    for row, one in enumerate(summed, start=len(pushed)):
        there = (one.first_ms - GRID_MS < ends) & (one.last_ms + FLAT_MS > ends - width)
        block, seconds = deltas.get(one.id, empty()), width / 1000 if name == "rate" else 1.0
        if one.kind == SeriesKind.DERIVED_COUNTER:
            values[row], floats[row] = _counted(block, ends, width) / seconds, there
        else:
            steps = np.flatnonzero(there)
            histograms = _observed(block, ends[steps], width).times(1 / seconds).as_gauge()
            cells.append(Cells(row * len(ends) + steps, histograms))
    answer = Vector([one.labels for one in (*pushed, *summed)], values, floats, joined(cells))
    return answer, len(points) == len(pushed)


def _floats(name: str, inside: coarse.Windows, lookback: int) -> tuple[Floats, Mask]:
    if name == "newest":
        return coarse.newest(inside, lookback)
    if name in GROWTH:
        return coarse.growth(inside, counter=name != "delta", per_second=name == "rate")
    return coarse.over_time(name.removesuffix("_over_time"), inside)


def _counted(block: Block, ends: Ints, width: int) -> Floats:
    """How much a derived counter grew in each window: the sum of what was counted, nothing is extrapolated."""
    times = block.tables["f"]["t"]
    sums = np.append(0.0, np.cumsum(block.tables["f"]["v"]))
    grown: Floats = (
        sums[np.searchsorted(times, ends, "right")] - sums[np.searchsorted(times, ends - width, "right")]
    )
    return grown


def _observed(block: Block, ends: Ints, width: int) -> HistogramBlock:
    """The observations of a derived histogram in each window."""
    heads, rows, nothing = block.tables["h"], block.tables["b"], empty().tables["b"]
    edges = np.unique(np.concatenate([ends, ends - width]))
    until, since = np.searchsorted(edges, ends), np.searchsorted(edges, ends - width)
    at = np.searchsorted(heads["t"], edges, side="right")

    def within(column: str) -> Floats:
        sums = np.append(0.0, np.cumsum(heads[column]))[at]
        inside: Floats = sums[until] - sums[since]
        return inside

    positive_index, positive = cumulative(rows, nothing, POSITIVE, edges)
    negative_index, negative = cumulative(rows, nothing, NEGATIVE, edges)
    return HistogramBlock(
        within("count"), within("sum"), within("zero"), positive[until] - positive[since],
        negative[until] - negative[since], positive_index, negative_index, DERIVED_SCHEMA, 2.0**-128,
    )  # fmt: skip


def beside(old: Vector, new: Vector) -> Vector:
    """The steps of ``new`` after those of ``old``, series by series."""
    place: dict[Labels, int] = {}
    for labels in (*old.labels, *new.labels):
        place.setdefault(labels, len(place))
    steps = old.steps + new.steps
    values, floats = np.zeros((len(place), steps)), np.zeros((len(place), steps), dtype=bool)
    cells = []
    for vector, shift in ((old, 0), (new, old.steps)):
        rows = np.array([place[labels] for labels in vector.labels], dtype=np.int64)
        part = slice(shift, shift + vector.steps)
        values[rows, part], floats[rows, part] = vector.values, vector.floats
        for group in vector.histograms:
            row, step = np.divmod(group.place, vector.steps)
            moved = rows[row] * steps + step + shift
            order = np.argsort(moved)
            cells.append(Cells(moved[order], group.block.take(order)))
    return Vector(list(place), values, floats, joined(cells))


def _said(moment_ms: int) -> str:
    return f"{clock.from_ms(moment_ms):%Y-%m-%d %H:%M}Z"
