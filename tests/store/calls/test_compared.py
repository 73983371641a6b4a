import datetime as dt

import numpy as np
import pytest

from monitor.store.calls import compared
from monitor.store.calls.compared import TooManyCallsError, UnknownStratumError
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

HOUR = dt.timedelta(hours=1)


def test_a_users_calls_are_of_one_group_and_nobodys_are_spread(
    push: Push, cast: Cast, now: dt.datetime
) -> None:
    push([{"user": "ada"}] * 5 + [{"version": "v2"}] * 100)
    span = now - HOUR, now
    mine = compared.calls(cast.project.pk, *span, model="qwen", version="v1")
    others = compared.calls(cast.project.pk, *span, model="qwen", version="v2")
    assert len(set(mine["group"].tolist())) == 1
    assert len(set(others["group"].tolist())) > 10


def test_what_is_unknown_is_not_zero(push: Push, cast: Cast, now: dt.datetime) -> None:
    push([{"duration_seconds": 1.5, "error": "timeout"}, {}])
    found = compared.calls(cast.project.pk, now - HOUR, now, model="qwen", version="v1")
    assert sorted(found["failed"].tolist()) == [0, 1]
    assert np.isnan(found["ttft_seconds"]).all()
    assert np.isnan(found["duration_seconds"]).sum() == 1


def test_another_projects_calls_are_not_read(push: Push, cast: Cast, now: dt.datetime) -> None:
    push([{}])
    assert not compared.calls(cast.other.pk, now - HOUR, now, model="qwen", version="v1")["at"].size


def test_more_calls_than_bearable_are_refused_and_never_cut(push: Push, cast: Cast, now: dt.datetime) -> None:
    push([{}] * 3)
    with pytest.raises(TooManyCallsError, match="more than 2"):
        compared.calls(cast.project.pk, now - HOUR, now, model="qwen", version="v1", most=2)


def test_the_commonest_values_come_first(push: Push, cast: Cast, now: dt.datetime) -> None:
    push([{"topic": "sql"}] * 3 + [{"topic": "code"}] * 2 + [{"topic": "rare"}])
    given = {"model": "qwen", "version": "v1"}
    found = compared.commonest(cast.project.pk, now - HOUR, now, **given, stratum="topic", most=2)
    assert found == ["code", "sql"]
    with pytest.raises(UnknownStratumError, match="mood"):
        compared.commonest(cast.project.pk, now - HOUR, now, **given, stratum="mood", most=2)


def test_calls_of_all_versions_are_counted_by_bucket(push: Push, cast: Cast, now: dt.datetime) -> None:
    push([{"at": now - dt.timedelta(minutes=7)}, {}, {"version": "v3"}])
    found = compared.counts(cast.project.pk, now - HOUR, now, model="qwen", seconds=300)
    assert [(version, n) for _, version, n in found] == [("v1", 1), ("v1", 1), ("v3", 1)]
