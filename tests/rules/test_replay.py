"""The steps that a replay skips are those that change nothing; what it finds is what live evaluation finds."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.query.threshold import Threshold, find
from monitor.rules import facts as known_facts
from monitor.rules import replay, state
from monitor.rules.facts import Facts, Surroundings
from monitor.rules.replay import Seen
from monitor.rules.state import Holds
from tests.fixtures.fix_cast import NOON

STEP = dt.timedelta(seconds=15)
SERIES = [Labels({"__name__": "p99", "version": version}) for version in ("v1", "v2", "v3")]


def answers(rows: list[list[bool]]) -> Seen:
    present = np.array(rows, dtype=bool)
    steps = present.shape[1]
    times = clock.to_ms(NOON) + 15_000 * np.arange(steps)
    values = np.arange(steps) + 100.0 * np.arange(len(rows))[:, None]
    return Seen(times, SERIES[: len(rows)], values, present)


def stepped(facts: Facts, seen: Seen) -> list[tuple[dt.datetime, str, Labels, float]]:
    """Every step in turn, as live."""
    around = Surroundings(lambda _: known_facts.Answer())
    known: tuple[state.Alert, ...] = ()
    found: list[tuple[dt.datetime, str, Labels, float]] = []
    for place, at_ms in enumerate(seen.times.tolist()):
        at = clock.from_ms(at_ms)
        rows = np.flatnonzero(seen.present[:, place])
        vector = [(seen.labels[row], float(seen.values[row, place])) for row in rows]
        try:
            new = state.step(
                known, known_facts.seen(facts, known_facts.Answer(vector), around), facts.holds, at=at
            )
            known_facts.within(facts.limit, sum(alert.active for alert in new.alerts), "alerts")
        except state.SameLabelsError:
            continue
        except known_facts.TooManyError:
            new = state.cleared(known)
        known = new.alerts
        found += [(at, change.to, change.alert.labels, change.alert.value) for change in new.changes]
    return found


HOLDS = st.builds(
    Holds,
    *(st.sampled_from([0, 10, 15, 30, 40, 90]).map(lambda s: dt.timedelta(seconds=s)) for _ in range(2)),
)
STRETCHES = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), min_size=1, max_size=12).map(
    lambda parts: [on for on, length in parts for _ in range(length)][:60]
)


@given(
    st.lists(STRETCHES, min_size=1, max_size=3),
    HOLDS,
    st.sampled_from(
        [{}, {"severity": "page"}, {"version": "all"}, {"at": "{{ $value }}"}, {"v": "{{ $labels.version }}"}]
    ),
    st.sampled_from([0, 0, 1, 2]),
)
def test_skipping_steps_changes_nothing(
    rows: list[list[bool]], holds: Holds, labels: dict[str, str], limit: int
) -> None:
    width = max(map(len, rows))
    seen = answers([row + [False] * (width - len(row)) for row in rows])
    facts = Facts("Slow", "p99 > 1", holds=holds, labels=labels, limit=limit)
    story = replay.run(facts, seen)
    found = [(event.at, event.to, event.alert.labels, event.alert.value) for event in story.events]
    assert found == stepped(facts, seen)


def test_texts_are_filled_in_with_the_values_of_their_time() -> None:
    facts = Facts("Slow", "p99", annotations={"summary": "{{ $labels.version }} at {{ $value }}"})
    story = replay.run(facts, answers([[False, True, True, True, False]]), texts=True)
    assert [(event.to, event.alert.annotations["summary"]) for event in story.events] == [
        ("firing", "v1 at 1"), ("resolved", "v1 at 3"),
    ]  # fmt: skip


def test_the_time_that_alerts_fire_is_added_up_to_the_end() -> None:
    story = replay.run(Facts("Slow", "p99"), answers([[True, True, False, True, True]]))
    assert story.firing_seconds() == 45
    assert story.firings == 2


def test_a_limit_is_moved_over_the_same_answers() -> None:
    seen = answers([[True] * 8])
    limit = Threshold("p99", ">=", 3.0)
    story = replay.run(Facts("Slow", limit.bare), seen.over(limit.holds))
    assert [event.at for event in story.events] == [NOON + 3 * STEP]


@pytest.mark.parametrize(
    "expr, found",
    [
        ("rate(x[5m]) / rate(y[5m]) > 0.01", Threshold("rate(x[5m]) / rate(y[5m])", ">", 0.01)),
        ("0.5 < x", Threshold("x", ">", 0.5)),
        ("(a / b) < -1", Threshold("(a / b)", "<", -1.0)),
        ('p{b="and >"} >= 1e-3 and sum(x) > 5', Threshold('p{b="and >"}', ">=", 0.001, "and sum(x) > 5")),
        ("a > b", None), ("a or b > 1", None), ("x > bool 1", None), ("up", None), ("sum(", None),
    ],
)  # fmt: skip
def test_the_limit_of_an_expression_is_found(expr: str, found: Threshold | None) -> None:
    assert find(expr) == found


def test_an_expression_can_be_written_with_another_limit() -> None:
    limit = find("p99 > 0.5 and sum(x) > 5")
    assert limit is not None
    assert (limit.moved(0.25), limit.bare) == ("p99 > 0.25\nand sum(x) > 5", "(p99) and sum(x) > 5")
