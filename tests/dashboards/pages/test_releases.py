import datetime as dt

import pytest
from django.test import Client

from monitor.canary import run
from monitor.canary.models import Mode, Release, State
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides
from tests.fixtures.fix_world import Look

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def failed(sides: Sides, release: Open, now: dt.datetime) -> Release:
    """A version that fails eight times as often; people decide."""
    sides(120, share=0.5, worse=8.0)
    found = release(mode=Mode.RECOMMEND)
    run.step(found, now=now + MINUTE)
    return found


def test_the_verdict_stands_first_in_words(look: Look, failed: Release) -> None:
    assert "v2 must go back: errors ×" in look("releases").content.decode()


def test_what_is_passed_by_unlike_calls_is_not_green(
    look: Look, sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.2, per_minute=40, errors=0.2, topic="hard")
    sides(121, share=0.8, per_minute=40, errors=0.02, topic="easy")
    found = release()
    run.step(found, now=now + MINUTE)
    one = look(f"releases/{found.pk}").context["one"]
    assert (found.verdict, one.tone) == ("pass", "unknown")
    assert one.sentence.startswith("Not decided")


def test_a_release_opens_with_its_gates_and_evidence(look: Look, failed: Release) -> None:
    context = look(f"releases/{failed.pk}").context
    assert [gate.tone for gate in context["gates"]] == ["bad"]
    assert context["evidence"].figure["data"]
    assert context["shares"].figure["data"]


def test_what_is_proposed_waits_for_a_person(look: Look, failed: Release) -> None:
    assert "Nothing happens until somebody decides" in look(f"releases/{failed.pk}").content.decode()


def test_an_editor_rolls_back(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.ada)
    client.post(f"/p/shop/releases/{failed.pk}/", {"do": "rollback"})
    failed.refresh_from_db()
    assert failed.state == State.ROLLING_BACK
    assert failed.decisions.last().by == "ada"  # type: ignore[union-attr] # there is one


def test_a_decision_tells_its_reason_in_the_language_of_the_reader(
    client: Client, cast: Cast, failed: Release
) -> None:
    client.force_login(cast.ada)
    place = f"/p/shop/releases/{failed.pk}/"
    client.post(place, {"do": "hold"})
    made = failed.decisions.get(kind="hold")
    client.cookies["django_language"] = "zh-hans"
    assert made.told["zh"] in client.get(place).content.decode()
    # as it was written down before reasons had languages
    failed.decisions.update(told={})
    assert f'lang="en">{made.reason}' in client.get(place).content.decode().replace("&#x27;", "'")


def test_an_editor_closes_without_moving_traffic(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.ada)
    place = f"/p/shop/releases/{failed.pk}/"
    assert 'value="close"' in client.get(place).content.decode()
    client.post(place, {"do": "close"})
    failed.refresh_from_db()
    assert failed.state == State.ENDED
    assert "closed; no traffic was moved" in client.get(place).content.decode()


def test_a_failure_is_approved_only_with_a_tick(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.ada)
    place = f"/p/shop/releases/{failed.pk}/"
    page = client.get(place).content.decode()
    assert 'name="stage" value="0"' in page
    assert 'name="override"' in page
    assert "override" in client.post(place, {"do": "approve", "stage": "0"}).content.decode()
    client.post(place, {"do": "approve", "stage": "0", "override": "yes"})
    failed.refresh_from_db()
    assert failed.state == State.PROMOTING


def test_a_viewer_decides_nothing(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.ben)
    assert client.post(f"/p/shop/releases/{failed.pk}/", {"do": "rollback"}).status_code == 403
    failed.refresh_from_db()
    assert failed.state == State.OPEN


def test_a_stranger_finds_no_release(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.cy)
    assert client.get(f"/p/shop/releases/{failed.pk}/").status_code == 404
    assert client.get(f"/p/other/releases/{failed.pk}/").status_code == 404
    assert client.get(f"/p/other/releases/{failed.pk}/evidence.json").status_code == 404


def test_the_evidence_is_a_file(client: Client, cast: Cast, failed: Release) -> None:
    client.force_login(cast.ben)
    answer = client.get(f"/p/shop/releases/{failed.pk}/evidence.json")
    assert answer.json()["format"] == "vigil-release-evidence/3"
    assert "attachment" in answer["Content-Disposition"]


def test_a_release_is_opened_by_hand(client: Client, cast: Cast, sides: Sides) -> None:
    sides(30, share=0.5)
    client.force_login(cast.ada)
    form = {
        "do": "open",
        "model": "qwen",
        "stable": "v1",
        "canary": "v2",
        "stages": "10, 100",
        "mode": "recommend",
        "stratify": "",
    }
    client.post("/p/shop/releases/new/", form)
    assert [stage.share for stage in Release.objects.get().stages.all()] == [0.1, 1.0]


def test_a_form_that_makes_no_sense_says_what_is_wrong(client: Client, cast: Cast, sides: Sides) -> None:
    sides(30, share=0.5)
    client.force_login(cast.ada)
    form = {"do": "open", "model": "qwen", "stable": "v1", "canary": "v2", "stages": "20, 10"}
    answer = client.post("/p/shop/releases/new/", form)
    assert "each must have a greater share" in answer.content.decode()
