"""Every background task, with something to do, under a clock that jumps: it ends well, and no alert ends by it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest
from pytest_django import Settings

from monitor import tasks
from monitor.alerting.models import Route
from monitor.celery import app
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.ingest.models import ScrapeTarget
from monitor.quality.credit import read as credit
from monitor.quality.credit.models import ScoringEngine
from monitor.quality.models import Judge
from monitor.rules.models import Rule, RuleGroup
from monitor.store import append
from monitor.store.models import Project
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_forks import Copies, begun, ended
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_release import Open, Sides

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
# in the order in which they feed each other
TASKS = (
    "mind_clock", "read_rule_files", "discover_due", "scrape_due", "evaluate_rules", "explain_alerts", "deliver_alerts",
    "judge_due", "score_documents", "rate_quality", "watch_drift", "notice_releases", "watch_releases", "compact",
    "make_points", "index_search", "retention", "remove_deleted", "forget_alerts", "forget_claims", "ship_samples", "poll_gpus",
)  # fmt: skip
RULES = "groups: [{name: mounted, rules: [{alert: Mounted, expr: vector(1)}]}]"
JUDGED = {"choices": [{"message": {"content": '{"reason": "right", "score": 4}'}, "finish_reason": "stop"}]}
SCORED = {"choices": [{"message": {"content": "x"}}], "prompt_logprobs": [None, {"1": {"logprob": -0.1, "rank": 1, "decoded_token": "a"}}]}  # fmt: skip


@pytest.fixture
def mounted(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    settings.VIGIL_RULE_FILES = [("shop", str(tmp_path / "rules.yml"))]


@pytest.fixture
def world(
    pager: Pager, push: Push, sides: Sides, release: Open, outside: Callable[[], Outside], mounted: None, now: dt.datetime
) -> None:  # fmt: skip
    """Something to do for everybody."""
    project = pager.cast.project
    judge, page = outside(), outside()
    judge.always(body=JUDGED)
    page.always(200, b"hits_total 3\nqueue 1\n", content_type="text/plain; version=0.0.4")
    old, (call,) = now - dt.timedelta(days=9), _calls(push, now)
    long_ago = now - dt.timedelta(days=100)
    pipeline.take(
        project.id, Batch([Generation(model="qwen", started_ms=clock.to_ms(long_ago))]), now=long_ago
    )
    append.samples(
        project.id,
        [(Labels({"__name__": "old"}), clock.to_ms(old) + 15_000 * n, 1.0) for n in range(400)],
        now=old,
    )
    sides(40, share=0.5, per_minute=5, worse=12.0)
    release()
    Judge.objects.create(
        project=project,
        name="helpful",
        kind="rubric",
        sample_share=1.0,
        settings={"url": f"{judge.url}/v1", "model": "m"},
    )
    engine = outside()
    engine.always(body=SCORED)
    ScoringEngine.objects.create(project=project, name="vllm", url=f"{engine.url}/v1", served_model="m")
    assert credit.ask(project.id, call, "ada", now=now)
    ScrapeTarget.objects.create(project=project, job="own", url=f"{page.url}/metrics")
    group = RuleGroup.objects.create(project=project, name="g")
    Rule.objects.create(group=group, name="Failing", expr="sum(rate(llm_errors_total[30m])) > 0")
    Rule.objects.create(
        group=group, name="said:calls", kind="record", expr="sum(llm_requests_total)", position=1
    )
    Route.objects.create(project=project, name="all", group_wait="0").contacts.add(pager.contact)
    gone = Project.objects.create(slug="gone", name="Gone", created_at=old)
    push([{"prompt": "of the gone"}], gone.pk)
    Project.objects.filter(pk=gone.pk).update(deleted_at=now)


def _calls(push: Push, now: dt.datetime) -> list[UUID]:
    """Ten hours of calls, some of which fail; the one whose documents somebody wants weighed."""
    rows = [
        {
            "at": now - dt.timedelta(minutes=5 * n + 1),
            "error": "timeout" if n % 7 == 0 else None,
            "input_tokens": 40 + n % 9,
        }
        for n in range(120)
    ]
    push(rows)
    return push(
        [
            {
                "at": now,
                "prompt": "How heavy?",
                "output": "14 kg.",
                "contexts": [{"id": "a", "text": "It weighs 14 kg."}],
            }
        ]
    )


def at(name: str, moment: dt.datetime) -> Callable[[], object]:
    """The task as a worker runs it, at that moment."""

    def work() -> None:
        with patch.object(clock, "now", lambda: moment), patch.object(clock, "sleep", lambda _: None):
            getattr(tasks, name)()

    return work


def test_every_task_is_tried() -> None:
    assert {name.rpartition(".")[2] for name in app.tasks if name.startswith("monitor.tasks.")} == set(TASKS)


HOUR, DAY = 3_600, 86_400
# seconds from noon: the clock is set back by two hours, then on by a day
JUMPS = (0, 15, 15 - 2 * HOUR, 30 - 2 * HOUR, 30 - 2 * HOUR + DAY, 45 - 2 * HOUR + DAY)


@pytest.mark.usefixtures("world")
def test_a_clock_that_jumps_stops_no_task_and_ends_no_alert(
    copies: Copies, pager: Pager, now: dt.datetime
) -> None:
    database = copies.make("jumped")
    # who tells of alerts comes first: it must not take the silence of a jump for an end
    order = (
        "mind_clock",
        "deliver_alerts",
        *(name for name in TASKS if name not in {"mind_clock", "deliver_alerts"}),
    )
    for seconds in JUMPS:
        for name in order:
            assert ended(begun(database, at(name, now + dt.timedelta(seconds=seconds)))) == [0], (
                name,
                seconds,
            )
    # once at noon and again a day later, as a reminder
    assert pager.heard.count("firing Mounted") in {1, 2}
    assert "resolved Mounted" not in pager.heard
