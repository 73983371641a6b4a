"""Columns as COPY's text: what PostgreSQL reads back is what was given."""

import math

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from monitor.store.calls import copying

pytestmark = pytest.mark.django_db
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


class RoundTrip(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                texts,
                st.none() | texts,
                st.none() | st.floats(allow_nan=False, allow_infinity=False),
                st.none() | st.binary(max_size=9),
            ),
            max_size=5,
        )
    )
    def test_rows_come_back_as_they_went(
        self, rows: list[tuple[str, str | None, float | None, bytes | None]]
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMP TABLE copied (n int, a text, b text, c float8, d bytea) ON COMMIT DROP"
            )
            if rows:
                a, b, c, d = (list(column) for column in zip(*rows, strict=True))
                columns = (
                    copying.numbers(list(range(len(rows)))), copying.texts(a), copying.known_texts(b),
                    copying.numbers(c), copying.binaries(d),
                )  # fmt: skip
                copying.send("copied", ("n", "a", "b", "c", "d"), copying.rows(columns))
            cursor.execute("SELECT a, b, c, d FROM copied ORDER BY n")
            found = [(*row[:3], None if row[3] is None else bytes(row[3])) for row in cursor.fetchall()]
            cursor.execute("DROP TABLE copied")
        assert found == rows


def test_long_texts_are_written_as_short_ones() -> None:
    values = ["", 'a\tb\nc\rd\\n "e"', "退款", "\U0001f600"]
    plain = copying.rows([copying.numbers([1, 2, 3, 4]), copying.texts(values)])
    columns = [copying.long_texts(["1", "2", "3", "4"]), copying.long_texts(values)]
    assert copying.long_rows(columns) == plain
    assert copying.documents([value.encode() for value in values]) == columns[1]
    assert copying.long_rows([[], []]) == b""


def test_moments_keep_their_milliseconds() -> None:
    assert list(copying.moments([1_795_003_200_500])) == ["2026-11-18T12:00:00.500Z"]


def test_what_is_not_finite_is_unknown() -> None:
    assert list(copying.numbers([math.inf, math.nan, 1.5])) == [copying.NULL, copying.NULL, "1.5"]
