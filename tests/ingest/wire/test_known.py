"""The memory of label sets has an end."""

from monitor.core.labels import Labels
from monitor.ingest.wire.known import MAX_KEY, KnownLabels


def test_the_oldest_quarter_goes_when_it_is_full() -> None:
    known: KnownLabels[str] = KnownLabels(8)
    for n in range(9):
        known[str(n)] = Labels()
    assert list(known) == ["2", "3", "4", "5", "6", "7", "8"]


def test_a_key_that_is_too_long_is_not_kept() -> None:
    known: KnownLabels[str] = KnownLabels()
    known["x" * (MAX_KEY + 1)] = Labels()
    assert not known
