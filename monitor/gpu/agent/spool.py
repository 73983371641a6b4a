"""What waits to be sent, in a SQLite file: readings in order, until Vigil has said that it has them.

Each reading is committed when it is taken, so killing the agent loses none. The file is in WAL mode with
``synchronous=NORMAL``: a commit is not flushed to the disk by itself, so a power cut may cost the last seconds
but never the file. Above its limit the oldest readings go, and are counted.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from monitor.gpu.reading import Reading, Sample, Series

# what a row and its index entry cost beside the body
ROW_BYTES = 64
# series of processes that ended long ago need no number any more
MANY_SERIES = 20_000
KEPT_AFTER_DROP = 0.95
VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS readings (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, samples INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class SpoolError(RuntimeError):
    """The spool's file can't be used. Whoever runs the agent has to give it a folder of its own that it may write to."""


@dataclass(slots=True)
class Parcel:
    """Readings that are sent together: each series with its times and values.

    ``last`` is the newest's number; ``unknown`` counts samples whose series the file does not know any more.
    """

    last: int = 0
    samples: int = 0
    series: dict[Series, list[tuple[int, float]]] = field(default_factory=dict)
    unknown: int = 0


class Spool:
    """One agent's spool; used by its reader and its sender at the same time, but by no other process."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self.unkept = 0
        self._counted: dict[str, int] = {}
        self._fresh: list[Series] = []
        self._held: int | None = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = _hold(path)
            self._db = self._opened()
        except (sqlite3.Error, OSError) as error:
            self._release()
            message = f"{path}: can't be used ({error}); name another folder with --spool"
            raise SpoolError(message) from error

    def _opened(self) -> sqlite3.Connection:
        """The file; one that is damaged is put aside, for it must not stop the reader for ever."""
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) or not self.path.exists():
                raise
            self.path.replace(self.path.with_suffix(".damaged"))
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(SCHEMA)
            self._ids: dict[Series, int] = {
                tuple((name, value) for name, value in json.loads(labels)): number
                for number, labels in db.execute("SELECT id, labels FROM series")
            }
            row = db.execute("SELECT count(*), total(length(body)) FROM readings").fetchone()
        except sqlite3.Error:
            db.close()
            raise
        self._series = {number: series for series, number in self._ids.items()}
        self.bytes = int(row[1]) + ROW_BYTES * int(row[0])
        return db

    def add(self, reading: Reading) -> None:
        """Keep a reading; the oldest go where there is no room."""
        with self._lock:
            try:
                with self._transaction():
                    body = self._packed(reading.samples)
                    self._db.execute(
                        "INSERT INTO readings (at_ms, samples, body) VALUES (?, ?, ?)",
                        (reading.at_ms, len(reading.samples), body),
                    )
                    size = self.bytes + len(body) + ROW_BYTES
                    size = self._make_room(size) if size > self.limit_bytes else size
            except sqlite3.Error as error:
                self.unkept += len(reading.samples)
                message = f"{self.path}: a reading could not be kept ({error})"
                raise SpoolError(message) from error
            self.bytes = size

    def oldest(self, samples: int) -> Parcel:
        """The oldest readings, at least one and about so many samples."""
        parcel = Parcel()
        with self._lock:
            rows = self._db.execute("SELECT seq, at_ms, samples, body FROM readings ORDER BY seq")
            for seq, at_ms, count, body in rows:
                if parcel.samples and parcel.samples + count > samples:
                    break
                self._unpack(body, count, at_ms, parcel)
                parcel.last, parcel.samples = seq, parcel.samples + count
            rows.close()
        return parcel

    def done(self, parcel: Parcel, *, refused: bool = False) -> None:
        """Vigil has these, or will never take them."""
        with self._lock:
            with self._transaction():
                sizes = "SELECT count(*), total(length(body)) FROM readings WHERE seq <= ?"
                rows, size = self._db.execute(sizes, (parcel.last,)).fetchone()
                self._db.execute("DELETE FROM readings WHERE seq <= ?", (parcel.last,))
                if refused:
                    self._count("refused", parcel.samples)
                left = self.bytes - int(size) - ROW_BYTES * int(rows)
                anew = not left and len(self._ids) > MANY_SERIES
                if anew:
                    self._db.execute("DELETE FROM series")
            self.bytes = left
            self.unkept += parcel.unknown
            if anew:
                self._ids, self._series = {}, {}

    @property
    def dropped(self) -> dict[str, int]:
        """Samples that were given up, by reason: full, refused, or unkept since the start (a full disk)."""
        # a file that can't be read now must not stop the reader; the counts of the last time still hold
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._counted = dict(self._db.execute("SELECT name, value FROM counts").fetchall())
        return {
            "unkept": self.unkept,
            **{reason: int(self._counted.get(reason, 0)) for reason in ("full", "refused")},
        }

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._release()

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, in the file and in the numbers of series that are known."""
        if self._db.in_transaction:
            self._db.rollback()
        self._fresh.clear()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException:
            for series in self._fresh:
                self._series.pop(self._ids.pop(series), None)
            # one that can't be rolled back now is before the next one begins
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise

    def _packed(self, samples: list[Sample]) -> bytes:
        ids = self._ids
        numbers = array("I")
        for series, _ in samples:
            number = ids.get(series)
            numbers.append(self._numbered(series) if number is None else number)
        return numbers.tobytes() + array("d", [value for _, value in samples]).tobytes()

    def _numbered(self, series: Series) -> int:
        labels = json.dumps(series, ensure_ascii=False)
        self._db.execute("INSERT OR IGNORE INTO series (labels) VALUES (?)", (labels,))
        number = int(self._db.execute("SELECT id FROM series WHERE labels = ?", (labels,)).fetchone()[0])
        self._ids[series], self._series[number] = number, series
        self._fresh.append(series)
        return number

    def _unpack(self, body: bytes, count: int, at_ms: int, parcel: Parcel) -> None:
        numbers, values = array("I"), array("d")
        numbers.frombytes(body[: 4 * count])
        values.frombytes(body[4 * count :])
        for number, value in zip(numbers, values, strict=True):
            series = self._series.get(number) or self._looked_up(number)
            if series is None:
                parcel.unknown += 1
            else:
                parcel.series.setdefault(series, []).append((at_ms, value))

    def _looked_up(self, number: int) -> Series | None:
        """A series that is in the file but was not when it was opened."""
        row = self._db.execute("SELECT labels FROM series WHERE id = ?", (number,)).fetchone()
        if row is None:
            return None
        series = tuple((name, value) for name, value in json.loads(row[0]))
        self._ids[series], self._series[number] = number, series
        return series

    def _make_room(self, size: int) -> int:
        """Drop the oldest until it fits; what is left."""
        lost = 0
        rows = self._db.execute("SELECT seq, samples, length(body) FROM readings ORDER BY seq").fetchall()
        for seq, samples, length in rows[:-1]:
            if size <= KEPT_AFTER_DROP * self.limit_bytes:
                break
            self._db.execute("DELETE FROM readings WHERE seq = ?", (seq,))
            size, lost = size - length - ROW_BYTES, lost + samples
        self._count("full", lost)
        return size

    def _count(self, reason: str, samples: int) -> None:
        self._db.execute(
            "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (reason, samples),
        )


def _hold(path: Path) -> int:
    """The open lock file beside the spool; the kernel lets go of it when the process ends, however it ends."""
    held = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        message = f"{path}: another agent uses this spool; stop it, or name another folder with --spool"
        raise SpoolError(message) from error
    except OSError:
        os.close(held)
        raise
    return held
