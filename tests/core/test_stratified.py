import numpy as np
import numpy.typing as npt
import pytest

from monitor.core.calibrated import TooFewLabelsError
from monitor.core.stratified import Stratum, estimate, gains, lacking, merged, order

Floats = npt.NDArray[np.float64]
EMPTY = np.empty(0)


def drawn(
    seed: int, quotas: tuple[int, ...] = (40, 30, 30), *, bias: float = 0.8
) -> tuple[list[Stratum], float]:
    """Labels drawn unevenly by the marks of a judge who is too kind; the truth is the share of good calls."""
    chance = np.random.default_rng(seed)
    quality = chance.normal(3.4, 1.2, 3000)
    people = (quality > 3.0).astype(np.float64)
    judge = np.clip(np.rint(quality + bias + chance.normal(0.0, 0.8, 3000)), 0, 5)
    strata = []
    for low, high, quota in zip((0, 2, 4), (2, 4, 6), quotas, strict=True):
        inside = chance.permutation(np.flatnonzero((judge >= low) & (judge < high)))
        taken, rest = inside[:quota], inside[quota:]
        strata.append(Stratum(people[taken], judge[taken] / 5, judge[rest] / 5))
    return strata, 0.6306


def test_the_interval_holds_the_truth_however_unevenly_the_labels_were_drawn() -> None:
    held = []
    for seed in range(300):
        strata, truth = drawn(seed)
        held.append(estimate(strata, shares=True).interval().contains(truth))
    assert 0.92 <= np.mean(held) <= 0.99


def test_the_plain_mean_of_uneven_labels_would_be_wrong() -> None:
    means = [np.mean(np.concatenate([one.labels for one in drawn(seed)[0]])) for seed in range(100)]
    assert abs(float(np.mean(means)) - 0.6306) > 0.05


def test_few_labels_are_called_uncalibrated() -> None:
    with pytest.raises(TooFewLabelsError):
        estimate(drawn(1, (5, 5, 5))[0])


def test_strata_without_enough_labels_join_their_neighbours() -> None:
    few, many = Stratum(np.ones(2), np.ones(2), np.ones(50)), Stratum(np.zeros(40), np.zeros(40), np.zeros(9))
    assert [one.labels.size for one in merged([few, many])] == [42]
    assert [one.labels.size for one in merged([many, few])] == [42]


def test_equal_labels_are_not_taken_for_certainty() -> None:
    found = estimate([Stratum(np.ones(40), np.ones(40), np.ones(400))], shares=True)
    assert found.mean == pytest.approx(1.0)
    assert found.interval().low < 0.99


def test_the_next_label_helps_most_where_calls_are_many_and_labels_few() -> None:
    small = Stratum(np.array([0.0, 1.0] * 10), np.ones(20), np.ones(10))
    large = Stratum(np.array([0.0, 1.0] * 10), np.ones(20), np.ones(900))
    well_known = Stratum(np.array([0.0, 1.0] * 200), np.ones(400), np.ones(500))
    found = gains([small, large, well_known], shares=True)
    assert max(range(3), key=found.__getitem__) == 1


def test_before_the_first_label_the_largest_stratum_comes_first() -> None:
    found = gains([Stratum(EMPTY, EMPTY, np.ones(10)), Stratum(EMPTY, EMPTY, np.ones(90))])
    assert found[1] > found[0] > 0


def labelled_in_turn(seed: int, labels: int) -> bool:
    """Whether the interval holds the truth after labels were drawn one by one where each helps most."""
    chance = np.random.default_rng(seed)
    quality = chance.normal(3.4, 1.2, 1500)
    people = (quality > 3.0).astype(np.float64)
    judge = np.clip(np.rint(quality + 0.8 + chance.normal(0.0, 0.8, 1500)), 0, 5)
    inside = [chance.permutation(np.flatnonzero((judge >= low) & (judge < low + 2))) for low in (0, 2, 4)]
    taken = [0, 0, 0]
    for _ in range(labels):
        strata = [
            Stratum(people[one[:n]], judge[one[:n]] / 5, judge[one[n:]] / 5)
            for one, n in zip(inside, taken, strict=True)
        ]
        taken[order(strata, shares=True)[0]] += 1
    strata = [
        Stratum(people[one[:n]], judge[one[:n]] / 5, judge[one[n:]] / 5)
        for one, n in zip(inside, taken, strict=True)
    ]
    return estimate(strata, shares=True).interval().contains(0.6306)


@pytest.mark.parametrize("labels", [30, 80])
def test_the_interval_holds_where_each_label_was_drawn_for_what_it_would_help(labels: int) -> None:
    held = [labelled_in_turn(seed, labels) for seed in range(150)]
    assert np.mean(held) >= 0.91


def test_calls_of_which_none_was_labelled_are_never_taken_for_like_the_others() -> None:
    low, high = Stratum(EMPTY, EMPTY, np.zeros(60)), Stratum(np.ones(40), np.ones(40), np.ones(60))
    assert lacking([low, high]) == 4
    with pytest.raises(TooFewLabelsError):
        estimate([low, high], shares=True)
    assert order([low, high], shares=True)[0] == 0
