import os
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


def killed(spool: Spool) -> None:
    """As kill -9 does it: nothing is closed, but the kernel lets go of the lock."""
    assert spool._held is not None
    os.close(spool._held)
    spool._held = None


def taken(spool: Spool) -> list[int]:
    """The times that wait, oldest first."""
    return [at for at, _ in next(iter(spool.oldest(10**9).series.values()), [])]


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000))
    spool.add(reading(2000))
    killed(spool)
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
    first.close()
    assert Spool(tmp_path / "s", MIB).bytes == first.bytes > 0


def test_a_second_agent_on_the_same_spool_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    first = Spool(tmp_path / "s", MIB)
    with pytest.raises(SpoolError, match="another agent uses this spool"):
        Spool(tmp_path / "s", MIB)
    first.close()
    Spool(tmp_path / "s", MIB).close()


def test_a_series_numbered_by_somebody_else_is_looked_up(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    killed(spool)
    Spool(tmp_path / "s", MIB).add(reading(1000))
    assert taken(spool) == [1000]


def test_samples_whose_series_is_nowhere_are_counted_and_hold_up_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000))
    sqlite3.connect(tmp_path / "s", isolation_level=None).execute("DELETE FROM series WHERE id < 3")
    spool._series.clear()
    parcel = spool.oldest(100)
    spool.done(parcel)
    assert (len(parcel.series), spool.dropped["unkept"]) == (1, 2)


def test_a_file_that_somebody_locked_is_said(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool._db.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(tmp_path / "s", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolError, match="locked"):
        spool.add(reading(1000))
    other.execute("ROLLBACK")
    spool.add(reading(2000))
    assert (taken(spool), spool.dropped["unkept"]) == ([2000], 3)


def test_what_fails_to_go_leaves_the_spool_usable(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", MIB)
    spool.add(reading(1000))
    broken = "CREATE TRIGGER t BEFORE DELETE ON readings BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
    spool._db.execute(broken)
    with pytest.raises(sqlite3.Error, match="disk I/O"):
        spool.done(spool.oldest(100))
    spool._db.execute("DROP TRIGGER t")
    spool.add(reading(2000))
    assert taken(spool) == [1000, 2000]


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
