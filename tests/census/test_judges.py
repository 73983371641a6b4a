"""The recipe of a judge: a file, a test, a line."""

from pathlib import Path

import pytest

from monitor.quality import judges
from monitor.quality.judges import JUDGES, base

FOLDER = Path(judges.__file__).parent
TESTS = Path(__file__).parent.parent / "quality" / "judges"


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_keeps_the_contract(name: str) -> None:
    found = JUDGES[name]
    assert found.source in {"judge", "rule", "reference"}
    assert found.cost
    assert (found.requests > 0) == any(field.name == "url" for field in found.fields)
    assert callable(found.judge)
    assert len({field.name for field in found.fields}) == len(found.fields)


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_says_what_it_is_for(name: str) -> None:
    assert JUDGES[name].__doc__
    assert JUDGES[name].__doc__ != base.Judge.__doc__


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_has_its_own_test(name: str) -> None:
    assert (TESTS / f"test_{name}.py").exists()


def test_no_file_lies_unregistered() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == {path.split(".")[-2] for path in JUDGES.paths.values()}
