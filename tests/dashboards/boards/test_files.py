"""Boards of files: shipped ones speak every language, mounted ones are read, broken ones say what is wrong."""

import json
from pathlib import Path

from django.utils import translation
from pytest_django import Settings

from dashboards.boards import files


def test_a_shipped_board_speaks_the_readers_language() -> None:
    with translation.override("zh-hans"):
        chinese = next(one.board for one in files.of("shop") if one.uid == "llm-service")
    with translation.override("en"):
        english = next(one.board for one in files.of("shop") if one.uid == "llm-service")
    assert chinese is not None
    assert english is not None
    assert (chinese.title, english.title) == ("LLM 服务", "LLM service")
    assert [panel.queries for panel in chinese.panels] == [panel.queries for panel in english.panels]


def test_mounted_boards_are_their_projects_and_broken_ones_say_why(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "mine.json").write_text(json.dumps({"title": "Mine", "panels": []}))
    (tmp_path / "torn.json").write_text("{")
    settings.VIGIL_BOARD_FILES = [("shop", str(tmp_path))]
    mine, torn = (one for one in files.of("shop") if one.source)
    assert mine.board is not None
    assert (mine.uid, mine.board.title) == ("mine", "Mine")
    assert (torn.board, torn.problem[:10]) == (None, "torn.json:")
    assert [one for one in files.of("other") if one.source] == []
