"""Names of senders: clean, one line, and not more than a page can show."""

import datetime as dt

import pytest

from monitor.ingest import senders
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    senders.forget()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Prometheus/2.42.0", "Prometheus/2.42.0"),
        ("", "(unnamed)"),
        (" two\r\nlines\x00 ", "two lines"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_are_cleaned(sent: str, shown: str) -> None:
    assert senders.clean(sent) == shown


def test_nothing_personal_becomes_a_name() -> None:
    assert "ada@example.com" not in senders.clean("service of ada@example.com")


def test_beyond_the_limit_all_others_are_one(
    cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "MOST", 3)
    names = [senders.named(cast.project.id, f"pod-{number}", now=now) for number in range(5)]
    assert names == ["pod-0", "pod-1", "pod-2", senders.OTHERS, senders.OTHERS]
    assert senders.named(cast.project.id, "pod-1", now=now) == "pod-1"
