from typing import Any

import pytest
from django.test import Client

from monitor.quality.judges import JUDGES
from monitor.quality.models import Judge
from tests.fixtures.fix_cast import Cast

ADD = "/admin/monitor/judge/add/"


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def typed(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "project": cast.project.pk, "name": "helpfulness", "kind": "rubric", "enabled": "on",
        "sample_share": "0.1", "hourly_budget": "50", "usd_in": "0", "usd_out": "0", "good_from": "3",
        "second_share": "0.25", "extra": "", "setting_url": "http://vllm:8000/v1",
        "setting_model": "judge-1", "setting_api_key": "sk-secret", "setting_answer_form": "json_schema",
        "failures-TOTAL_FORMS": "0", "failures-INITIAL_FORMS": "0", **changes,
    }  # fmt: skip


def test_first_the_kind_is_chosen(admin: Client) -> None:
    page = admin.get(ADD).content.decode()
    assert all(f"?kind={name}" in page for name in JUDGES)


@pytest.mark.parametrize("kind", JUDGES)
def test_the_form_is_made_of_the_judges_fields(admin: Client, kind: str) -> None:
    page = admin.get(ADD, {"kind": kind}).content.decode()
    assert all(f'name="setting_{field.name}"' in page for field in JUDGES[kind].fields)


def test_a_judge_is_stored_with_its_settings_and_defaults(admin: Client, cast: Cast) -> None:
    assert admin.post(ADD, typed(cast)).status_code == 302
    stored = Judge.objects.get().settings
    assert (stored["url"], stored["api_key"], stored["timeout_seconds"]) == (
        "http://vllm:8000/v1",
        "sk-secret",
        30.0,
    )


def test_a_missing_endpoint_is_shown_beside_its_field(admin: Client, cast: Cast) -> None:
    page = admin.post(ADD, typed(cast, setting_url="")).content.decode()
    assert "url: missing" in page
    assert not Judge.objects.exists()


def test_a_rule_without_rules_is_refused_with_its_reason(admin: Client, cast: Cast) -> None:
    page = admin.post(ADD, typed(cast, kind="business_rule")).content.decode()
    assert "without any rule" in page
    assert not Judge.objects.exists()


def test_a_key_is_not_shown_again_and_stays_when_left_empty(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast))
    judge = Judge.objects.get()
    address = f"/admin/monitor/judge/{judge.pk}/change/"
    assert "sk-secret" not in admin.get(address).content.decode()
    assert admin.post(address, typed(cast, setting_api_key="", hourly_budget="60")).status_code == 302
    judge.refresh_from_db()
    assert (judge.settings["api_key"], judge.hourly_budget) == ("sk-secret", 60)


def test_a_share_above_one_is_refused(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast, sample_share="2"))
    assert not Judge.objects.exists()


def test_limits_and_the_people_who_label_are_set_beside_the_judge(admin: Client, cast: Cast) -> None:
    admin.post(
        ADD, typed(cast, extra="uncertain", per_minute="30", daily_tokens="100000", guidelines="Be fair.")
    )
    made = Judge.objects.get()
    assert (made.extra, made.per_minute, made.daily_tokens, made.guidelines) == (
        "uncertain",
        30,
        100000,
        "Be fair.",
    )


def test_a_limit_in_dollars_without_prices_is_refused(admin: Client, cast: Cast) -> None:
    page = admin.post(ADD, typed(cast, daily_usd="5")).content.decode()
    assert "needs the prices" in page
    assert not Judge.objects.exists()


def test_a_criterion_is_edited_in_both_languages(admin: Client, cast: Cast) -> None:
    admin.post(ADD, typed(cast, setting_criterion="Is it kind?", setting_criterion_zh="是否友善？"))
    stored = Judge.objects.get().settings
    assert (stored["criterion"], stored["criterion_zh"]) == ("Is it kind?", "是否友善？")
