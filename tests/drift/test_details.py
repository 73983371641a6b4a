"""Attributes and retrieval scores: what is read beside calls, and the signals that people ask for by a name."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pytest

from monitor.drift import follow, read
from monitor.drift.bodies import MOST_KINDS, Body, Details, add_details
from monitor.drift.models import DriftPolicy, DriftSignal, WatchState
from monitor.drift.signals import CATEGORY, NUMBER, kind_of
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

DAY = dt.timedelta(days=1)


def added(*attributes: Mapping[str, object]) -> Body:
    body = Body(calls=len(attributes), numbers={}, shares={})
    add_details(body, Details(np.full(len(attributes), np.nan), attributes))
    return body


def test_numbers_are_summed_and_words_are_counted() -> None:
    body = added({"heat": 1, "region": "eu"}, {"heat": 2.5, "region": "us"}, {"region": "eu"})
    assert body.numbers[NUMBER + "heat"] == [2.0, 3.5, 7.25]
    assert body.shares[CATEGORY + "region"] == {"eu": 2, "us": 1}


def test_a_name_for_each_call_is_no_category() -> None:
    body = added(*({"request": f"r{n}"} for n in range(MOST_KINDS + 1)))
    assert not body.shares


def test_a_number_too_large_to_be_squared_is_left_out() -> None:
    body = added({"heat": 10**400}, {"heat": -1e300}, {"heat": 2})
    assert body.numbers[NUMBER + "heat"] == [1.0, 2.0, 4.0]


def test_scores_of_calls_without_documents_count_for_nothing() -> None:
    body = Body(numbers={})
    add_details(body, Details(np.array([0.5, np.nan, 0.7]), [{}] * 3))
    assert body.numbers["retrieval"] == pytest.approx([2.0, 1.2, 0.74])


def test_an_attribute_has_a_signal_of_its_kind() -> None:
    assert (kind_of("number:heat").way, kind_of("category:region").way) == ("mean", "share")
    with pytest.raises(KeyError):
        kind_of("nosuch")


@pytest.mark.django_db
def test_attributes_and_retrieval_scores_that_moved_are_told(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    """Half a day as always, then hotter, from elsewhere, and with worse documents; nobody asked about ``note``."""
    DriftPolicy.objects.create(project=cast.project, attributes="heat\nregion")
    chance = np.random.default_rng(5)
    start, n = now - DAY, 1500
    push([
        {
            "at": start + DAY * place / n, "output_tokens": 50,
            "attributes": {
                "heat": float(chance.normal(0.7, 0.1)) + 0.3 * late, "note": f"n{place}",
                "region": "us" if chance.random() < 0.2 + 0.6 * late else "eu",
            },
            "contexts": [{"id": "a", "text": "a b", "score": float(chance.normal(0.8, 0.05)) - 0.2 * late}],
        }
        for place in range(n) for late in [place > 0.6 * n]
    ])  # fmt: skip
    follow.run_due(now=now)
    follow.run_due(now=now + dt.timedelta(seconds=follow.QUIET_SECONDS))
    rows = {row.kind: row for row in read.signals(cast.project.id)}
    for kind in ("number:heat", "category:region", "retrieval_score"):
        assert rows[kind].state == WatchState.WARNING, (kind, rows[kind])
    assert rows["number:heat"].effect is not None
    assert rows["number:heat"].effect > 2
    assert rows["retrieval_score"].effect is not None
    assert rows["retrieval_score"].effect < -2
    assert not DriftSignal.objects.filter(kind__contains="note").exists()
