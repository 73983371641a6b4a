"""Boards in a real browser: drawn at once, refreshed in place, arranged, edited, brought in."""

import json
from typing import Any

import pytest
from django.core.cache import cache

from dashboards.boards import shelf
from dashboards.boards.document import Board, Panel, Query
from dashboards.boards.shelf import Author
from tests.fixtures.fix_browser import Viewer
from tests.fixtures.fix_cast import NOON, Cast

pytestmark = pytest.mark.browser
RATE = "sum by (version) (rate(llm_requests_total[5m]))"


@pytest.fixture
def mine(cast: Cast, world: object) -> str:
    cache.clear()
    panels = [
        Panel(1, "stat", "Calls", w=6, h=4, queries=[Query("sum(llm_requests_total)", instant=True)]),
        Panel(2, "timeseries", "Rate", x=6, w=12, h=8, queries=[Query(RATE, legend="{{version}}")]),
        Panel(3, "row", "More", y=8, collapsed=True),
        Panel(4, "table", "Cards", y=9, queries=[Query("gpu_power_watts", shape="table", instant=True)]),
    ]
    return shelf.make(cast.project.id, Board("Mine", panels=panels), Author("ada", NOON), uid="mine")


def saved(cast: Cast) -> Board:
    found = shelf.get(cast.project.id, "shop", "mine")
    assert found is not None
    return found.board


def test_numbers_can_be_read_before_plotly_is_there(viewer: Viewer, mine: str) -> None:
    viewer.page.route("**/plotly.min.js", lambda route: route.abort())
    viewer.page.goto(f"{viewer.url}/p/shop/dashboards/mine/?{viewer.span}")
    assert viewer.page.inner_text("#panel-1 .stat b") == "160"
    assert "/s" not in viewer.page.inner_text("#panel-2 .lines")
    assert viewer.page.locator("#panel-2 .lines li").count() == 2


def test_a_board_opens_quietly_at_a_desk_and_in_a_pocket(viewer: Viewer, mine: str) -> None:
    for width, height in ((1440, 900), (390, 844)):
        viewer.page.set_viewport_size({"width": width, "height": height})
        assert viewer.open("dashboards/mine") == 200
        viewer.page.wait_for_selector("#panel-2 .js-plotly-plot")
        assert viewer.overflow() == 0
        assert viewer.moved() == []
    assert viewer.barriers() == []
    assert viewer.trouble == []


@pytest.mark.parametrize("path", ["settings", "panel/2"])
def test_the_forms_of_a_board_keep_nobody_out(viewer: Viewer, mine: str, path: str) -> None:
    viewer.open(f"dashboards/mine/{path}")
    assert viewer.barriers() == []
    assert viewer.overflow() == 0


def test_a_variable_is_added_with_a_form(viewer: Viewer, cast: Cast, mine: str) -> None:
    viewer.open("dashboards/mine/settings")
    viewer.page.fill("[name=va_0_name]", "version")
    viewer.page.fill("[name=va_0_query]", "label_values(llm_requests_total, version)")
    viewer.page.check("[name=va_0_many]")
    with viewer.page.expect_navigation():
        viewer.page.click("button[value=settings]")
    assert [(one.name, one.kind, one.many) for one in saved(cast).variables] == [("version", "query", True)]
    assert viewer.page.locator("#menu-version").count() == 1


def test_a_folded_row_asks_when_it_is_opened(viewer: Viewer, mine: str) -> None:
    viewer.open("dashboards/mine")
    viewer.page.click(".fold")
    viewer.page.wait_for_selector("#panel-4 td")


def test_a_refresh_brings_what_changed_and_leaves_the_rest_alone(viewer: Viewer, mine: str) -> None:
    viewer.open("dashboards/mine")
    viewer.page.evaluate("document.querySelector('#panel-1').dataset.digest = 'old'")
    viewer.page.evaluate("document.querySelector('#panel-1 .words').innerHTML = ''")
    viewer.page.evaluate("document.querySelector('#panel-2 .lines').dataset.mark = 'same'")
    viewer.page.keyboard.press("r")
    viewer.page.wait_for_selector("#panel-1 .stat")
    assert viewer.page.locator("#panel-2 .lines[data-mark=same]").count() == 1


def test_a_hidden_tab_asks_nothing(viewer: Viewer, mine: str) -> None:
    viewer.open("dashboards/mine")
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url))
    viewer.page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
    viewer.page.keyboard.press("r")
    viewer.page.evaluate("new Promise(requestAnimationFrame)")
    assert asked == []


def test_a_line_of_the_legend_is_shown_alone(viewer: Viewer, mine: str) -> None:
    viewer.open("dashboards/mine")
    viewer.page.wait_for_selector("#panel-2 .js-plotly-plot")
    viewer.page.click("#panel-2 [data-line='1']")
    viewer.until("document.querySelector('#panel-2 .plot').data[0].visible === false")


def test_a_panel_is_dragged_resized_and_kept(viewer: Viewer, cast: Cast, mine: str) -> None:
    viewer.open("dashboards/mine", edit="1")
    head = viewer.page.locator("#panel-1 > header").bounding_box()
    viewer.page.mouse.move(head["x"] + 60, head["y"] + 10)
    viewer.page.mouse.down()
    viewer.page.mouse.move(head["x"] + 60 + 940, head["y"] + 10, steps=6)
    viewer.page.mouse.up()
    viewer.page.focus("#panel-1 .size")
    viewer.page.keyboard.press("ArrowDown")
    with viewer.page.expect_navigation():
        viewer.page.click("[data-places]")
    panel = saved(cast).panel(1)
    assert panel is not None
    assert (panel.x, panel.h) == (18, 5)


def test_a_panel_is_duplicated_with_a_click(viewer: Viewer, cast: Cast, mine: str) -> None:
    viewer.open("dashboards/mine", edit="1")
    with viewer.page.expect_navigation():
        viewer.page.click("#panel-1 [data-act=duplicate]")
    assert len(saved(cast).panels) == 5


def test_an_expression_is_completed_tried_and_saved(viewer: Viewer, cast: Cast, mine: str) -> None:
    viewer.open("dashboards/mine/panel/1")
    area = viewer.page.locator("[name=expr_0]")
    area.fill("")
    area.press_sequentially("histogram_quan")
    viewer.page.wait_for_selector(".complete li:has-text('quantile')")
    area.fill("")
    area.press_sequentially('sum(llm_requests_total{version="')
    viewer.page.wait_for_selector(".complete li:has-text('v2')")
    area.fill('sum(llm_requests_total{version="v2"})')
    with viewer.page.expect_navigation():
        area.press("Control+Enter")
    assert viewer.page.inner_text(".stat b") == "40"
    with viewer.page.expect_navigation():
        viewer.page.click("button[value=panel]")
    assert saved(cast).panels[0].queries[0].expr == 'sum(llm_requests_total{version="v2"})'


def test_a_board_is_brought_in_by_its_file(viewer: Viewer, cast: Cast, world: object, tmp_path: Any) -> None:
    target = {"refId": "A", "expr": "sum(llm_requests_total)", "instant": True}
    file = tmp_path / "board.json"
    file.write_text(
        json.dumps(
            {
                "title": "Out",
                "schemaVersion": 39,
                "panels": [{"id": 1, "type": "stat", "title": "N", "targets": [target]}],
            }
        )
    )
    viewer.open("dashboards/import")
    viewer.page.set_input_files("input[type=file]", str(file))
    viewer.until("document.getElementById('board-text').value.length > 10")
    with viewer.page.expect_navigation():
        viewer.page.click("button[value=import]")
    assert viewer.page.locator("a:has-text('Open the board')").count() == 1
    viewer.open("dashboards/out")
    viewer.page.wait_for_selector(".stat b")
    assert viewer.trouble == []
