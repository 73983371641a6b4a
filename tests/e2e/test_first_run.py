"""A newcomer's first minutes in a real browser: a key, a first call, an alert that fires and is silenced; a label."""

import json
import urllib.request

import pytest

from monitor.alerting import receive
from monitor.core import clock
from monitor.quality.models import Judge, JudgeEpoch, Label
from monitor.rules import evaluate
from monitor.store.calls import scores
from tests.fixtures.fix_browser import Viewer
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.browser
CALL = {"model": "my-model", "version": "v1", "duration_seconds": 9.5, "prompt": "Why?", "output": "Because."}


def send(viewer: Viewer, key: str, **more: str) -> None:
    request = urllib.request.Request(  # noqa: S310 — loopback
        f"{viewer.url}/api/v1/generations",
        json.dumps({"generations": [CALL | more]}).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 — as above
        assert json.load(answer)["accepted"] == 1


def evaluated() -> None:
    """What the worker does every few seconds."""
    now = clock.now()
    evaluate.run_due(evaluate.stored(lambda *told: receive.take(*told, now=now), now=now), now=now)


def test_from_the_first_page_to_an_alert_of_ones_own(viewer: Viewer, cast: Cast) -> None:
    page = viewer.page
    page.goto(f"{viewer.url}/p/shop/settings/")
    page.fill("form:has([value=create-key]) [name=name]", "gateway")
    page.click("[value=create-key]")
    send(viewer, page.inner_text("#new-key"))
    # it turns green by itself
    page.wait_for_selector("#part-arrived .good")
    page.click("#part-arrived a:has-text('overview')")
    # a call of this very moment may be behind the last step of the page: then the next refresh brings it
    page.wait_for_selector("tr:has-text('my-model')", timeout=90_000)
    page.click(".rail a[data-key=r]")
    page.select_option("[name=measure]", "p95")
    page.select_option("[name=window]", "5m")
    page.fill("[name=limit]", "5")
    page.fill("[name=least]", "1")
    page.click("[value=build]")
    page.wait_for_selector("[name=for_ms]")
    page.fill("[name=for_ms]", "0s")
    page.click("[value=save]")
    page.wait_for_selector(".notice.good")
    evaluated()
    page.click(".rail a[data-key=a]")
    page.click("tr:has-text('my-model') a:has-text('Silence')")
    page.fill("[name=comment]", "known")
    page.click("[value=silence]")
    page.wait_for_selector("text=silenced")
    assert viewer.trouble == []


def test_a_call_is_labelled_with_one_key(viewer: Viewer, cast: Cast) -> None:
    now = clock.now()
    for name in ("one", "two"):
        send(viewer, cast.key, id=name)
    calls = scores.locate(cast.project.id, ["one", "two"]).values()
    judge = Judge.objects.create(project=cast.project, name="help", kind="rubric", settings={"url": "http://127.0.0.1:9/v1", "model": "m"})  # fmt: skip
    JudgeEpoch.objects.create(judge=judge, number=1, fingerprint="f", started_at=now)
    marks = [scores.ScoreRow(one, "help", "judge", 4.0, "fine", "rubric#1") for one in calls]
    scores.put(cast.project.id, marks, now=now)
    viewer.page.goto(f"{viewer.url}/p/shop/labelling/")
    with viewer.page.expect_navigation():
        viewer.page.keyboard.press("4")
    assert [one.value for one in Label.objects.all()] == [4.0]
