"""The recipe of a drift detector: a file, a test, a line."""

from pathlib import Path

import pytest

from monitor.drift import detectors
from monitor.drift.detectors import DETECTORS, base

FOLDER = Path(detectors.__file__).parent
TESTS = Path(__file__).parent.parent / "drift" / "detectors"


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_keeps_the_contract(name: str) -> None:
    found = DETECTORS[name]
    assert set(found.kinds) <= set(base.DATA)
    assert found.kinds
    # examples of what is new are found by the detector that saw the vectors
    assert ("samples" in found.kinds) is hasattr(found, "newness")
    assert found.unit
    assert found.floor > 0
    assert found.least >= 10
    assert 0 < found.false_alarms <= 0.05
    assert callable(found.distance)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_says_what_it_is_for(name: str) -> None:
    assert DETECTORS[name].__doc__
    assert DETECTORS[name].__doc__ != base.Detector.__doc__


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_has_its_own_test(name: str) -> None:
    assert (TESTS / f"test_{name}.py").exists()


def test_no_file_lies_unregistered() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == {path.split(".")[-2] for path in DETECTORS.paths.values()}
