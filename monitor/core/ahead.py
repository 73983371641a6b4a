"""Work done by another thread while what it made before is used: for arithmetic beside waiting for a database."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def ahead(makers: Sequence[Callable[[], Made]]) -> Iterator[Made]:
    """What each maker makes, in order; all are begun at once, one after the other. What one raises is raised here."""
    pool = ThreadPoolExecutor(1, "ahead")
    return _in_order(pool, [pool.submit(maker) for maker in makers])


def beside(made: Iterator[Made]) -> Iterator[Made]:
    """What ``made`` gives (never None), each made by another thread while the one before it is used; begun at once."""
    pool = ThreadPoolExecutor(1, "beside")
    return _one_further(pool, made, pool.submit(next, made, None))


def _one_further(
    pool: ThreadPoolExecutor, made: Iterator[Made], coming: Future[Made | None]
) -> Iterator[Made]:
    try:
        while (one := coming.result()) is not None:
            coming = pool.submit(next, made, None)
            yield one
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(pool: ThreadPoolExecutor, asked: Sequence[Future[Made]]) -> Iterator[Made]:
    try:
        for one in asked:
            yield one.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
