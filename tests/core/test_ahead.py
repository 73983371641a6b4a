"""What is made ahead comes in order, is begun before it is asked for, and fails where it is used."""

import threading
from collections.abc import Callable

import pytest

from monitor.core.ahead import ahead


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
