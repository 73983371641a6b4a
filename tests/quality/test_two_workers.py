import datetime as dt
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from monitor.quality import run
from monitor.quality.models import Judge, JudgeSpending
from monitor.store.calls import generations
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_judge_every_call_once(
    cast: Cast, now: dt.datetime, push: Push, outside: Callable[[], Outside]
) -> None:
    server = outside()
    content = '{"reason": "right", "score": 4}'
    server.always(body={"choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    judge = Judge.objects.create(
        project=cast.project, name="h", sample_share=1.0, settings={"url": f"{server.url}/v1", "model": "m"}
    )
    ids = push([{"prompt": f"question {n}"} for n in range(24)])

    def work(_: int) -> int:
        try:
            return run.run(judge, now=now).judged
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as workers:
        judged = list(workers.map(work, range(3)))
    asked = Counter(request.body for request in server.received)
    assert sum(judged) == len(asked) == 24
    assert set(asked.values()) == {1}
    assert all(len(call.scores) == 1 for call in generations.many(cast.project.id, ids))


@pytest.mark.django_db(transaction=True)
def test_three_workers_at_once_spend_one_budget(
    cast: Cast, now: dt.datetime, push: Push, outside: Callable[[], Outside]
) -> None:
    server = outside()
    usage = {"prompt_tokens": 900, "completion_tokens": 90}
    content = '{"reason": "right", "score": 4}'
    server.always(
        body={"choices": [{"message": {"content": content}, "finish_reason": "stop"}], "usage": usage}
    )
    judge = Judge.objects.create(
        project=cast.project, name="h", sample_share=1.0, daily_tokens=12_000,
        settings={"url": f"{server.url}/v1", "model": "m", "most_tokens": 100},
    )  # fmt: skip
    push([{"prompt": f"question {n}"} for n in range(60)])

    def work(_: int) -> int:
        try:
            return run.run(judge, now=now).judged
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as workers:
        judged = list(workers.map(work, range(3)))
    spent = JudgeSpending.objects.get()
    assert 0 < sum(judged) == len(server.received)
    assert spent.tokens_in + spent.tokens_out <= 12_000
    assert spent.held_tokens == 0
