"""Rules whose times lie as far away as a duration can say."""

import pytest

from monitor.core import durations
from monitor.rules import evaluate
from monitor.rules.models import Rule, RuleAlert, RuleGroup
from tests.fixtures.fix_cast import NOON, Cast


@pytest.mark.parametrize("kind", ["alert", "record"])
def test_times_of_another_century_stop_nothing(cast: Cast, kind: str) -> None:
    far = durations.LONGEST_MS
    group = RuleGroup.objects.create(project=cast.project, name="far", interval_ms=far, query_offset_ms=far)
    Rule.objects.create(
        group=group, name="far", kind=kind, expr="vector(1)", for_ms=far, keep_firing_for_ms=far
    )
    near = RuleGroup.objects.create(project=cast.project, name="near")
    Rule.objects.create(group=near, name="Near", expr="vector(1)")
    evaluate.run_due(evaluate.stored(lambda *_: None, now=NOON), now=NOON)
    assert RuleAlert.objects.filter(rule__name="Near", state="firing").count() == 1
    assert [row.last_error for row in RuleGroup.objects.all()] == ["", ""]
