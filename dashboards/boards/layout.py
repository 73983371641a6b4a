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


def sections(board: Board, values: Mapping[str, Value], *, once: bool = False) -> list[Section]:
    """``once``: what is repeated stands there once, at its own place, as while a board is arranged."""
    found: list[Section] = []
    most = 1 if once else MOST_REPEATS
    for row, panels in _groups(board.panels):
        if row is None or not row.repeat:
            found.append(_section(row, panels, values, {}, "", most))
            continue
        for place, own in enumerate(_each(row.repeat, values)[:most]):
            found.append(_section(row, panels, {**values, **own}, own, f"-{place}" if place else "", most))
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
    most: int,
) -> Section:
    top = min((panel.y for panel in panels), default=0)
    cells: list[Cell] = []
    # how far down each column is taken: nothing covers anything else, wherever a file says it stands
    taken = [0] * COLUMNS
    # where panels end by themselves, and how much lower they end now: as much lower begins what stood below them
    lower: list[tuple[int, int]] = []
    for panel in sorted(panels, key=lambda one: (one.y, one.x)):
        copies = _each(panel.repeat, values)[:most] if panel.repeat else [{}]
        places = [_place(panel, place, len(copies)) for place in range(len(copies))]
        if most == 1 or copies == [{}]:
            places = [(panel.x, 0, panel.w)]
        columns = {column for x, _down, w in places for column in range(x, x + w)}
        own_y = panel.y - top
        pushed = max((more for end, more in lower if end <= own_y), default=0)
        y = max(own_y + pushed, *(taken[column] for column in columns))
        for place, (mine, (x, down, w)) in enumerate(zip(copies, places, strict=True)):
            key = f"{panel.id}{mark}" + (f"_{place}" if place else "")
            cells.append(Cell(key, panel, x, y + down, w, panel.h, {**own, **mine}))
        end = y + places[-1][1] + panel.h
        lower.append((own_y + panel.h, end - own_y - panel.h))
        for column in columns:
            taken[column] = end
    return Section(f"{row.id if row else 0}{mark}", row, cells, own)


def _place(panel: Panel, place: int, count: int) -> tuple[int, int, int]:
    """(x, lines further down, width) of one copy."""
    if panel.downwards:
        return panel.x, place * panel.h, panel.w
    beside = max(1, min(count, int(panel.options.get("most_across", 4)) or 4, COLUMNS))
    width = COLUMNS // beside
    return (place % beside) * width, (place // beside) * panel.h, width


def _each(name: str, values: Mapping[str, Value]) -> list[dict[str, Value]]:
    """What each copy sees; one that sees nothing of its own where the variable has no values."""
    value = values.get(name)
    return [{name: one} for one in value.each[:MOST_REPEATS]] if value and value.values else [{}]
