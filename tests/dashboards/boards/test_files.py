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
    asked = [[[one.expr for one in panel.queries] for panel in board.panels] for board in (chinese, english)]
    assert asked[0] == asked[1]


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


def test_a_copy_of_a_shipped_board_speaks_the_language_of_whoever_reads_it() -> None:
    with translation.override("en"):
        copied = next(one.board for one in files.of("shop") if one.uid == "canary")
        assert copied is not None
        copied.shipped = "canary"
        kept = files.written_down(copied)
    with translation.override("zh-hans"):
        read = files.read_aloud(kept)
        shares = next(panel for panel in read.panels if panel.title == "失败调用占比")
        shares.title = "自己的标题"
        again = files.written_down(read)
    assert read.panels[0].queries[0].legend == "延迟 p50"
    assert [one.title for one in again.panels if one.title not in {panel.title for panel in kept.panels}] == [
        "自己的标题"
    ]
