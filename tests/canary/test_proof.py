import numpy as np

from monitor.canary.paths import Gate
from monitor.canary.proof import MOST, MOST_SILENT, prove
from monitor.canary.sums import CANARY, STABLE, Body, Flag, Number, Part

JUDGED = Gate("judge_score", "judge_score")


def bucket(n: int, *, canary: int = 0, errors: int = 0, mark: float | None = None) -> Body:
    found = []
    for arm, calls in ((STABLE, n), (CANARY, canary)):
        if calls:
            number = Number([(0, calls, mark * calls)], mark * mark * calls, []) if mark is not None else None
            numbers = {"judge right": number} if number else {}
            found.append(Part(arm, "", calls, {"error": Flag(calls, errors, [0, calls, errors])}, numbers))
    return Body(found)


def test_without_a_mark_since_it_is_gone_and_no_more_is_said() -> None:
    before = [bucket(50, canary=50, mark=4.0)] * 10
    found = prove(before, [bucket(100)] * 3, [JUDGED])
    assert (found.state, found.reason) == ("waiting", "gone")
    found = prove(before, [bucket(100)] * MOST, [JUDGED])
    assert (found.state, found.reason, found.gate) == ("gone", "gone", "judge_score")


def test_marks_as_good_as_stables_prove_it() -> None:
    before = [bucket(50, canary=50, mark=4.0)] * 10
    assert prove(before, [bucket(100, mark=4.0)] * 3, [JUDGED]).state == "proved"
    assert prove(before, [bucket(100, mark=2.0)] * 3, [JUDGED]).reason == "not_well"


def test_a_condition_that_nothing_answers_is_not_well_again() -> None:
    gate = Gate("promql:queue", "promql", "queue")
    after = [bucket(100) for _ in range(MOST)]
    assert prove([], after, [gate]).state == "gone"
    after[-1].asked = {gate.key: 1}
    assert prove([], after, [gate]).state == "proved"


def test_corrected_quality_is_not_known_so_soon() -> None:
    assert prove([], [bucket(100)] * MOST, [Gate("quality_rate", "quality_rate")]).state == "gone"


def test_calls_every_quarter_of_an_hour_are_enough() -> None:
    before = [bucket(50, canary=50, errors=1)] * 20
    after = [bucket(5), Body(), Body(), bucket(5), Body()]
    assert prove(before, after, [Gate("error_ratio", "error_ratio")]).state == "proved"


def test_silence_is_no_proof() -> None:
    after = [bucket(5, canary=5), *[Body() for _ in range(MOST_SILENT)]]
    found = prove([], after, [])
    assert (found.state, found.reason) == ("unproved", "no_traffic")
    assert np.isclose(prove([], after[:3], []).share or 0.0, 0.5)
