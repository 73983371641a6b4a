import datetime as dt
from collections.abc import Callable

from monitor.canary import acting, deciding, run
from monitor.canary.models import Mode, RolloutAction, RolloutRun, RunState
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_release import Open

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
