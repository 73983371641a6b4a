import math

import numpy as np
import pytest

from monitor.core.agreement import cohen_kappa, krippendorff_alpha


def test_people_who_say_the_same_agree_fully() -> None:
    marks = np.array([0.0, 1.0, 5.0, 3.0])
    assert cohen_kappa(marks, marks) == pytest.approx(1.0)
    assert krippendorff_alpha([[one, one] for one in marks]) == pytest.approx(1.0)


def test_kappa_of_two_categories_is_the_textbook_one() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: (0.7 - 0.5) / (1 - 0.5)
    one = np.array([1.0] * 25 + [0.0] * 25)
    other = np.array([1.0] * 20 + [0.0] * 5 + [1.0] * 10 + [0.0] * 15)
    assert cohen_kappa(one, other, categories=2) == pytest.approx(0.4)


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    # four coders, interval data, from "Computing Krippendorff's Alpha-Reliability"; published as 0.849
    coders = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[float(mark) for mark in unit if mark is not None] for unit in zip(*coders, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.849, abs=5e-4)


def test_marks_at_random_agree_by_chance_only() -> None:
    chance = np.random.default_rng(3)
    one, other = chance.integers(0, 6, (2, 4000)).astype(float)
    assert abs(cohen_kappa(one, other)) < 0.05
    assert abs(krippendorff_alpha(list(zip(one, other, strict=True)))) < 0.05


def test_without_a_second_mark_agreement_is_unknown() -> None:
    assert math.isnan(krippendorff_alpha([[3.0], [4.0]]))
    assert math.isnan(cohen_kappa(np.empty(0), np.empty(0)))
    assert math.isnan(cohen_kappa(np.array([3.0, 3.0]), np.array([3.0, 3.0])))
