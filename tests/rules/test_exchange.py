"""Rule groups into the tables and out again."""

import datetime as dt

import pytest

from monitor.rules import exchange, yaml
from monitor.rules.history import Author
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_cast import NOON, Cast


@pytest.mark.parametrize("interval", ["", "interval: 1m\n  ", "interval: 15s\n  "])
def test_an_interval_is_written_where_the_file_had_one(cast: Cast, interval: str) -> None:
    text = f"groups:\n- name: a\n  {interval}rules:\n  - alert: Slow\n    expr: up > 1\n"
    (group,) = yaml.load(text)
    exchange.take(cast.project.id, [group], exchange.Terms(Author("ada", NOON)))
    (given,) = exchange.give(cast.project.id)
    assert given.interval_ms == group.interval_ms


TEXT = """groups:
- name: a
  interval: 1m
  rules:
  - {alert: Slow, expr: up > 1}
  - {alert: Fast, expr: up < 1, labels: {severity: info}}
- name: b
  rules:
  - {alert: Third, expr: up > 3}
  - {record: x:y, expr: sum(up)}
"""


def _taken(project_id: int, text: str) -> None:
    exchange.take(project_id, yaml.load(text), exchange.Terms(Author("ada", NOON)))


def _on(project_id: int) -> list[tuple[str, bool, str, bool]]:
    rows = Rule.objects.filter(group__project_id=project_id).order_by("group__name", "position")
    return [
        (row.group.name, row.group.enabled, row.name, row.enabled) for row in rows.select_related("group")
    ]


def test_what_is_switched_off_is_so_again_after_export_and_import(cast: Cast) -> None:
    _taken(cast.project.id, TEXT)
    Rule.objects.filter(name__in=["Fast", "Third"]).update(enabled=False)
    RuleGroup.objects.filter(name="b").update(enabled=False)
    given = yaml.dump(exchange.give(cast.project.id))
    _taken(cast.other.id, given)
    assert _on(cast.other.id) == _on(cast.project.id)
    assert [row[1] and row[3] for row in _on(cast.other.id)] == [True, False, False, False]
    assert yaml.dump(exchange.give(cast.other.id)) == given


def test_an_import_of_what_is_off_leaves_it_where_it_is(cast: Cast) -> None:
    _taken(cast.project.id, TEXT)
    Rule.objects.filter(name="Fast").update(enabled=False)
    before = set(Rule.objects.values_list("pk", "enabled"))
    _taken(cast.project.id, yaml.dump(exchange.give(cast.project.id)))
    assert set(Rule.objects.values_list("pk", "enabled")) == before


@pytest.mark.parametrize(("interval", "due"), [("1m", NOON), ("5s", None)])
def test_another_interval_counts_from_now(cast: Cast, interval: str, due: dt.datetime | None) -> None:
    _taken(cast.project.id, TEXT)
    RuleGroup.objects.update(due_at=NOON)
    _taken(cast.project.id, TEXT.replace("1m", interval))
    assert RuleGroup.objects.get(name="a").due_at == due


def test_groups_of_one_name_out_of_long_paths_can_be_stored_again(cast: Cast) -> None:
    for source in ("", "/etc/" + "x" * 300 + "/a.yml", "/etc/" + "y" * 300 + "/a.yml"):
        RuleGroup.objects.create(project=cast.project, name="n" * 200, source=source)
    _taken(cast.other.id, yaml.dump(exchange.give(cast.project.id)))
    assert RuleGroup.objects.filter(project=cast.other).count() == 3
