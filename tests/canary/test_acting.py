import datetime as dt
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.canary import acting, deciding, read, run
from monitor.canary.actions import ACTIONS
from monitor.canary.models import Mode, RolloutAction, RolloutRun, RunState, State
from monitor.canary.wishes import StageWish
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_release import Open, Sides

SECRET = "SECtopsecret0123456789"


def hook(cast: Cast, server: Outside, **more: str) -> RolloutAction:
    return RolloutAction.objects.create(
        project=cast.project, name="router", kind="webhook",
        settings={"url": f"{server.url}/{SECRET}", "bearer_token": SECRET}, **more,
    )  # fmt: skip


def test_a_decision_reaches_the_router(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    assert server.received[0].json["share"] == 0.0
    assert RolloutRun.objects.get().state == RunState.DONE


def test_an_order_that_was_carried_out_is_not_given_again(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    acting.run_due(now=now + dt.timedelta(hours=1))
    assert len(server.received) == 1


def test_a_router_that_is_down_gets_the_order_later(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    server.answer(503, f"you sent {SECRET}".encode())
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    waiting = RolloutRun.objects.get()
    assert waiting.state == RunState.WAITING
    assert SECRET not in waiting.answer
    acting.run_due(now=now + dt.timedelta(minutes=1))
    assert RolloutRun.objects.get().state == RunState.DONE


@pytest.mark.parametrize(
    "kind, said",
    [
        ("webhook", f"Cannot POST /hooks/{SECRET}?sig=a%2Fb%2Bc"),
        ("webhook", f"no room called {SECRET}"),
        ("webhook", "signature a/b+c is not known"),
        ("feature_flag", f"{SECRET} is not known"),
    ],
)
def test_no_part_of_a_secret_that_is_said_back_is_kept(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime, kind: str, said: str
) -> None:
    server = outside()
    server.answer(404, said.encode())
    place = f"{server.url}/hooks/{SECRET}?sig=a%2Fb%2Bc"
    given = {"webhook": {"url": place}, "feature_flag": {"url": server.url, "token": f"Bearer {SECRET}"}}[
        kind
    ]
    RolloutAction.objects.create(project=cast.project, name="router", kind=kind, settings=given)
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    answer = RolloutRun.objects.get().answer
    assert answer.startswith("HTTP 404")
    assert not [one for one in (SECRET, "a%2Fb%2Bc", "a/b+c") if one in answer]


def test_what_is_overtaken_is_not_carried_out(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    found = release()
    deciding.by_person(found, "rollback", by="ada", now=now)
    server.answer(503)
    acting.run_due(now=now)
    found.refresh_from_db()
    deciding.by_person(found, "rollback", by="ben", now=now)
    acting.run_due(now=now + dt.timedelta(minutes=10))
    assert [run.state for run in RolloutRun.objects.order_by("id")] == [RunState.GIVEN_UP, RunState.DONE]


def test_an_action_of_another_model_is_left_alone(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server, model="llama")
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    assert not server.received


def test_in_automatic_mode_the_router_is_told_of_the_first_stage_once(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    found = release(mode=Mode.AUTOMATIC)
    for _ in range(2):
        run.step(found, now=now)
        acting.run_due(now=now)
    assert [one.json["share"] for one in server.received] == [0.5]


def test_a_promotion_that_the_router_refuses_is_ordered_again_ever_more_seldom(
    sides: Sides, release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    server.always(403, b"no right to do so")
    hook(cast, server)
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found, minute = release(mode=Mode.AUTOMATIC), dt.timedelta(minutes=1)
    sides(90, until=now + 90 * minute, share=0.5, per_minute=4)
    tried = []
    for after in range(1, 91, 5):
        run.step(found, now=now + after * minute)
        before = len(server.received)
        acting.run_due(now=now + after * minute)
        tried += [after] * (len(server.received) - before)
    assert found.state == State.PROMOTING
    assert [one.json["intent"] for one in server.received][-3:] == ["promote"] * 3
    waits = [later - earlier for earlier, later in itertools.pairwise(tried[1:])]
    assert waits == sorted(waits)
    assert waits[0] >= 5
    refused = read.whole(cast.project.pk, found.pk).refused
    assert [(one.action, one.answer) for one in refused] == [("router", "HTTP 403: no right to do so")]


def test_a_promotion_that_a_router_took_late_is_proved_after_all(
    sides: Sides, release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    server.answer(403)
    hook(cast, server)
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found, minute = release(mode=Mode.AUTOMATIC), dt.timedelta(minutes=1)
    sides(30, until=now + 30 * minute, share=0.5)
    sides(30, until=now + 60 * minute, share=1.0)
    for after in (1, 31, 61):
        run.step(found, now=now + after * minute)
        acting.run_due(now=now + after * minute)
    assert server.received[-1].json["share"] == 1.0
    assert found.state == State.PROMOTED
    assert not read.whole(cast.project.pk, found.pk).refused


def test_a_step_that_argo_took_is_not_ordered_again(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server, argo = outside(), outside()
    hook(cast, server)
    RolloutAction.objects.create(
        project=cast.project, name="argo", kind="argo_rollouts",
        settings={"url": argo.url, "namespace": "d", "rollout": "chat"},
    )  # fmt: skip
    stages = [StageWish(0.05), StageWish(0.5), StageWish(1.0)]
    made = deciding.by_person(release(stages=stages), "approve", by="ada", now=now)
    acting.run_due(now=now)
    told = len(argo.received)
    later = now + dt.timedelta(minutes=30)
    acting.repeat(made, now=later)
    acting.run_due(now=later)
    assert len(server.received) == 2
    assert len(argo.received) == told


def test_an_action_that_breaks_stops_no_other(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime, settings: Any, tmp_path: Path
) -> None:
    server = outside()
    settings.VIGIL_NGINX_FOLDER = str(tmp_path)
    (tmp_path / "canary.conf").mkdir()
    RolloutAction.objects.create(
        project=cast.project, name="nginx", kind="nginx",
        settings={"file": "canary.conf", "variable": "$v", "key": "$k", "stable_upstream": "a", "canary_upstream": "b"},
    )  # fmt: skip
    hook(cast, server)
    deciding.by_person(release(), "rollback", by="ada", now=now)
    acting.run_due(now=now)
    first, second = RolloutRun.objects.order_by("id")
    assert (first.state, second.state) == (RunState.WAITING, RunState.DONE)
    assert "canary.conf could not be read: Is a directory" in first.answer


def test_what_nobody_expected_is_tried_again_and_then_given_up(
    release: Open,
    cast: Cast,
    outside: Callable[[], Outside],
    now: dt.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError

    hook(cast, outside())
    monkeypatch.setattr(ACTIONS["webhook"], "act", broken)
    deciding.by_person(release(), "rollback", by="ada", now=now)
    for hours in range(acting.MOST_ATTEMPTS):
        assert RolloutRun.objects.get().state == RunState.WAITING
        acting.run_due(now=now + dt.timedelta(hours=hours))
    assert RolloutRun.objects.get().state == RunState.GIVEN_UP
    assert "RuntimeError" in RolloutRun.objects.get().answer


def test_a_hold_stops_an_order_that_is_under_way(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    hook(cast, server)
    found = release(stages=[StageWish(0.05), StageWish(0.5), StageWish(1.0)])
    deciding.by_person(found, "approve", by="ada", now=now)
    found.refresh_from_db()
    deciding.by_person(found, "hold", by="ada", now=now)
    acting.run_due(now=now)
    assert not server.received
