from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from monitor.canary.actions import ACTIONS
from monitor.canary.models import Release, ReleasePolicy, RolloutAction
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open

RELEASES, ACTING = "/admin/monitor/release/add/", "/admin/monitor/rolloutaction/add/"


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def typed(cast: Cast, **changes: Any) -> dict[str, Any]:
    rows = {
        f"{name}-{part}": number
        for name in ("stages", "gates")
        for part, number in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return rows | {
        "project": cast.project.pk, "model": "qwen", "stable": "v1", "canary": "v2", "mode": "observe",
        "started_at_0": "2026-11-18", "started_at_1": "10:00", "stratify": "route", "alpha": "0.05",
        "deadline_hours": "24", **changes,
    }  # fmt: skip


def test_a_release_without_stages_and_gates_gets_the_usual_ones(admin: Client, cast: Cast) -> None:
    assert admin.post(RELEASES, typed(cast)).status_code == 302
    found = Release.objects.get()
    assert [stage.share for stage in found.stages.all()] == [0.05, 0.2, 0.5, 1.0]
    assert found.gates.filter(kind="error_ratio", needed=True).exists()


def test_two_that_move_the_traffic_of_a_model_are_refused(admin: Client, cast: Cast) -> None:
    assert admin.post(RELEASES, typed(cast, mode="automatic")).status_code == 302
    answer = admin.post(RELEASES, typed(cast, mode="automatic", canary="v3"))
    assert "by itself already" in answer.content.decode()
    assert Release.objects.count() == 1


def stages(*shares: float, **more: Any) -> dict[str, Any]:
    rows: dict[str, Any] = {"stages-TOTAL_FORMS": len(shares)}
    for place, share in enumerate(shares):
        given: dict[str, Any] = {"position": place, "share": share, "least_minutes": 60, "least_calls": 100}
        rows |= {f"stages-{place}-{name}": value for name, value in given.items()}
    return rows | more


@pytest.mark.parametrize(
    "changes, said",
    [
        (stages(0.5, 0.2), "greater share than the one before"),
        (stages(0.5, **{"stages-0-least_minutes": -1}), "negative"),
        ({"started_at_0": "2020-01-01"}, "days back"),
        ({"deadline_hours": "1e9"}, "deadline_hours"),
    ],
)
def test_what_makes_no_sense_over_http_makes_none_here(
    admin: Client, cast: Cast, changes: dict[str, Any], said: str
) -> None:
    assert said in admin.post(RELEASES, typed(cast, **changes)).content.decode()
    assert not Release.objects.exists()


def test_of_a_release_on_its_way_versions_begin_and_begun_stages_stay(
    admin: Client, release: Open, cast: Cast
) -> None:
    found = release()
    place = f"/admin/monitor/release/{found.pk}/change/"
    begun = found.stages.get(began_at__isnull=False)
    rows = stages(0.5, **{"stages-INITIAL_FORMS": 1, "stages-0-id": begun.pk, "stages-0-release": found.pk})
    moved = typed(cast, model="llama", owner="ada", started_at_0="2026-11-01", **rows)
    assert admin.post(place, moved).status_code == 302
    now = Release.objects.get()
    assert (now.model, now.started_at, now.owner) == ("qwen", found.started_at, "ada")
    page = admin.post(place, moved | {"stages-0-DELETE": "on"}).content.decode()
    assert "A stage that has begun stays where it is" in page
    assert found.stages.count() == 2


def test_a_condition_that_is_no_promql_is_refused(admin: Client, cast: Cast) -> None:
    gate = {
        "gates-TOTAL_FORMS": 1, "gates-0-kind": "promql", "gates-0-about": "queue", "gates-0-fail_when": "sum(",
    }  # fmt: skip
    page = admin.post(RELEASES, typed(cast, **gate)).content.decode()
    assert "fail_when" in page
    assert not Release.objects.exists()


def test_the_list_of_actions_says_what_each_is_for(admin: Client) -> None:
    page = admin.get(ACTING).content.decode()
    assert all(f"?kind={name}" in page for name in ACTIONS)


def test_an_nginx_that_this_machine_does_not_have_is_refused_with_the_remedy(
    admin: Client, cast: Cast, settings: Settings
) -> None:
    settings.VIGIL_NGINX_FOLDER = ""
    action = {
        "project": cast.project.pk, "name": "router", "kind": "nginx", "setting_file": "canary.conf",
        "setting_stable_upstream": "stable", "setting_canary_upstream": "canary", "enabled": "on",
    }  # fmt: skip
    page = admin.post(ACTING, action).content.decode()
    assert "VIGIL_NGINX_FOLDER" in page
    assert not RolloutAction.objects.exists()


def test_a_policy_whose_stages_make_no_sense_is_refused(admin: Client, cast: Cast) -> None:
    policy = {"project": cast.project.pk, "stages": "5, lots", "deploy_mode": "observe"}
    page = admin.post("/admin/monitor/releasepolicy/add/", policy).content.decode()
    assert "lots" in page
    assert not ReleasePolicy.objects.exists()
