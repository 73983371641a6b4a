import pytest

from monitor.rules.stages import stages

ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


@pytest.mark.parametrize(
    "rules, found",
    [
        ([("up == 0", ALERTS), ("x > 1", ALERTS)], [[0, 1]]),
        ([("sum(x)", ("job:x",)), ("job:x > 1", ALERTS)], [[0], [1]]),
        ([("sum(x)", ("job:x",)), ("sum(y)", ("job:y",)), ("job:x / job:y", ("r",)), ("r > 1", ALERTS)], [[0, 1], [2], [3]]),
        ([("job:x > 1", ALERTS), ("sum(x)", ("job:x",))], [[0, 1]]),
        ([("up == 0", ALERTS), ('count(ALERTS{alertstate="firing"})', ("n",))], [[0], [1]]),
        ([("sum(x)", ("job:x",)), ('max_over_time({__name__=~"job:.*"}[5m])', ("m",))], [[0], [1]]),
        ([("sum(x)", ("job:x",)), ('count({job="api"})', ("n",))], [[0], [1]]),
        ([("sum(", ("broken",)), ("sum(x", ALERTS)], [[0, 1]]),
        ([], []),
    ],
)  # fmt: skip
def test_a_rule_waits_for_what_an_earlier_one_writes(
    rules: list[tuple[str, tuple[str, ...]]], found: list[list[int]]
) -> None:
    assert [list(stage) for stage in stages(rules)] == found
