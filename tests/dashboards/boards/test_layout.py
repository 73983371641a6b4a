"""Where panels stand: repeated, pushed down, never over each other."""

from typing import Any

from dashboards.boards import layout
from dashboards.boards.document import Board, Panel
from dashboards.boards.fill import Value

ALL = {"v": Value(("a", "b", "c"), ("All",), ("A", "B", "C"), many=True, everything=True)}


def places(*panels: Panel, **more: Any) -> list[tuple[str, int, int, int]]:
    found = layout.sections(Board("B", panels=list(panels)), ALL, **more)
    return [(cell.key, cell.x, cell.y, cell.w) for section in found for cell in section.cells]


def test_copies_stand_beside_each_other_and_push_down_what_is_below() -> None:
    repeated, below = (
        Panel(1, "stat", w=6, h=4, repeat="v", options={"most_across": 2}),
        Panel(2, "stat", y=4),
    )
    assert places(repeated, below) == [
        ("1", 0, 0, 12),
        ("1_1", 12, 0, 12),
        ("1_2", 0, 4, 12),
        ("2", 0, 8, 12),
    ]


def test_copies_do_not_cover_what_stood_beside_their_panel() -> None:
    beside, repeated = Panel(1, "stat", w=12, h=4), Panel(2, "stat", x=12, w=12, h=4, repeat="v")
    assert [y for _key, _x, y, _w in places(beside, repeated)] == [0, 4, 4, 4]


def test_copies_below_each_other_leave_their_neighbours_and_push_what_is_below_once() -> None:
    left, right = (
        Panel(place, "stat", x=12 * place - 12, h=2, repeat="v", downwards=True) for place in (1, 2)
    )
    found = places(left, right, Panel(3, "stat", y=2, h=2))
    assert [y for _key, _x, y, _w in found] == [0, 2, 4, 0, 2, 4, 6]


def test_panels_that_a_file_puts_over_each_other_stand_below_each_other() -> None:
    assert [y for _key, _x, y, _w in places(Panel(1, "stat", h=3), Panel(2, "stat", h=3))] == [0, 3]


def test_a_copy_is_called_by_the_text_of_its_value() -> None:
    (section,) = layout.sections(Board("B", panels=[Panel(1, "stat", repeat="v")]), ALL)
    assert [cell.own["v"] for cell in section.cells][1] == Value(("b",), ("B",))


def test_while_a_board_is_arranged_a_repeated_panel_stands_once_at_its_own_place() -> None:
    repeated, below = Panel(1, "stat", x=6, w=6, h=4, repeat="v", downwards=True), Panel(2, "stat", y=4)
    assert places(repeated, below, once=True) == [("1", 6, 0, 6), ("2", 0, 4, 12)]
