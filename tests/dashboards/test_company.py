import datetime as dt

import pytest

from dashboards import company
from monitor import query
from monitor.engines import behind, signals
from monitor.engines.hosts import Place
from monitor.engines.read import Placed
from monitor.gpu.rows import XidRow
from monitor.rules.models import RuleAlert
from tests.dashboards.pages.test_alerts import fired as fired  # noqa: PLC0414 - a fixture
from tests.fixtures.fix_cast import NOON
from tests.fixtures.fix_world import Look


@pytest.mark.parametrize(
    "seconds, said",
    [
        (60, "1\u00a0min before"),
        (-30, "30\u00a0s after"),
        (0, "at the same time"),
        (300, "5\u00a0min or more before"),
    ],
)
def test_a_lag_says_which_moved_first(seconds: float, said: str) -> None:
    assert company.lag_text(seconds) == said


@pytest.mark.parametrize("minutes, said", [(-2, "2\u00a0min before"), (1, "1\u00a0min after")])
def test_an_event_is_told_as_a_fact(minutes: int, said: str) -> None:
    event = XidRow(NOON + dt.timedelta(minutes=minutes), "gpu-1", "0", "H100", 79)
    assert company.event_text(event, NOON).startswith(f"XID 79 on gpu-1 / 0, {said}")


def test_every_candidate_has_its_words_and_a_question_that_can_be_asked() -> None:
    names = {source.name for one in signals.SIGNALS.values() for source in one.sources}
    engine = Placed("vllm", "gpu-1:8000", (), Place())
    for more in (set[str](), {"llm_requests_total"}):
        for one in behind.candidates(names | more, {"model": "q"}, ["gpu-1"], [engine], 60_000):
            assert company.SIGNALS[one.signal]
            assert company.FAMILIES[one.family]
            assert query.check(one.expr) is None


def test_a_latency_alert_says_what_moved_or_why_not(look: Look, world: object, fired: RuleAlert) -> None:
    page = look("alerts/0000000000000007").content.decode()
    assert "What moved with it" in page
    assert "too little to tell company from chance" in page


def test_an_alert_without_a_beginning_is_not_looked_into(fired: RuleAlert) -> None:
    assert company.shown(None, "7", "llm_latency > 1", {}, None) is None  # type: ignore[arg-type] # not asked


def test_the_answer_of_a_young_alert_is_kept_for_minutes() -> None:
    assert behind.end_of(NOON, NOON + dt.timedelta(minutes=6)) == behind.end_of(
        NOON, NOON + dt.timedelta(minutes=9)
    )
