import datetime as dt

import pytest

from monitor.canary import run
from monitor.canary.models import Verdict
from monitor.canary.wishes import GateWish
from monitor.core.clock import to_ms
from monitor.core.labels import NAME, Labels
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def gauge(cast: Cast, now: dt.datetime) -> "Gauge":
    return Gauge(cast.project.pk, now)


class Gauge:
    """``gauge(name, value, label=…)``: a series of the last ten minutes."""

    def __init__(self, project_id: int, now: dt.datetime) -> None:
        self.project_id, self.now = project_id, now

    def __call__(self, name: str, value: float, **labels: str) -> None:
        full = Labels({NAME: name, **labels})
        points = [(full, to_ms(self.now - age * MINUTE), value) for age in range(10, -1, -1)]
        append.samples(self.project_id, points, now=self.now)


def verdict(release: Open, now: dt.datetime, *gates: GateWish) -> str:
    found = release(gates=gates)
    run.step(found, now=now + MINUTE)
    found.refresh_from_db()
    assert found.last_error == ""
    return found.verdict


QUEUE = GateWish(
    "promql", "queue", pass_when='queue{version="$canary"} < 5', fail_when='queue{version="$canary"} > 50'
)


@pytest.mark.parametrize(
    "depth, said", [(3.0, Verdict.PASS), (20.0, Verdict.UNDECIDED), (80.0, Verdict.FAIL)]
)
def test_a_condition_has_three_answers(
    sides: Sides, release: Open, gauge: Gauge, now: dt.datetime, depth: float, said: Verdict
) -> None:
    sides(30, share=0.5)
    gauge("queue", depth, version="v2")
    assert verdict(release, now, QUEUE) == said


def test_a_condition_without_data_is_undecided(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(30, share=0.5)
    assert verdict(release, now, QUEUE) == Verdict.UNDECIDED


@pytest.mark.parametrize(
    "evidence, said", [(0.1, Verdict.PASS), (0.8, Verdict.UNDECIDED), (1.0, Verdict.UNDECIDED)]
)
def test_drift_of_the_new_version_holds_up_and_fails_nothing(
    sides: Sides, release: Open, gauge: Gauge, now: dt.datetime, evidence: float, said: Verdict
) -> None:
    sides(30, share=0.5)
    gauge("queue", 3.0, version="v2")
    gauge("llm_drift_evidence", evidence, model="qwen", version="v2", feature="output_length", slice="")
    assert verdict(release, now, GateWish("drift"), QUEUE) == said


def test_drift_alone_passes_nothing(sides: Sides, release: Open, gauge: Gauge, now: dt.datetime) -> None:
    sides(30, share=0.5)
    gauge("llm_drift_evidence", 0.1, model="qwen", version="v2", feature="output_length", slice="")
    assert verdict(release, now, GateWish("drift")) == Verdict.UNDECIDED


@pytest.mark.parametrize(
    "canary, said",
    [((0.60, 0.66), Verdict.FAIL), ((0.85, 0.90), Verdict.PASS), ((0.74, 0.90), Verdict.UNDECIDED)],
)
def test_corrected_quality_is_compared_with_its_uncertainty(
    sides: Sides, release: Open, gauge: Gauge, now: dt.datetime, canary: tuple[float, float], said: Verdict
) -> None:
    sides(30, share=0.5)
    for version, (low, high) in (("v1", (0.84, 0.90)), ("v2", canary)):
        for name, value in (("lower", low), ("estimate", (low + high) / 2), ("upper", high)):
            gauge("llm_quality_rate", value, model="qwen", version=version, rubric="r", bound=name)
    assert verdict(release, now, GateWish("quality_rate")) == said
