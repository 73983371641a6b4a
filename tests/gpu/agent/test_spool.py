import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.gpu.agent.spool import Spool, SpoolError
from monitor.gpu.reading import NAME, Reading, Sample

MIB = 2**20


def reading(at_ms: int, count: int = 3) -> Reading:
    return Reading(at_ms, [(((NAME, "gpu_x"), ("gpu", str(n))), at_ms + n) for n in range(count)])


def taken(spool: Spool) -> list[int]:
    """The times that wait, oldest first."""
    return [at for at, _ in next(iter(spool.oldest(10**9).series.values()), [])]


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000))
    spool.add(reading(2000))
    # the first one is neither closed nor told: as after kill -9
    assert taken(Spool(tmp_path / "s", MIB)) == [1000, 2000]


def test_what_is_done_goes_and_the_rest_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    for at in (1000, 2000, 3000):
        spool.add(reading(at))
    spool.done(spool.oldest(6))
    assert taken(spool) == [3000]


def test_a_parcel_holds_at_least_one_reading_however_large(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000, 50))
    assert spool.oldest(1).samples == 50


def test_without_room_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", 1000)
    for at in range(20):
        spool.add(reading(at))
    assert taken(spool)[-1] == 19
    assert spool.bytes <= 1000
    assert spool.dropped == {"full": 3 * (20 - len(taken(spool))), "refused": 0, "unkept": 0}


def test_the_size_is_known_again_after_a_start(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", MIB)
    first.add(reading(1000))
    assert Spool(tmp_path / "s", MIB).bytes == first.bytes > 0


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"no database at all" * 100)
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000))
    assert taken(spool) == [1000]
    assert (tmp_path / "s.damaged").exists()


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match="--spool"):
        Spool(tmp_path / "file" / "s", MIB)


def test_a_reading_that_could_not_be_kept_leaves_no_half(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000, 1))
    other = sqlite3.connect(tmp_path / "s")
    other.execute("DROP TABLE readings")
    with pytest.raises(SpoolError):
        spool.add(reading(2000, 5))
    other.executescript("CREATE TABLE readings (seq INTEGER PRIMARY KEY, at_ms, samples, body)")
    spool.add(reading(3000, 5))
    assert len(spool.oldest(100).series) == 5


@settings(max_examples=20)
@given(st.lists(st.floats(), max_size=20))
def test_values_keep_their_bits(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool") / "s", MIB)
    samples: list[Sample] = [(((NAME, "x"), ("n", str(n))), value) for n, value in enumerate(values)]
    spool.add(Reading(5, samples))
    told = spool.oldest(100)
    spool.close()
    assert [repr(row[0][1]) for row in told.series.values()] == [repr(value) for value in values]
