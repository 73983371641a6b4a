"""Changes to a board, and what differs between two versions of it."""

from dashboards.boards import editing
from dashboards.boards.document import Board, Panel, Query, Variable


def test_everything_that_differs_between_two_versions_is_named() -> None:
    old = Board("One", panels=[Panel(1, "stat", "Calls", queries=[Query("a")]), Panel(2, "text")])
    new = Board(
        "Two", variables=[Variable("v")], panels=[Panel(1, "stat", "Calls", x=6, queries=[Query("b")])]
    )
    assert [what for what, _before, _after in editing.changes(old, new)] == [
        "title", "variables", "Calls · queries", "Calls · column", "text (2)",
    ]  # fmt: skip


def test_a_panel_put_below_another_row_stands_last_there() -> None:
    panels = [Panel(1, "stat"), Panel(2, "row", y=8), Panel(3, "stat", y=9), Panel(4, "row", y=20)]
    board = Board("x", panels=panels)
    editing.under(board, 1, 2)
    assert [(one.id, one.y) for one in board.panels] == [(2, 8), (3, 9), (1, 17), (4, 20)]
    assert editing.row_of(board, 1) == 2


def test_a_panel_does_not_move_below_what_is_no_row() -> None:
    board = Board("x", panels=[Panel(1, "stat"), Panel(2, "stat", y=8)])
    editing.under(board, 1, 2)
    assert [one.id for one in board.panels] == [1, 2]
