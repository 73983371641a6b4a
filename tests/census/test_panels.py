"""Adding a panel kind is a file, a test, a golden figure and a line. This says which one is missing.

``REWRITE_GOLDEN=1 pytest tests/census/test_panels.py`` writes the golden figures anew.
"""

import json
import os
import re
from pathlib import Path

import pytest
from plotly.graph_objects import Figure

import dashboards.panels
from dashboards.panels import PANELS, base
from monitor.core.fields import Field
from tests.kits import panel as kit

FOLDER = Path(dashboards.panels.__file__).parent
TESTS = Path(__file__).parent.parent / "dashboards" / "panels"
COLOUR = re.compile(r"^(var\(--[a-z0-9-]+\)|rgba\(128,128,128,[0-9.]+\))$")
kinds = pytest.mark.parametrize("kind", list(PANELS))


def test_every_file_of_the_folder_is_in_the_list() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == set(PANELS)


@kinds
def test_a_panel_has_its_test_and_its_golden_figure(kind: str) -> None:
    assert (TESTS / f"test_{kind}.py").exists()
    assert (TESTS / "golden" / f"{kind}.json").exists()


@kinds
def test_a_panel_declares_fields_and_says_what_it_is(kind: str) -> None:
    assert all(isinstance(field, Field) for field in PANELS[kind].fields)
    assert PANELS[kind].__doc__ != base.Panel.__doc__
    assert PANELS[kind].__doc__


@kinds
def test_no_data_is_said_and_never_drawn(kind: str) -> None:
    with pytest.raises(base.NoDataError):
        PANELS[kind].figure([], kit.options())


@kinds
@pytest.mark.parametrize("rows", [1, 2, 10_000])
def test_plotly_accepts_the_figure(kind: str, rows: int) -> None:
    figure = PANELS[kind].figure(kit.frames(kind, rows), kit.options())
    Figure(figure)
    json.dumps(figure, allow_nan=False)


@kinds
def test_a_gap_stays_a_gap(kind: str) -> None:
    figure = PANELS[kind].figure(kit.frames(kind, 9, gap=True), kit.options())
    assert "NaN" not in json.dumps(figure, allow_nan=False)


@kinds
def test_title_and_unit_travel_with_the_figure(kind: str) -> None:
    figure = PANELS[kind].figure(kit.frames(kind, 3), kit.options())
    assert figure["layout"]["meta"] == {"title": "Time to first token", "unit": "seconds"}


@kinds
def test_colours_are_tokens_of_the_stylesheet(kind: str) -> None:
    figure = PANELS[kind].figure(kit.frames(kind, 3), kit.options())
    found = list(_colours(figure))
    assert all(COLOUR.match(colour) for colour in found), found


@kinds
def test_the_figure_is_the_golden_one(kind: str) -> None:
    figure = PANELS[kind].figure(kit.frames(kind, 5, gap=True), kit.options())
    text = json.dumps(figure, indent=1, sort_keys=True, allow_nan=False) + "\n"
    path = TESTS / "golden" / f"{kind}.json"
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _colours(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [
            value for name, value in part.items() if name in {"color", "fillcolor"} and isinstance(value, str)
        ]
        return own + [colour for value in part.values() for colour in _colours(value)]
    return [colour for item in part for colour in _colours(item)] if isinstance(part, list) else []
