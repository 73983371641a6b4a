"""What is made ahead comes in order, is begun before it is asked for, and fails where it is used."""

import threading
from collections.abc import Callable, Iterator

import pytest

from monitor.core.ahead import ahead, beside


def test_all_come_in_order_and_are_begun_unasked() -> None:
    begun = threading.Event()

    def first() -> int:
        begun.set()
        return 1

    makers: list[Callable[[], int]] = [first, lambda: 2, lambda: 3]
    made = ahead(makers)
    assert begun.wait(10)
    assert list(made) == [1, 2, 3]


def test_an_error_is_raised_where_its_part_is_used() -> None:
    makers: list[Callable[[], float]] = [lambda: 1, lambda: 1 / 0]
    made = ahead(makers)
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_what_is_made_beside_is_one_step_further_than_what_is_used() -> None:
    begun = [threading.Event() for _ in range(3)]

    def made() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    given = beside(made())
    assert begun[0].wait(10)
    assert next(given) == 0
    assert begun[1].wait(10)
    assert not begun[2].is_set()
    assert list(given) == [1, 2]


def test_an_error_beside_is_raised_in_its_turn() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    given = beside(made())
    assert next(given) == 1
    with pytest.raises(ZeroDivisionError):
        next(given)
