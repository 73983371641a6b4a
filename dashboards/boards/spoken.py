"""What people read on a board, as one list of texts, and the board with each of them put otherwise."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from dashboards.boards.document import Board, Panel, Transformation

Say = Callable[[str], str]
# what is filled in for each line, and quantiles, say the same in every language
SAME = re.compile(r".*\{\{.*|.*\$.*|p\d+|__auto", re.DOTALL)


def words(board: Board) -> list[str]:
    """Every text of the board that has a language, each once."""
    found: dict[str, None] = {}

    def heard(text: str) -> str:
        found[text] = None
        return text

    put(board, heard)
    return list(found)


def put(board: Board, say: Say) -> Board:
    """The same board, its texts as ``say`` puts them."""

    def said(text: str) -> str:
        return say(text) if text else ""

    return replace(
        board,
        title=said(board.title),
        about=said(board.about),
        panels=[_panel(one, said) for one in board.panels],
        variables=[replace(one, label=said(one.label)) for one in board.variables],
    )


def _panel(panel: Panel, said: Say) -> Panel:
    options = panel.options
    if panel.kind == "text" and isinstance(options.get("content"), str):
        options = options | {"content": said(options["content"])}
    return replace(
        panel,
        title=said(panel.title),
        about=said(panel.about),
        queries=[replace(one, legend=_legend(one.legend, said)) for one in panel.queries],
        wordings=[replace(one, text=said(one.text)) for one in panel.wordings],
        transformations=[_step(one, said) for one in panel.transformations],
        options=options,
    )


def _legend(legend: str, said: Say) -> str:
    return legend if SAME.fullmatch(legend) else said(legend)


def _step(step: Transformation, said: Say) -> Transformation:
    """New names of columns are read, too."""
    names = step.options.get("renameByName")
    if not isinstance(names, dict):
        return step
    renamed = {old: said(new) if isinstance(new, str) else new for old, new in names.items()}
    return replace(step, options=step.options | {"renameByName": renamed})
