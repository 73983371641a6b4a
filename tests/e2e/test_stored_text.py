"""What senders and people write is shown as they wrote it and never becomes part of a page."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache

from dashboards.boards import shelf
from dashboards.boards.document import Board, Panel, Query, Variable
from dashboards.boards.shelf import Author
from dashboards.pages import PAGES
from monitor.alerting.models import Contact
from monitor.ingest import calls
from monitor.rules import evaluate
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_browser import Viewer
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import NOON, Cast

pytestmark = pytest.mark.browser
# out of attributes, elements, comments, scripts, templates and addresses; whatever gets through is marked
HOSTILE = (
    "</textarea></title></script>--><img src=x onerror=window.ran=1 data-planted><script>window.ran=1</script>"
    '"\'` onfocus=window.ran=1 autofocus data-planted x=" {{7*7}}${7*7}<a href=javascript:window.ran=1 data-planted>a</a>'
    "<svg onload=window.ran=1 data-planted></svg><b data-planted>\u202e\x1b[31m"
)


@pytest.fixture
def planted(cast: Cast, push: Push, now: dt.datetime) -> Sequence[Any]:
    """A project full of it: calls, marks, rules and their alerts, contacts, a board."""
    cache.clear()
    text = dict.fromkeys(
        ("model", "environment", "operation", "provider", "route", "finish_reason", "session", "tenant", "topic",
         "template", "reference", "language", "trace_id"), HOSTILE[:290]
    )  # fmt: skip
    ids = push([
        {
            **text, "version": version + HOSTILE[:280], "at": now - dt.timedelta(minutes=minute), "duration_seconds": 1.0,
            "ttft_seconds": 0.2, "output_tokens": 5, "prompt": [{"role": HOSTILE, "content": HOSTILE}], "output": HOSTILE,
            "error": HOSTILE[:290] if minute % 5 == 0 else None, "attributes": {HOSTILE: HOSTILE},
            "contexts": [{"id": HOSTILE, "text": HOSTILE, "score": 0.5}], "tokens": [{"text": HOSTILE, "logprob": -2.0}],
        }
        for version in ("a", "b") for minute in range(1, 30)
    ])  # fmt: skip
    calls.rate(cast.project.id, ids[0], 1.0, HOSTILE, HOSTILE, now=now)
    group = RuleGroup.objects.create(project=cast.project, name=HOSTILE[:200], interval_ms=15_000)
    Rule.objects.create(
        group=group, name="Hostile", expr="sum by (model, version) (llm_requests_total) > 0",
        labels={"team": HOSTILE}, annotations={"summary": HOSTILE, "description": HOSTILE, "runbook_url": "javascript:window.ran=1"},
    )  # fmt: skip
    evaluate.run_due(evaluate.stored(lambda *_: None, now=now), now=now)
    Contact.objects.create(
        project=cast.project, name=HOSTILE[:100], kind="webhook", settings={"url": "http://127.0.0.1:9/"}
    )
    rate = Query("sum by (model, version) (llm_requests_total)", legend="{{model}} {{version}} " + HOSTILE)
    panels = [
        Panel(number, kind, HOSTILE, y=8 * number, w=12, h=8, queries=[rate], about=HOSTILE)
        for number, kind in enumerate(("timeseries", "stat", "bar", "table", "histogram"), 1)
    ]
    panels.append(
        Panel(9, "text", HOSTILE, y=80, w=12, h=8, options={"content": HOSTILE, "mode": "markdown"})
    )
    board = Board(
        HOSTILE,
        panels=panels,
        variables=[Variable("v", "query", query="label_values(llm_requests_total, model)")],
    )
    shelf.make(cast.project.id, board, Author(HOSTILE[:100], NOON), uid="hostile")
    return ids


def test_nothing_stored_runs_or_becomes_part_of_a_page(viewer: Viewer, planted: Sequence[Any]) -> None:
    got_in = []
    for page in [*PAGES, "dashboards/hostile", "dashboards/hostile?edit", f"generations/{planted[0]}"]:
        name, _, edit = page.partition("?")
        viewer.open(name, **({edit: "1"} if edit else {}))
        found = viewer.page.evaluate(
            "[window.ran || 0, document.querySelectorAll('[data-planted]').length,"
            " document.querySelectorAll('a[href^=\"javascript:\"]').length]"
        )
        if any(found) or viewer.trouble:
            got_in.append((page, found, list(viewer.trouble)))
            viewer.trouble.clear()
    assert got_in == []
    # it was there to be seen
    assert "<script>window.ran=1</script>" in viewer.page.inner_text("main")


def test_nothing_in_an_address_becomes_part_of_a_page(viewer: Viewer, world: object) -> None:
    hostile = "".join(
        f"&{name}={quote(HOSTILE)}" for name in ("q", "model", "version", "a", "b", "tab", "signal")
    )
    for page in ("generations", "compare", "drift"):
        viewer.page.goto(f"{viewer.url}/p/shop/{page}/?{viewer.span}{hostile}")
        viewer.settle()
        assert viewer.page.evaluate(
            "[window.ran || 0, document.querySelectorAll('[data-planted]').length]"
        ) == [0, 0]
