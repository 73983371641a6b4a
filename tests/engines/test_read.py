import numpy as np

from monitor.engines import read
from monitor.engines.hosts import Place


def test_a_source_that_knows_no_numbers_adds_no_card() -> None:
    busy = np.ones(3)
    numbered = {"utilisation": {("h", "0"): busy, ("h", ""): busy}}
    assert read._cards(numbered, Place("h", "instance")) == ("0",)
    assert read._cards({"utilisation": {("h", ""): busy}}, Place("h", "instance")) == ("",)
