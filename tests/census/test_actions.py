"""Adding a rollout action is a file, a test and a line. This says which one is missing."""

from pathlib import Path

import pytest

from monitor.canary import actions
from monitor.canary.actions import ACTIONS, base
from monitor.core.fields import Field

FOLDER = Path(actions.__file__).parent
TESTS = Path(__file__).parent.parent / "canary" / "actions"
PAGE = Path(__file__).parents[2] / "templates" / "docs" / "releases.md"


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_keeps_the_contract(name: str) -> None:
    found = ACTIONS[name]
    assert all(isinstance(field, Field) for field in found.fields)
    assert any(field.required for field in found.fields)
    assert callable(found.act)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_says_what_it_does(name: str) -> None:
    assert ACTIONS[name].__doc__
    assert ACTIONS[name].__doc__ != base.RolloutAction.__doc__


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_its_own_test(name: str) -> None:
    assert (TESTS / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_its_row_in_the_manual(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text("utf-8")


def test_no_file_lies_unregistered() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == {path.split(".")[-2] for path in ACTIONS.paths.values()}


def test_the_contract_is_short() -> None:
    assert len((FOLDER / "base.py").read_text("utf-8").splitlines()) <= 80
