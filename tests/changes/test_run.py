"""From an alert that fires over stored calls to the line in its message."""

import datetime as dt

import pytest

from monitor.alerting import deliver, receive
from monitor.alerting.models import Contact
from monitor.changes import read, run
from monitor.changes.models import ChangeSearch
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, fingerprint
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

EXPR = "histogram_quantile(0.95, sum by (model) (rate(llm_request_duration_seconds[5m]))) > 2"
ERRORS = "sum(rate(llm_errors_total[5m])) / sum(rate(llm_requests_total[5m])) > 0.1"


def nothing_recorded(_project_id: int) -> dict[str, str]:
    return {}


@pytest.fixture
def calls(push: Push, now: dt.datetime) -> None:
    """An hour of calls; in the last five minutes version v2 is new, and slow on one route."""
    rows = []
    for place in range(720):
        at = now - dt.timedelta(seconds=5 * (720 - place))
        late = at >= now - dt.timedelta(minutes=5)
        row = {
            "at": at, "route": ("/chat", "/search", "/plan")[place % 3], "tenant": f"t{place % 4}",
            "version": "v2" if late and place % 2 else "v1", "duration_seconds": 0.5 + (place * 7 % 10) / 20,
            "input_tokens": 40 + place % 3, "language": "en",
        }  # fmt: skip
        if row["version"] == "v2" and row["route"] == "/search":
            row["duration_seconds"] = 6.0 + place % 3
            row["error"] = "timeout"
        rows.append(row)
    push(rows)


def fired(cast: Cast, now: dt.datetime, expr: str = EXPR, **labels: str) -> str:
    notice = Notice(
        Labels({"alertname": "Slow", **labels}), now, expr=expr, active_at=now - dt.timedelta(minutes=2), value=6.0,
        link="/p/shop/explore/?expr=x",
    )  # fmt: skip
    receive.take(cast.project.id, [notice], now=now)
    run.want(cast.project.id, [notice], nothing_recorded, now=now)
    return f"{fingerprint(cast.project.id, notice.labels):016x}"


@pytest.mark.usefixtures("calls")
def test_the_slice_its_examples_and_the_new_version_are_told(cast: Cast, now: dt.datetime) -> None:
    identity = fired(cast, now, model="qwen")
    assert (run.waiting(), run.run_due(nothing_recorded), run.waiting()) == (True, 1, False)
    story = read.story(cast.project.id, identity)
    assert story is not None
    assert (story.state, story.error) == ("done", "")
    (top, *_) = story.findings.slices
    assert set(top.parts) == {("version", "v2"), ("route", "/search")}
    assert (top.now or 0) > 5
    assert top.before is None
    examples = read.examples(cast.project.id, top.examples)
    assert [one.error for one in examples] == ["timeout"] * 3
    assert [one.version for one in story.findings.deployments] == ["v2"]


@pytest.mark.usefixtures("calls")
def test_the_message_says_it_though_nobody_had_looked_yet(cast: Cast, now: dt.datetime, pager: Pager) -> None:
    Contact.objects.update(language="en")
    fired(cast, now, ERRORS)
    deliver.run_due(now=now + dt.timedelta(seconds=11), knows=run.teller(nothing_recorded))
    (alert,) = pager.service.received[0].json["alerts"]
    assert alert["annotations"]["top_slice_en"].startswith("version=v2, route=/search: ")


def test_few_calls_say_nothing(cast: Cast, now: dt.datetime) -> None:
    identity = fired(cast, now)
    run.run_due(nothing_recorded)
    story = read.story(cast.project.id, identity)
    assert story is not None
    assert (story.findings.verdict, story.findings.slices) == ("few", ())


def test_an_alert_is_looked_into_once(cast: Cast, now: dt.datetime) -> None:
    fired(cast, now)
    fired(cast, now)
    assert ChangeSearch.objects.count() == 1


def test_an_alert_on_no_calls_asks_for_nothing(cast: Cast, now: dt.datetime) -> None:
    fired(cast, now, "up == 0")
    assert not run.waiting()


@pytest.mark.usefixtures("calls")
def test_a_search_that_cannot_be_done_says_why_and_is_not_tried_for_ever(
    cast: Cast, now: dt.datetime
) -> None:
    identity = fired(cast, now, 'rate(llm_requests_total{model=~"\\\\pL+"}[5m]) > 1')
    run.run_due(nothing_recorded)
    story = read.story(cast.project.id, identity)
    assert story is not None
    assert (story.state, bool(story.error)) == ("failed", True)


def test_old_findings_are_forgotten(cast: Cast, now: dt.datetime) -> None:
    fired(cast, now)
    run.forget(now=now + dt.timedelta(days=31), days=30)
    assert not ChangeSearch.objects.exists()
