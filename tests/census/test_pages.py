"""Adding a page is a file, a template, a test and a line. This says which one is missing."""

from pathlib import Path

import pytest

import dashboards.pages
from dashboards.pages import PAGES
from tests.fixtures.fix_world import Look

ROOT = Path(__file__).parents[2]
names = pytest.mark.parametrize("name", list(PAGES))


def test_every_file_of_the_folder_is_in_the_list() -> None:
    files = {path.stem for path in Path(dashboards.pages.__file__).parent.glob("*.py")} - {"__init__", "base"}
    assert files == set(PAGES)


@names
def test_a_page_has_its_templates_and_its_test(name: str) -> None:
    assert all((ROOT / "templates" / template).exists() for _, _, template in PAGES[name].paths)
    assert (ROOT / "tests" / "dashboards" / "pages" / f"test_{name}.py").exists()


@names
def test_a_page_is_called_as_in_the_list_and_asks_a_question(name: str) -> None:
    assert PAGES[name].name == name
    assert str(PAGES[name].question)


def test_no_two_pages_share_a_key() -> None:
    keys = [PAGES[name].key for name in PAGES]
    assert len(set(keys)) == len(keys)


@names
def test_a_page_of_an_empty_project_says_what_to_do(look: Look, name: str) -> None:
    answer = look(name)
    assert answer.status_code == 200
    assert any(mark in answer.content.decode() for mark in ("empty", "notice", "placeholder"))


@names
def test_a_page_of_a_busy_project_opens(look: Look, world: object, name: str) -> None:
    assert look(name).status_code == 200
