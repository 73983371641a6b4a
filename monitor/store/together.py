"""Small pieces of work of many threads, done by one of them in one go: one commit instead of many.

While one thread commits, others queue up; then the first of them does all theirs, and those of threads that
are known to be on their way, if they come within a moment. One alone never waits.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from django.db.utils import InterfaceError, OperationalError

Job = TypeVar("Job")
Result = TypeVar("Result")


class AbandonedError(RuntimeError):
    """The thread that did the work was stopped in the middle; nothing is known, send the same again."""


class Approach:
    """How many threads of this process are about to bring a job; whoever leads a go waits for them a moment."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._mine = threading.local()
        self._coming = self._waiting = 0

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Within this a job is brought, or none."""
        with self._changed:
            self._coming += 1
        self._mine.coming = True
        try:
            yield
        finally:
            self.arrived()

    def arrived(self) -> None:
        """Whoever calls has brought its job, or will bring none."""
        if not getattr(self._mine, "coming", False):
            return
        self._mine.coming = False
        with self._changed:
            self._coming -= 1
            if not self._coming and self._waiting:
                self._changed.notify_all()

    def wait(self) -> None:
        """Until all that were coming are there, or patience is over."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._coming, self._patience)
            self._waiting -= 1


class _Turn(Generic[Job, Result]):
    """One thread's job: woken when it is done, or when it is this thread's turn to work."""

    __slots__ = ("awake", "error", "job", "result", "size")

    def __init__(self, job: Job, size: int) -> None:
        self.job, self.size = job, size
        self.result: list[Result] = []
        self.error: BaseException | None = None
        self.awake = threading.Event()


class Together(Generic[Job, Result]):
    """``work`` gets the jobs of one go and returns their results in order, or raises and has done nothing.

    At most ``most`` in size go together. A job whose neighbours spoil the go is tried again by itself.
    """

    def __init__(
        self, work: Callable[[list[Job]], Sequence[Result]], *, most: int, approach: Approach | None = None
    ) -> None:
        self._work = work
        self._most = most
        self._approach = approach
        self._lock = threading.Lock()
        self._queue: deque[_Turn[Job, Result]] = deque()
        self._working = False

    def do(self, job: Job, *, size: int = 1) -> Result:
        """The result of this job, once it is done; raises what ``work`` raised for it."""
        mine: _Turn[Job, Result] = _Turn(job, size)
        with self._lock:
            self._queue.append(mine)
            leads, self._working = not self._working, True
        if self._approach is not None:
            self._approach.arrived()
        if not leads:
            mine.awake.wait()
        if not mine.result and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.result[0]

    def _lead(self) -> None:
        if self._approach is not None:
            self._approach.wait()
        group = self._take()
        try:
            self._run(group)
        finally:
            for turn in group:
                if not turn.result and turn.error is None:
                    turn.error = AbandonedError("the thread that was storing this ended; send it again")
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._working = following is not None
            for turn in (*([following] if following else []), *group[1:]):
                turn.awake.set()

    def _take(self) -> list[_Turn[Job, Result]]:
        """Who goes together: the first in the queue always."""
        with self._lock:
            group = [self._queue.popleft()]
            size = group[0].size
            while self._queue and size + self._queue[0].size <= self._most:
                group.append(self._queue.popleft())
                size += group[-1].size
            return group

    def _run(self, group: list[_Turn[Job, Result]]) -> None:
        try:
            results = self._work([turn.job for turn in group])
        except Exception as error:  # noqa: BLE001 — each thread raises what concerns its own job
            # without a store nothing helps, and waiting for it once is enough
            if len(group) == 1 or isinstance(error, OperationalError | InterfaceError):
                for turn in group:
                    turn.error = error
                return
            for turn in group:
                self._run([turn])
            return
        for turn, result in zip(group, results, strict=True):
            turn.result.append(result)
