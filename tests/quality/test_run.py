import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stamina

from monitor import query
from monitor.ingest.envelope import Context
from monitor.quality import run
from monitor.quality.models import ClaimState, Judge, JudgeClaim
from monitor.store.calls import generations
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
Start = Callable[[], Outside]


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def said(content: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}


@pytest.fixture
def server(outside: Start) -> Outside:
    started = outside()
    started.always(body=said('{"reason": "right", "score": 4}'))
    return started


@pytest.fixture
def judge(cast: Cast, server: Outside) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="helpfulness", kind="rubric", sample_share=1.0,
        settings={"url": f"{server.url}/v1", "model": "judge-1", "api_key": "sk-very-secret"},
    )  # fmt: skip


def several(count: int, **more: Any) -> list[dict[str, Any]]:
    """Calls that differ, so that none is known from another."""
    return [{"prompt": f"why {number}?", **more} for number in range(count)]


def marks(cast: Cast, ids: list[Any]) -> list[tuple[str, str, float, str]]:
    return [
        (one.name, one.source, one.value, one.reason)
        for call in generations.many(cast.project.id, ids)
        for one in call.scores
    ]


def test_a_verdict_becomes_a_score_with_its_reason(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    ids = push([{}])
    assert run.run(judge, now=now).judged == 1
    assert marks(cast, ids) == [("helpfulness", "judge", 4.0, "right")]


def test_the_score_can_be_charted(cast: Cast, now: dt.datetime, judge: Judge, push: Push) -> None:
    push(several(2))
    run.run(judge, now=now)
    found = query.instant(
        cast.project.id, 'histogram_count(llm_score{score="helpfulness",source="judge"})', now
    )
    assert found.single() == 2


def test_a_call_is_never_judged_twice(now: dt.datetime, judge: Judge, push: Push, server: Outside) -> None:
    push(several(2))
    run.run(judge, now=now)
    run.run(judge, now=now + MINUTE)
    assert len(server.received) == 2


def test_a_call_that_another_worker_has_claimed_is_left_to_it(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    (taken,) = push([{}])
    JudgeClaim.objects.create(judge=judge, generation_id=taken, claimed_at=now)
    assert run.run(judge, now=now).judged == 0
    assert server.received == []


def test_a_worker_that_vanished_is_replaced_after_a_while(now: dt.datetime, judge: Judge, push: Push) -> None:
    (taken,) = push([{}])
    JudgeClaim.objects.create(judge=judge, generation_id=taken, claimed_at=now - 16 * MINUTE)
    assert run.run(judge, now=now).judged == 1


def test_a_wrong_answer_is_a_counted_failure_and_no_score(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(body=said("I give it a 5!"))
    ids = push([{}])
    outcome = run.run(judge, now=now)
    assert outcome.failures == {"bad_answer": 1}
    assert marks(cast, ids) == []
    expr = 'vigil_judge_failures_total{judge="helpfulness",reason="bad_answer"}'
    assert query.instant(cast.project.id, expr, now).single() == 1


def test_the_first_failure_can_be_seen_by_increase(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push([{}])
    run.run(judge, now=now)
    found = query.instant(cast.project.id, "increase(vigil_judge_failures_total[5m])", now)
    assert (found.single() or 0) > 0


def test_a_failed_call_is_tried_again_later_and_given_up_in_the_end(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push([{}])
    for later in range(5):
        run.run(judge, now=now + later * 16 * MINUTE)
    assert len(server.received) == 9
    assert JudgeClaim.objects.get().state == ClaimState.FAILED


def test_an_endpoint_that_is_down_is_left_alone_for_this_run(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push(several(20))
    outcome = run.run(judge, now=now)
    assert outcome.failures.total() == 4
    assert JudgeClaim.objects.count() == 4


def test_a_wrong_key_stops_the_judge_and_says_what_to_mend(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(401, b"bad key sk-very-secret")
    push(several(3))
    assert run.run_due(now=now)["helpfulness"].failures == {"misconfigured": 1}
    judge.refresh_from_db()
    assert "401" in judge.last_error
    assert "sk-very-secret" not in judge.last_error
    assert judge.due_at == now + run.AFTER_A_MISTAKE
    assert JudgeClaim.objects.count() == 0


def test_an_endpoint_that_refuses_every_question_costs_no_call_its_place(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(400, b"unsupported parameter: seed")
    push(several(12))
    assert run.run(judge, now=now).failures == {"misconfigured": 1}
    assert not JudgeClaim.objects.exists()
    judge.refresh_from_db()
    assert "unsupported parameter" in judge.last_error


def test_the_hourly_budget_is_kept(now: dt.datetime, judge: Judge, push: Push, server: Outside) -> None:
    Judge.objects.update(hourly_budget=3)
    judge.refresh_from_db()
    push(several(5))
    run.run(judge, now=now)
    run.run(judge, now=now + MINUTE)
    assert len(server.received) == 3


def test_old_calls_get_at_most_half_of_the_budget(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    Judge.objects.update(hourly_budget=6)
    judge.refresh_from_db()
    push(several(9, at=now - 5 * dt.timedelta(hours=1)))
    run.run(judge, now=now)
    assert len(server.received) == 3
    push(several(9, output="another"))
    run.run(judge, now=now + MINUTE)
    assert len(server.received) == 6


def test_the_sample_is_the_same_whenever_it_is_drawn(now: dt.datetime, judge: Judge, push: Push) -> None:
    Judge.objects.update(sample_share=0.3)
    judge.refresh_from_db()
    ids = push(several(60))
    run.run(judge, now=now)
    first = set(JudgeClaim.objects.values_list("generation_id", flat=True))
    JudgeClaim.objects.all().delete()
    run.run(judge, now=now)
    assert first == set(JudgeClaim.objects.values_list("generation_id", flat=True))
    assert 0 < len(first) < len(ids) * 0.6


def test_failed_calls_have_no_answer_to_judge(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    push([{"error": "timeout", "output": ""}])
    run.run(judge, now=now)
    assert server.received == []


def test_only_the_model_and_version_of_the_judge_are_judged(
    now: dt.datetime, judge: Judge, push: Push
) -> None:
    Judge.objects.update(model="qwen", version="v2")
    judge.refresh_from_db()
    push([{"version": "v1"}, {"version": "v2"}, {"model": "other", "version": "v2"}])
    assert run.run(judge, now=now).judged == 1


def test_calls_of_another_project_are_out_of_reach(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    push([{}], cast.other.id)
    run.run(judge, now=now)
    assert server.received == []


def test_a_judge_runs_in_one_worker_at_a_time(now: dt.datetime, judge: Judge) -> None:
    assert list(run.run_due(now=now)) == ["helpfulness"]
    assert run.run_due(now=now) == {}
    assert list(run.run_due(now=now + run.INTERVAL)) == ["helpfulness"]


def test_a_disabled_judge_rests(now: dt.datetime, judge: Judge) -> None:
    Judge.objects.update(enabled=False)
    assert run.run_due(now=now) == {}


def test_a_call_without_retrieval_is_passed_over_for_good(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    grounded = Judge.objects.create(
        project=cast.project, name="grounded", kind="groundedness", sample_share=1.0, settings=judge.settings
    )
    server.always(body=said('{"statements": [], "reason": "says nothing"}'))
    push([{}, {"contexts": [Context(id="a", text="Paris")]}, {"contexts": []}])
    outcome = run.run(grounded, now=now)
    assert (outcome.judged, outcome.skipped, len(server.received)) == (2, 1, 2)


def test_a_business_rule_marks_with_the_source_rule(cast: Cast, now: dt.datetime, push: Push) -> None:
    rule = Judge.objects.create(
        project=cast.project, name="short", kind="business_rule", sample_share=1.0, settings={"longest": 3}
    )
    ids = push([{"output": "no"}])
    run.run(rule, now=now)
    assert marks(cast, ids) == [("short", "rule", 5.0, "All rules kept")]


def test_a_kind_that_no_longer_exists_is_a_mistake_of_the_configuration(
    now: dt.datetime, judge: Judge
) -> None:
    Judge.objects.update(kind="astrology")
    judge.refresh_from_db()
    assert "no judge is called 'astrology'" in run.run(judge, now=now).error
