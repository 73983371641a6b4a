import datetime as dt
from typing import Any

import pytest
from django.test import Client

from monitor.canary import run
from monitor.canary.models import Mode, Release, ReleasePolicy, State
from monitor.canary.wishes import StageWish
from monitor.ingest import keys
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def failed(sides: Sides, release: Open, now: dt.datetime) -> Release:
    sides(120, share=0.5, worse=8.0)
    found = release(mode=Mode.RECOMMEND)
    run.step(found, now=now + MINUTE)
    return found


def ask(client: Client, key: str, path: str, content: Any = None) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    if content is None:
        return client.get(path, headers=headers)
    return client.post(path, content, content_type="application/json", headers=headers)


def test_the_gate_says_its_verdict_and_why(client: Client, cast: Cast, failed: Release) -> None:
    answer = ask(client, cast.query_key, f"/api/v1/releases/{failed.pk}/verdict").json()
    assert answer["verdict"] == "fail"
    assert answer["reasons"][0].startswith("fail: errors ×")
    assert answer["gates"][0]["metric"] == "error_ratio"


def test_a_release_without_calls_is_undecided(client: Client, cast: Cast, release: Open) -> None:
    answer = ask(client, cast.query_key, f"/api/v1/releases/{release().pk}/verdict").json()
    assert answer["verdict"] == "undecided"
    assert answer["reasons"] == ["nothing has been counted yet"]


def test_another_projects_release_is_not_there(client: Client, cast: Cast, failed: Release) -> None:
    answer = ask(client, cast.other_key, f"/api/v1/releases/{failed.pk}/verdict")
    assert answer.status_code == 404
    assert answer.json()["errorType"] == "not_found"


@pytest.mark.parametrize("identity", ["0", "x", "9" * 40, "１"])
def test_an_odd_id_is_not_there(client: Client, cast: Cast, identity: str) -> None:
    assert ask(client, cast.query_key, f"/api/v1/releases/{identity}/verdict").status_code == 404


def test_a_release_is_opened_with_stages_and_gates(client: Client, cast: Cast) -> None:
    wish = {
        "model": "qwen", "stable": "v1", "canary": "v2", "mode": "automatic", "stages": "5, 20, 100",
        "gates": [{"kind": "error_ratio", "tolerance": 1.5}, {"kind": "promql", "about": "queue", "fail_when": "queue > 3"}],
    }  # fmt: skip
    answer = ask(client, cast.key, "/api/v1/releases", wish)
    assert answer.status_code == 201
    assert [stage["share"] for stage in answer.json()["data"]["stages"]] == [0.05, 0.2, 1.0]


@pytest.mark.parametrize(
    "change, named",
    [
        ({"gates": [{"kind": "no_such"}]}, "no_such"),
        ({"gates": [{"kind": "promql", "about": "x", "fail_when": "sum("}]}, "fail_when"),
        ({"stages": "5, banana"}, "banana"),
        ({"stages": [{"share": 2}]}, "share"),
        ({"canary": "v1"}, "another version"),
        ({"alpha": 0}, "alpha"),
        ({"mode": "yolo"}, "mode"),
        ({"started_at": 1e30}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00Z", "stable": None}, "started_at"),
        ({"started_at": "9999-12-31T00:00:00Z", "stable": None}, "started_at"),
        ({"canary": "a\0b", "stable": None}, "canary"),
        ({"gates": [{"kind": "latency_mean", "tolerance": -0.5}]}, "tolerance"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wish_that_makes_no_sense_names_the_field(
    client: Client, cast: Cast, change: dict[str, Any], named: str
) -> None:
    wish = {"model": "qwen", "stable": "v1", "canary": "v2", **change}
    answer = ask(client, cast.key, "/api/v1/releases", wish)
    assert answer.status_code == 400
    assert named in answer.json()["error"]


def test_a_version_is_not_on_its_way_twice(client: Client, cast: Cast) -> None:
    wish = {"model": "qwen", "stable": "v1", "canary": "v2"}
    ask(client, cast.key, "/api/v1/releases", wish)
    assert ask(client, cast.key, "/api/v1/releases", wish).status_code == 409


def test_a_deploy_told_twice_is_one_release(client: Client, cast: Cast, sides: Sides) -> None:
    deploy = {"model": "qwen", "version": "v2", "stable": "v1", "commit": "abc"}
    first = ask(client, cast.key, "/api/v1/deploys", deploy)
    again = ask(client, cast.key, "/api/v1/deploys", deploy)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["data"]["id"] == again.json()["data"]["id"]


def test_a_deploy_takes_over_what_was_only_noticed(client: Client, cast: Cast, release: Open) -> None:
    noticed = release(opened_by="noticed")
    deploy = {"model": "qwen", "version": "v2", "stable": "v1", "mode": "automatic"}
    answer = ask(client, cast.key, "/api/v1/deploys", deploy)
    assert answer.status_code == 201
    told = answer.json()["data"]
    assert (told["id"], told["mode"], told["opened_by"]) == (str(noticed.pk), "automatic", "webhook")
    assert ask(client, cast.key, "/api/v1/deploys", deploy).status_code == 200


def test_a_deploy_with_odd_characters_is_refused(client: Client, cast: Cast) -> None:
    answer = ask(client, cast.key, "/api/v1/deploys", {"model": "qwen", "version": "v\0", "stable": "v1"})
    assert answer.status_code == 400


def test_a_second_automatic_release_of_the_model_is_a_conflict(client: Client, cast: Cast) -> None:
    wish = {"model": "qwen", "stable": "v1", "mode": "automatic"}
    answers = [ask(client, cast.key, "/api/v1/releases", {**wish, "canary": name}) for name in ("v2", "v3")]
    assert [answer.status_code for answer in answers] == [201, 409]
    assert "moves the traffic of qwen by itself already" in answers[1].json()["error"]


def test_a_release_is_closed(client: Client, cast: Cast, release: Open) -> None:
    path = f"/api/v1/releases/{release().pk}/close"
    assert ask(client, cast.key, path, {}).json()["data"]["state"] == "ended"
    assert ask(client, cast.key, path, {}).status_code == 409


def test_those_on_their_way_are_listed_before_a_hundred_newer_ones(
    client: Client, cast: Cast, release: Open, now: dt.datetime
) -> None:
    lively = release()
    Release.objects.bulk_create(
        Release(project=cast.project, model="qwen", stable="v1", canary=f"x{n}", state=State.ENDED, started_at=now)
        for n in range(101)
    )  # fmt: skip
    listed = ask(client, cast.key, "/api/v1/releases").json()["data"]
    assert (len(listed), listed[0]["id"]) == (100, str(lively.pk))
    narrowed = ask(client, cast.key, "/api/v1/releases?state=open&canary=v2").json()["data"]
    assert [one["id"] for one in narrowed] == [str(lively.pk)]


def test_deciding_needs_the_right_to_manage(client: Client, cast: Cast, failed: Release) -> None:
    path = f"/api/v1/releases/{failed.pk}/rollback"
    assert ask(client, cast.query_key, path, {}).status_code == 403
    assert ask(client, cast.key, path, {}).json()["data"]["state"] == State.ROLLING_BACK


def test_flagger_is_stopped_by_a_failure_and_told_to_go_back(
    client: Client, cast: Cast, failed: Release
) -> None:
    path = f"/api/v1/releases/{failed.pk}/flagger"
    hook = {"name": "chat", "namespace": "test", "phase": "Progressing"}
    assert ask(client, cast.query_key, path, hook).status_code == 403
    assert ask(client, cast.query_key, f"{path}?type=rollback", hook).status_code == 200


@pytest.fixture
def passed(sides: Sides, release: Open, now: dt.datetime) -> Release:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found = release(mode=Mode.RECOMMEND)
    run.step(found, now=now + MINUTE)
    return found


def answers(client: Client, cast: Cast, found: Release) -> tuple[str, str, int]:
    """What a pipeline and Flagger are told."""
    place = f"/api/v1/releases/{found.pk}"
    answer = ask(client, cast.query_key, f"{place}/verdict").json()
    hook = ask(client, cast.query_key, f"{place}/flagger", {"name": "chat"}).status_code
    return answer["verdict"], answer["gates_verdict"], hook


@pytest.mark.parametrize(
    "state, wanted",
    [
        (State.OPEN, ("pass", "pass", 200)),
        (State.PROMOTING, ("pass", "pass", 200)),
        (State.PROMOTED, ("pass", "pass", 200)),
        (State.HELD, ("undecided", "pass", 403)),
        (State.ENDED, ("undecided", "pass", 403)),
        (State.ROLLING_BACK, ("fail", "pass", 403)),
        (State.ESCALATED, ("fail", "pass", 403)),
        (State.ROLLED_BACK, ("fail", "pass", 403)),
    ],
)
def test_other_tools_go_on_only_where_the_release_does(
    client: Client, cast: Cast, passed: Release, state: State, wanted: tuple[str, str, int]
) -> None:
    Release.objects.filter(pk=passed.pk).update(state=state)
    assert answers(client, cast, passed) == wanted


def test_what_a_stage_still_lacks_keeps_other_tools_waiting(
    client: Client, cast: Cast, sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found = release(mode=Mode.RECOMMEND, stages=[StageWish(0.5, 600, 100), StageWish(1.0)])
    run.step(found, now=now + MINUTE)
    assert answers(client, cast, found) == ("undecided", "pass", 403)
    assert said(client, cast, found, now + MINUTE) == "0"


def test_a_stage_that_has_just_begun_keeps_other_tools_waiting(
    client: Client, cast: Cast, sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found = release(mode=Mode.RECOMMEND, stages=[StageWish(0.5, 30, 100), StageWish(0.7), StageWish(1.0)])
    run.step(found, now=now + MINUTE)
    assert answers(client, cast, found)[0] == "pass"
    ask(client, cast.key, f"/api/v1/releases/{found.pk}/approve", {"stage": 0})
    assert answers(client, cast, found) == ("undecided", "pass", 403)


def test_an_approval_sent_twice_is_one(client: Client, cast: Cast, release: Open) -> None:
    found = release(stages=[StageWish(0.05), StageWish(0.2), StageWish(1.0)])
    for body in ({}, {}, {"stage": 0}):
        answer = ask(client, cast.key, f"/api/v1/releases/{found.pk}/approve", body)
        assert answer.status_code == 200
    assert [one["state"] for one in answer.json()["data"]["stages"]] == ["passed", "now", "later"]


def test_a_failure_is_approved_only_with_override(client: Client, cast: Cast, failed: Release) -> None:
    path = f"/api/v1/releases/{failed.pk}/approve"
    answer = ask(client, cast.key, path, {})
    assert answer.status_code == 409
    assert "override" in answer.json()["error"]
    assert ask(client, cast.key, path, {"override": True}).status_code == 200


def test_a_key_that_only_sends_opens_nothing_automatic(client: Client, cast: Cast, now: dt.datetime) -> None:
    key = keys.create(cast.project, "app", ["ingest"], now=now)
    deploy = {"model": "qwen", "version": "v2", "stable": "v1", "mode": "automatic"}
    assert ask(client, key, "/api/v1/deploys", deploy).status_code == 403
    assert not Release.objects.exists()
    assert ask(client, cast.key, "/api/v1/deploys", deploy).json()["data"]["mode"] == "automatic"


def test_a_projects_mode_does_not_lift_a_key_that_only_sends(
    client: Client, cast: Cast, now: dt.datetime
) -> None:
    ReleasePolicy.objects.create(project=cast.project, deploy_mode=Mode.AUTOMATIC)
    key = keys.create(cast.project, "app", ["ingest"], now=now)
    answer = ask(client, key, "/api/v1/deploys", {"model": "qwen", "version": "v2", "stable": "v1"})
    assert answer.json()["data"]["mode"] == "recommend"


def said(client: Client, cast: Cast, found: Release, at: dt.datetime) -> str:
    """What the series tells Argo."""
    expr = f'llm_canary_verdict{{release="{found.pk}",metric="all"}}'
    answer = client.get(
        "/api/v1/query",
        {"query": expr, "time": str(at.timestamp())},
        headers={"authorization": f"Bearer {cast.query_key}"},
    )
    return str(answer.json()["data"]["result"][0]["value"][1])


def test_argos_provider_reads_the_verdict_as_a_series(
    client: Client, cast: Cast, failed: Release, now: dt.datetime
) -> None:
    assert said(client, cast, failed, now + MINUTE) == "-1"


def test_a_version_that_may_go_on_is_1_in_the_series(
    client: Client, cast: Cast, passed: Release, now: dt.datetime
) -> None:
    assert said(client, cast, passed, now + MINUTE) == "1"
