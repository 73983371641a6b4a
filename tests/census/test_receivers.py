"""Adding a receiver is a file, a test and a line. This says which one is missing."""

from pathlib import Path

import pytest

from monitor.alerting import receivers
from monitor.alerting.receivers import RECEIVERS, base
from monitor.core.fields import Field

FOLDER = Path(receivers.__file__).parent
PAGE = Path(__file__).parents[2] / "templates" / "docs" / "alerting.md"
TESTS = Path(__file__).parent.parent / "alerting" / "receivers"


@pytest.mark.parametrize("name", RECEIVERS)
def test_every_receiver_keeps_the_contract(name: str) -> None:
    found = RECEIVERS[name]
    assert all(isinstance(field, Field) for field in found.fields)
    assert any(field.required for field in found.fields)
    assert found.limit_bytes > 0
    assert callable(found.send)


@pytest.mark.parametrize("name", RECEIVERS)
def test_every_receiver_says_what_it_does(name: str) -> None:
    assert RECEIVERS[name].__doc__
    assert RECEIVERS[name].__doc__ != base.Receiver.__doc__


@pytest.mark.parametrize("name", RECEIVERS)
def test_every_receiver_has_its_own_test(name: str) -> None:
    assert (TESTS / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", RECEIVERS)
def test_every_receiver_has_its_row_in_the_manual(name: str) -> None:
    row = next(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split("|")[2].strip() == ", ".join(f"`{field.name}`" for field in RECEIVERS[name].fields)


def test_no_file_lies_unregistered() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == {path.split(".")[-2] for path in RECEIVERS.paths.values()}


def test_the_contract_is_short() -> None:
    assert len((FOLDER / "base.py").read_text("utf-8").splitlines()) <= 80
