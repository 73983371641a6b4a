import math

import numpy as np
import pytest

from monitor.canary import sums
from monitor.canary.gates import judge
from monitor.canary.paths import Gate, Plan
from monitor.canary.sums import CANARY, STABLE, Arm, Body, Wanted
from monitor.canary.table import mix_distance

ERRORS = [Gate("error_ratio", "error_ratio")]
LEAD = 6


def arm(
    chance: np.random.Generator, bucket: int, n: int, stratum: str, *, rate: float, slow: float = 1.0
) -> Arm:
    nothing = np.full(n, "", dtype=object)
    columns = {
        "bucket": np.full(n, bucket), "group": chance.integers(0, 25, n), "stratum": np.full(n, stratum, dtype=object),
        "error": (chance.random(n) < rate).astype(np.int64), "grounding": nothing, "finish": nothing,
        "duration": chance.lognormal(0, 0.3, n) * slow, "ttft": np.full(n, np.nan), "speed": np.full(n, np.nan),
        "cost": np.full(n, np.nan), **dict.fromkeys(sums.MIXES, nothing), "topic": np.full(n, stratum, dtype=object),
    }  # fmt: skip
    none = np.empty(0, dtype=object)
    marks = dict.fromkeys(("bucket", "group", "stratum", "name", "source", "value"), none)
    return Arm(columns, marks)


def joined(*arms: Arm) -> Arm:
    return Arm(
        {name: np.concatenate([one.calls[name] for one in arms]) for name in arms[0].calls}, arms[0].marks
    )


def body(stable: Arm, canary: Arm, bucket: int, strata: tuple[str, ...] = ("",)) -> Body:
    found = sums.bodies(stable, canary, bucket, bucket + 1, Wanted(strata=frozenset(strata)))[bucket]
    return sums.unpack(sums.pack(found))


def alike(seed: int, size: int, *, worse: float = 1.0, n: int = 100, share: float = 0.5) -> list[Body]:
    chance = np.random.default_rng(seed)
    m = round(n * share)
    return [
        body(arm(chance, b, n - m, "", rate=0.05), arm(chance, b, m, "", rate=0.05 * worse), b)
        for b in range(size)
    ]


def test_an_empty_release_is_undecided() -> None:
    judged = judge([Body() for _ in range(20)], ERRORS, Plan(0.05, (LEAD,), 1, 0.5))
    assert judged.verdict() == "undecided"
    assert judged.found[0].reason == "no_canary_calls"


def test_a_version_alone_is_not_passed() -> None:
    bodies = alike(1, 40)
    for one in bodies:
        one.parts = [part for part in one.parts if part.arm == CANARY]
    judged = judge(bodies, ERRORS, Plan(0.05, (LEAD,), 1, 0.5))
    assert judged.found[0].reason == "no_stable_calls"
    assert judged.verdict() == "undecided"


def test_a_failure_stays_one_however_calm_it_gets() -> None:
    bodies = alike(2, 30, worse=6.0) + alike(3, 60)
    verdicts = judge(bodies, ERRORS, Plan(0.05, (LEAD,), 1, 0.5)).verdicts()
    assert verdicts[-1] == "fail"
    assert "pass" not in verdicts


def test_what_goes_wrong_at_a_greater_share_is_not_outweighed_by_what_went_well_before() -> None:
    bodies = alike(4, 120, share=0.2) + alike(5, 25, worse=3.0)
    with_stages = judge(bodies, ERRORS, Plan(0.05, (LEAD, 120), 2, 0.2)).verdicts()
    without = judge(bodies, ERRORS, Plan(0.05, (LEAD,), 1, 0.2)).verdicts()
    assert with_stages.index("fail") < (without.index("fail") if "fail" in without else math.inf)


def confounded(seed: int, strata: tuple[str, ...]) -> list[Body]:
    """Both versions alike in each topic, but the new one gets mostly the topic that fails often."""
    chance, found = np.random.default_rng(seed), []
    for b in range(60):
        arms = [
            joined(arm(chance, b, hard, "hard", rate=0.2), arm(chance, b, 100 - hard, "easy", rate=0.02))
            for hard in (20, 80)
        ]
        found.append(body(arms[STABLE], arms[CANARY], b, strata))
    return found


def test_a_new_version_that_gets_the_hard_prompts_is_not_called_worse_when_like_is_compared_with_like() -> (
    None
):
    plan = Plan(0.05, (LEAD,), 1, 0.5)
    assert judge(confounded(6, ("hard", "easy")), ERRORS, plan).verdict() == "pass"
    assert judge(confounded(6, ("other",)), ERRORS, plan).verdict() == "fail"


def test_that_the_versions_serve_different_prompts_is_seen() -> None:
    assert mix_distance(confounded(7, ("",)))["topic"] == pytest.approx(0.6, abs=0.05)
    assert mix_distance(alike(8, 40)).get("topic", 0.0) < 0.02


def test_two_services_without_any_error_can_be_passed() -> None:
    chance = np.random.default_rng(9)
    bodies = [
        body(arm(chance, b, 500, "", rate=0.0), arm(chance, b, 500, "", rate=0.0), b) for b in range(40)
    ]
    assert judge(bodies, ERRORS, Plan(0.05, (LEAD,), 1, 0.5)).verdict() == "pass"


def test_about_as_many_calls_as_it_says_are_needed() -> None:
    bodies = alike(10, 200, n=60)
    plan = Plan(0.05, (LEAD,), 1, 0.5)
    early = judge(bodies[:15], ERRORS, plan).found[0]
    verdicts = judge(bodies, ERRORS, plan).verdicts()
    really = (verdicts.index("pass") - 15) * 30
    assert early.needs is not None
    assert really / 4 < early.needs < really * 4


def test_a_slower_version_fails_its_tail_and_its_mean() -> None:
    chance = np.random.default_rng(11)
    bodies = [
        body(
            arm(chance, b, 100, "", rate=0.0),
            arm(chance, b, 100, "", rate=0.0, slow=1.6 if b >= 12 else 1.0),
            b,
        )
        for b in range(40)
    ]
    gates = [Gate("latency_p95", "latency_p95"), Gate("latency_mean", "latency_mean")]
    judged = judge(bodies, gates, Plan(0.05, (12,), 1, 0.5))
    assert [one.verdict for one in judged.found] == ["fail", "fail"]
    assert judged.found[1].effect == pytest.approx(math.log(1.6), abs=0.05)


def told(seed: int, truth: float, *, sd: float = 0.03, size: int = 300) -> list[Body]:
    """A corrected rate that becomes surer with each five minutes, as labels come in."""
    chance = np.random.default_rng(seed)
    errors = np.cumsum(chance.normal(0.0, 0.45, size)) / np.arange(1, size + 1)
    stable = chance.normal(0.0, sd)
    return [
        Body(told={"quality_rate": (float(truth + errors[b] - stable), 0.45**2 / (b + 1) + sd**2)})
        for b in range(size)
    ]


def test_corrected_quality_that_is_as_good_is_not_called_worse_at_any_look() -> None:
    gates, plan = [Gate("quality_rate", "quality_rate")], Plan(0.05, (0,), 1, 0.5)
    worse = sum("fail" in judge(told(seed, -0.05), gates, plan).verdicts() for seed in range(100))
    good = sum("pass" in judge(told(seed, -0.10), gates, plan).verdicts() for seed in range(100))
    assert worse <= 5
    assert good <= 5


def test_corrected_quality_that_is_much_worse_is_found_and_what_is_good_passes() -> None:
    gates, plan = [Gate("quality_rate", "quality_rate")], Plan(0.05, (0,), 1, 0.5)
    assert judge(told(1, -0.3), gates, plan).verdict() == "fail"
    assert judge(told(1, 0.05), gates, plan).verdict() == "pass"


def marked(
    arm_: Arm,
    chance: np.random.Generator,
    values: dict[str, float],
    *,
    source: str = "judge",
    sd: float = 0.3,
) -> Arm:
    """Every call marked, by turns under each of the names."""
    n = len(arm_.calls["bucket"])
    names = np.array([list(values)[one % len(values)] for one in range(n)], dtype=object)
    marks = {
        "bucket": arm_.calls["bucket"], "group": arm_.calls["group"], "stratum": arm_.calls["stratum"],
        "name": names, "source": np.full(n, source, dtype=object),
        "value": np.array([values[one] for one in names]) + chance.normal(0.0, sd, n),
    }  # fmt: skip
    return Arm(arm_.calls, marks)


def test_a_canary_that_always_breaks_a_rule_a_little_is_worse_than_one_that_keeps_it() -> None:
    chance = np.random.default_rng(12)
    found = []
    for b in range(30):
        arms = [
            marked(arm(chance, b, 50, "", rate=0.0), chance, {"polite": mark}, source="rule", sd=0.0)
            for mark in (5.0, 1.0)
        ]
        wanted = Wanted(rules=("polite",), strata=frozenset({""}))
        found.append(sums.bodies(arms[0], arms[1], b, b + 1, wanted)[b])
    gates = [Gate("business_rule:polite", "business_rule", "polite")]
    assert judge(found, gates, Plan(0.05, (LEAD,), 1, 0.5)).verdict() == "fail"


def test_another_mix_of_rubrics_is_not_another_quality() -> None:
    chance, found = np.random.default_rng(13), []
    for b in range(60):
        stable = marked(arm(chance, b, 100, "", rate=0.0), chance, {"kind": 4.5, "right": 4.5, "short": 2.0})
        canary = marked(arm(chance, b, 100, "", rate=0.0), chance, {"short": 2.0, "tiny": 2.0, "right": 4.5})
        found.append(body(stable, canary, b))
    gates, plan = [Gate("judge_score", "judge_score")], Plan(0.05, (LEAD,), 1, 0.5)
    assert judge(found, gates, plan).verdict() == "pass"
    about = [Gate("judge_score:right", "judge_score", "right")]
    assert judge(found, about, plan).found[0].n_canary == 54 * 33


def test_what_has_no_stable_calls_beside_it_shows_nothing() -> None:
    chance = np.random.default_rng(14)
    bodies = [
        body(arm(chance, b, 500, "", rate=0.0), arm(chance, b, 500, "", rate=0.0), b) for b in range(40)
    ]
    for one in bodies[LEAD + 1 :]:
        one.parts = [part for part in one.parts if part.arm == CANARY]
    assert judge(bodies, ERRORS, Plan(0.05, (LEAD,), 1, 0.5)).verdict() == "undecided"


def test_a_canary_that_costs_nothing_has_a_figure() -> None:
    chance, found = np.random.default_rng(16), []
    for b in range(20):
        arms = [arm(chance, b, 100, "", rate=0.0) for _ in (STABLE, CANARY)]
        for one in arms:
            one.calls["cost"][:] = 0.0
        found.append(body(arms[0], arms[1], b))
    assert judge(found, [Gate("cost", "cost")], Plan(0.05, (LEAD,), 1, 0.5)).verdict() == "pass"


def test_a_ramp_through_a_changing_mix_is_no_difference_between_the_versions() -> None:
    chance, found = np.random.default_rng(17), []
    for b in range(40):
        of_day = "day" if b < 20 else "night"
        n = 20 if b < 20 else 400
        found.append(body(arm(chance, b, 800, of_day, rate=0.0), arm(chance, b, n, of_day, rate=0.0), b))
    assert mix_distance(found)["topic"] == 0.0


def test_many_values_alike_in_both_arms_are_no_difference() -> None:
    chance, found = np.random.default_rng(18), []
    for b in range(24):
        arms = [arm(chance, b, n, "", rate=0.0) for n in (2000, 100)]
        for one in arms:
            names = chance.zipf(1.5, len(one.calls["bucket"])) % 60
            one.calls["tenant"] = np.array([f"t{name}" for name in names], dtype=object)  # type: ignore[index] # as above
        found.append(body(arms[0], arms[1], b))
    assert mix_distance(found)["tenant"] < 0.03
