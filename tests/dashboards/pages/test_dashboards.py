"""Boards as pages: looked at, refreshed, edited, brought in, and who may do so."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from dashboards.boards import document, kinds, shelf
from dashboards.boards.document import Board, Panel, Query, Variable
from dashboards.boards.grafana import importing
from dashboards.boards.shelf import Author
from tests.fixtures.fix_cast import NOON, Cast
from tests.fixtures.fix_world import Look


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


@pytest.fixture
def made(cast: Cast) -> str:
    panels = [
        Panel(1, "stat", "Calls", queries=[Query("sum(llm_requests_total)", instant=True)]),
        Panel(2, "timeseries", "By $v", y=8, queries=[Query('sum by (version) (rate(llm_requests_total{version=~"$v"}[5m]))', legend="{{version}}")]),
        Panel(3, "row", "More", y=16, collapsed=True),
        Panel(4, "table", "T", y=17, queries=[Query("gpu_power_watts", shape="table", instant=True)]),
        Panel(5, "timeseries", "Broken", y=25, queries=[Query("sum(")]),
    ]  # fmt: skip
    board = Board(
        "Mine",
        variables=[Variable("v", query="label_values(llm_requests_total, version)", many=True, all=True)],
        panels=panels,
    )
    return shelf.make(cast.project.id, board, Author("ada", NOON), uid="mine")


def send(client: Client, cast: Cast, path: str, who: Any = None, **form: str) -> Any:
    client.force_login(who or cast.ada)
    return client.post(f"/p/shop/dashboards/{path}", form)


def data(look: Look, parts: str, **more: Any) -> Any:
    return look("dashboards/mine/data", headers={"x-vigil-parts": parts}, **more)


def test_numbers_stand_in_the_first_answer(look: Look, world: object, made: str) -> None:
    page = look("dashboards/mine").content.decode()
    assert "<b>160</b>" in page
    assert "By All" in page


def test_a_window_that_holds_one_sample_is_widened_and_says_so(look: Look, world: object, cast: Cast) -> None:
    asked = ("delta(gpu_power_watts[$__interval])", "sum(gpu_power_watts)")
    panels = [Panel(place, "timeseries", "P", queries=[Query(expr)]) for place, expr in enumerate(asked, 1)]
    shelf.make(cast.project.id, Board("Sparse", panels=panels), Author("ada", NOON), uid="mine")
    found = json.loads(data(look, "1=,2=").content)["panels"]
    assert [bool(found[key]["figure"]) for key in "12"] == [True, True]
    assert ("sparse" in found["1"]["note"], found["2"]["note"]) == (True, "")
    assert found["2"]["figure"]["data"][0]["name"] == "sum(gpu_power_watts)"


def test_a_failing_query_spoils_its_panel_and_no_other(look: Look, world: object, made: str) -> None:
    found = json.loads(data(look, "1=,5=").content)["panels"]
    assert (found["1"]["state"], found["5"]["state"]) == ("", "bad")


def test_a_figure_that_can_not_travel_spoils_its_panel(
    look: Look, world: object, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "of", lambda _kind: lambda _drawing: kinds.Drawn(figure={"x": object()}))
    found = json.loads(data(look, "2=").content)["panels"]
    assert (found["2"]["state"], "could not be drawn" in found["2"]["html"]) == ("bad", True)


def test_a_refresh_without_news_is_304(look: Look, world: object, made: str) -> None:
    first = json.loads(data(look, "1=,2=").content)["panels"]
    parts = ",".join(f"{key}={one['digest']}" for key, one in first.items())
    assert data(look, parts).status_code == 304


def test_only_what_changed_travels(look: Look, world: object, made: str) -> None:
    first = json.loads(data(look, "1=,2=").content)["panels"]
    assert list(json.loads(data(look, f"1={first['1']['digest']},2=old").content)["panels"]) == ["2"]


def test_a_variable_of_the_address_is_put_in(look: Look, world: object, made: str) -> None:
    figure = json.loads(data(look, "2=", **{"var-v": "v2"}).content)["panels"]["2"]["figure"]
    assert [line["name"] for line in figure["data"]] == ["v2"]


def test_a_stranger_sees_no_board_and_a_viewer_edits_none(
    look: Look, client: Client, cast: Cast, made: str
) -> None:
    assert look("dashboards/mine", cast.cy).status_code == 404
    assert look("dashboards/mine", cast.ben).status_code == 200
    assert send(client, cast, "mine/", cast.ben, do="remove", panel="1").status_code == 403


def test_a_board_may_be_kept_from_viewers(look: Look, cast: Cast, made: str) -> None:
    shelf.allow(cast.project.id, "mine", "editor", "admin")
    assert look("dashboards/mine", cast.ben).status_code == 404
    assert "Mine" not in look("dashboards", cast.ben).content.decode()


def test_a_copy_of_a_board_that_viewers_may_not_see_is_kept_from_them(
    look: Look, client: Client, cast: Cast, made: str
) -> None:
    shelf.allow(cast.project.id, "mine", "editor", "admin")
    place = send(client, cast, "mine/", do="copy").headers["Location"].split("/")[-2]
    assert [look(f"dashboards/{place}", who).status_code for who in (cast.ada, cast.ben)] == [200, 404]


def test_moved_panels_are_a_version_and_come_back(look: Look, client: Client, cast: Cast, made: str) -> None:
    places = json.dumps([{"id": 1, "x": 12, "y": 3, "w": 6, "h": 4, "row": 0}])
    send(client, cast, "mine/", do="layout", places=places)
    assert shelf.get(cast.project.id, "shop", "mine").board.panel(1).x == 12  # type: ignore[union-attr]
    send(client, cast, "mine/", do="restore", version="1")
    assert shelf.get(cast.project.id, "shop", "mine").board.panel(1).x == 0  # type: ignore[union-attr]
    assert [one.number for one in shelf.versions(cast.project.id, "mine")] == [3, 2, 1]


def test_a_panel_is_duplicated_and_removed(client: Client, cast: Cast, made: str) -> None:
    send(client, cast, "mine/", do="duplicate", panel="1")
    send(client, cast, "mine/", do="remove", panel="1")
    titles = [one.title for one in shelf.get(cast.project.id, "shop", "mine").board.panels]  # type: ignore[union-attr]
    assert titles.count("Calls") == 1


def test_a_panel_is_tried_without_being_saved(client: Client, cast: Cast, world: object, made: str) -> None:
    page = send(
        client,
        cast,
        "mine/panel/1/",
        do="try",
        title="Other",
        kind="stat",
        kind_before="stat",
        expr_0="vector(42)",
    )
    assert "<b>42</b>" in page.content.decode()
    assert shelf.get(cast.project.id, "shop", "mine").board.panel(1).title == "Calls"  # type: ignore[union-attr]


def test_a_mistake_in_a_panel_is_told_and_not_saved(client: Client, cast: Cast, made: str) -> None:
    page = send(
        client, cast, "mine/panel/1/", do="panel", title="x", kind="stat", expr_0="sum(", thresholds="80 pink"
    )
    assert "80 pink" in page.content.decode()
    assert len(shelf.versions(cast.project.id, "mine")) == 1


def test_two_editors_do_not_overwrite_each_other(client: Client, cast: Cast, made: str) -> None:
    send(client, cast, "mine/panel/1/", do="panel", title="first", kind="stat", expr_0="up", seen="1")
    page = send(client, cast, "mine/panel/1/", do="panel", title="second", kind="stat", expr_0="up", seen="1")
    assert "meanwhile" in page.content.decode()


def test_a_panel_goes_below_another_row(client: Client, cast: Cast, made: str) -> None:
    form = {"title": "Calls", "kind": "stat", "expr_0": "up", "seen": "1", "under": "3"}
    send(client, cast, "mine/panel/1/", do="panel", **form)
    board = shelf.get(cast.project.id, "shop", "mine").board  # type: ignore[union-attr]
    assert [one.id for one in board.panels] == [2, 3, 4, 5, 1]


def settings(client: Client, cast: Cast, **form: str) -> str:
    """The settings form as a browser sends it, drawn from version 1."""
    board = shelf.version(cast.project.id, "mine", 1)
    assert board is not None
    known = {"seen": "1", "do": "settings", "title": "Mine", "document": document.text(board)}
    answer = send(client, cast, "mine/settings/", **known | form)
    return str(answer.content.decode())


def test_settings_undo_nothing_that_somebody_else_changed(client: Client, cast: Cast, made: str) -> None:
    send(client, cast, "mine/panel/1/", do="panel", title="Other", kind="stat", expr_0="up", seen="1")
    settings(client, cast, title="Ours")
    board = shelf.get(cast.project.id, "shop", "mine").board  # type: ignore[union-attr]
    assert (board.title, board.panels[0].title) == ("Ours", "Other")


def test_a_document_typed_over_somebody_elses_change_is_refused(
    client: Client, cast: Cast, made: str
) -> None:
    send(client, cast, "mine/", do="remove", panel="1")
    assert "meanwhile" in settings(client, cast, document='{"title": "All mine", "panels": []}')
    assert len(shelf.get(cast.project.id, "shop", "mine").board.panels) == 4  # type: ignore[union-attr]


def test_what_was_arranged_goes_along_with_what_is_done_next(client: Client, cast: Cast, made: str) -> None:
    places = json.dumps([{"id": 1, "x": 12, "y": 3, "w": 6, "h": 4, "row": 0}])
    send(client, cast, "mine/", do="remove", panel="2", places=places)
    assert shelf.get(cast.project.id, "shop", "mine").board.panel(1).x == 12  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "form",
    [{"do": "layout", "places": "{"}, {"do": "restore", "version": "x"}, {"do": "settings", "seen": "²"}],
)
def test_a_form_that_no_page_sends_is_refused(
    client: Client, cast: Cast, made: str, form: dict[str, str]
) -> None:
    path = "mine/settings/" if form["do"] == "settings" else "mine/"
    assert send(client, cast, path, **form).status_code < 500


def test_a_link_as_grafana_writes_it_leads_to_the_board(client: Client, cast: Cast, made: str) -> None:
    client.force_login(cast.ada)
    client.get("/p/shop/dashboards/")
    answer = client.get("/d/mine/some-name?from=now-6h")
    assert answer["location"] == "/p/shop/dashboards/mine/?from=now-6h"


def test_the_boards_of_a_tag_are_a_link_away(client: Client, cast: Cast) -> None:
    links = [
        {"type": "dashboards", "title": "More", "tags": ["gpu"]},
        {"type": "link", "title": "X", "url": "/d/x"},
    ]
    taken = importing.take({"title": "G", "panels": [], "links": links})
    assert [(one.title, one.url) for one in taken.board.links] == [
        ("More", "/dashboards?tag=gpu"),
        ("X", "/d/x"),
    ]
    client.force_login(cast.ada)
    assert client.get("/dashboards?tag=gpu")["location"].endswith("/dashboards/?tag=gpu")


def test_a_question_is_completed_with_names_and_help(look: Look, world: object) -> None:
    found = json.loads(look("dashboards/words").content)
    assert "llm_requests_total" in found["series"]
    assert found["functions"]["rate"].startswith("rate(")
    assert "``" not in "".join(found["functions"].values())


def test_a_board_of_grafanas_is_brought_in_with_its_report(client: Client, cast: Cast) -> None:
    text = json.dumps(
        {
            "title": "From outside",
            "uid": "out",
            "panels": [{"id": 1, "type": "nodeGraph", "title": "Map"}],
            "schemaVersion": 39,
        }
    )
    page = send(client, cast, "import/", do="import", text=text).content.decode()
    assert "nodeGraph" in page
    assert shelf.get(cast.project.id, "shop", "out") is not None


def test_nonsense_is_refused_with_the_reason(client: Client, cast: Cast) -> None:
    assert "not JSON" in send(client, cast, "import/", do="import", text="{").content.decode()


def test_a_board_goes_out_and_comes_back(look: Look, client: Client, cast: Cast, made: str) -> None:
    for form in ("", "grafana"):
        text = look("dashboards/mine/export", form=form).content.decode()
        assert "taken" in send(client, cast, "import/", do="import", text=text).content.decode()


@pytest.mark.parametrize("path", ["settings", "history", "panel/2", "panel/3"])
def test_the_pages_of_a_board_open(look: Look, world: object, made: str, path: str) -> None:
    assert look(f"dashboards/mine/{path}").status_code == 200


def test_boards_of_files_are_read_only_and_can_be_copied(look: Look, client: Client, cast: Cast) -> None:
    uid = next(one.uid for one in shelf.entries(cast.project.id, "shop") if one.origin == "file")
    assert send(client, cast, f"{uid}/", do="remove", panel="1").status_code == 404
    assert send(client, cast, f"{uid}/", do="copy").url.endswith(f"/{uid}-copy/")


def test_every_shipped_board_is_read_and_draws_something(look: Look, world: object) -> None:
    for one in shelf.entries(1, "shop"):
        if one.origin == "file":
            assert not one.problem
            assert look(f"dashboards/{one.uid}").status_code == 200
