import datetime as dt
from uuid import uuid4

import pytest

from monitor.quality import sampling
from monitor.quality.models import Judge, JudgeClaim
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def judge(cast: Cast) -> Judge:
    return Judge.objects.create(project=cast.project, name="h", kind="overlap")


def test_of_two_workers_that_drew_the_same_calls_one_wins_each(now: dt.datetime, judge: Judge) -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    first = sampling.claim(judge, [one, two], now=now)
    second = sampling.claim(judge, [two, three], now=now)
    assert [row.generation_id for row in (*first, *second)] == [one, two, three]


def test_an_abandoned_claim_is_taken_over_by_one_worker_only(now: dt.datetime, judge: Judge) -> None:
    JudgeClaim.objects.create(judge=judge, generation_id=uuid4(), claimed_at=now - sampling.ABANDONED)
    assert len(sampling.take_over(judge, now=now, limit=5)) == 1
    assert sampling.take_over(judge, now=now, limit=5) == []


def test_old_claims_are_forgotten(now: dt.datetime, judge: Judge) -> None:
    from monitor.core.clock import to_ms
    from monitor.store import ids

    for age in (0, 3):
        moment = to_ms(now - dt.timedelta(days=age))
        JudgeClaim.objects.create(judge=judge, generation_id=ids.fresh(moment), claimed_at=now)
    assert sampling.forget_old(now=now) == 1
