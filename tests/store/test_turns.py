from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from monitor.store.turns import turn

pytestmark = pytest.mark.django_db(transaction=True)


def tried(name: str) -> bool:
    """As another worker would: over another connection."""
    try:
        with turn(name) as mine:
            return mine
    finally:
        connection.close()


def test_while_one_has_the_turn_nobody_else_gets_it() -> None:
    with turn("judging") as mine, ThreadPoolExecutor(1) as other:
        assert mine
        assert not other.submit(tried, "judging").result()
        assert other.submit(tried, "drift").result()


def test_a_turn_is_given_back_even_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), turn("judging"):
        raise ZeroDivisionError
    with ThreadPoolExecutor(1) as other:
        assert other.submit(tried, "judging").result()
