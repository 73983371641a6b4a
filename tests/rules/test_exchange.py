"""Rule groups into the tables and out again."""

import pytest

from monitor.rules import exchange, yaml
from monitor.rules.history import Author
from tests.fixtures.fix_cast import NOON, Cast


@pytest.mark.parametrize("interval", ["", "interval: 1m\n  ", "interval: 15s\n  "])
def test_an_interval_is_written_where_the_file_had_one(cast: Cast, interval: str) -> None:
    text = f"groups:\n- name: a\n  {interval}rules:\n  - alert: Slow\n    expr: up > 1\n"
    (group,) = yaml.load(text)
    exchange.take(cast.project.id, [group], exchange.Terms(Author("ada", NOON)))
    (given,) = exchange.give(cast.project.id)
    assert given.interval_ms == group.interval_ms
