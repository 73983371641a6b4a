"""Where panels stand: rows become sections, repeated panels and rows become as many as there are values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.boards.document import COLUMNS, Board, Panel
from dashboards.boards.fill import Value

MOST_REPEATS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """A panel at its place. ``key`` names it on the page; ``own`` are the values that only it sees."""

    key: str
    panel: Panel
    x: int
    y: int
    w: int
    h: int
    own: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """A row and the panels below it; ``row`` is None for what stands before the first row."""

    key: str
    row: Panel | None
    cells: Sequence[Cell]
    own: Mapping[str, Value] = field(default_factory=dict)

    @property
    def folded(self) -> bool:
        return self.row is not None and self.row.collapsed


def sections(board: Board, values: Mapping[str, Value]) -> list[Section]:
    found: list[Section] = []
    for row, panels in _groups(board.panels):
        if row is None or not row.repeat:
            found.append(_section(row, panels, values, {}, ""))
            continue
        for place, own in enumerate(_each(row.repeat, values)):
            found.append(_section(row, panels, {**values, **own}, own, f"-{place}" if place else ""))
    return [one for one in found if one.row is not None or one.cells]


def _groups(panels: Sequence[Panel]) -> Iterator[tuple[Panel | None, list[Panel]]]:
    row: Panel | None = None
    inside: list[Panel] = []
    for panel in panels:
        if panel.kind == "row":
            yield row, inside
            row, inside = panel, []
        else:
            inside.append(panel)
    yield row, inside


def _section(
    row: Panel | None,
    panels: Sequence[Panel],
    values: Mapping[str, Value],
    own: Mapping[str, Value],
    mark: str,
) -> Section:
    top = min((panel.y for panel in panels), default=0)
    cells: list[Cell] = []
    pushed = 0
    for panel in sorted(panels, key=lambda one: (one.y, one.x)):
        y = panel.y - top + pushed
        if not panel.repeat:
            cells.append(Cell(f"{panel.id}{mark}", panel, panel.x, y, panel.w, panel.h, own))
            continue
        copies = list(_each(panel.repeat, values))
        for place, mine in enumerate(copies):
            x, down, w = _place(panel, place, len(copies))
            key = f"{panel.id}{mark}" + (f"_{place}" if place else "")
            cells.append(Cell(key, panel, x, y + down, w, panel.h, {**own, **mine}))
        pushed += _place(panel, max(len(copies) - 1, 0), len(copies))[1]
    return Section(f"{row.id if row else 0}{mark}", row, cells, own)


def _place(panel: Panel, place: int, count: int) -> tuple[int, int, int]:
    """(x, lines further down, width) of one copy."""
    if panel.downwards:
        return panel.x, place * panel.h, panel.w
    beside = min(count, int(panel.options.get("most_across", 4)) or 4)
    width = COLUMNS // max(beside, 1)
    return (place % beside) * width, (place // beside) * panel.h, width


def _each(name: str, values: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    value = values.get(name)
    if value is None or not value.values:
        yield {}
        return
    for one in value.values[:MOST_REPEATS]:
        yield {name: Value((one,), (one,))}
