import numpy as np
import pytest

from monitor.canary.compare import Arm, compare
from monitor.canary.wording import Language, sentence


def arm(name: str, seed: int, n: int, shift: float = 0.0) -> Arm:
    chance = np.random.default_rng(seed)
    return Arm(name, np.sort(chance.uniform(0, 3600, n)), duration=chance.normal(1.0, 0.05, n) + shift)


def test_a_slower_version_is_named_with_its_interval_and_the_calls_behind_it() -> None:
    said = sentence(compare(arm("v1", 1, 4120), arm("v2", 2, 4120, 0.212)))
    assert said.startswith("v2 is slower: ")
    assert "ms (between +" in said
    assert "after 4\u202f120 calls" in said


def test_the_same_in_chinese() -> None:
    said = sentence(compare(arm("v1", 1, 4120), arm("v2", 2, 4120, 0.212)), "zh")
    assert said.startswith("v2 更慢：")
    assert "基于 4\u202f120 次调用" in said


def test_not_worse_says_on_how_many_measures() -> None:
    assert "is not worse than v1 on 3 measures" in sentence(
        compare(arm("v1", 3, 20_000), arm("v2", 4, 20_000))
    )


def test_an_open_interval_is_said_in_words_and_never_as_a_number() -> None:
    said = sentence(compare(arm("v1", 3, 2000), arm("v2", 4, 20)))
    assert said.startswith("Not decided yet whether v2 is worse than v1")
    assert "inf" not in said
    assert "nan" not in said


@pytest.mark.parametrize("language, words", [("en", "Nothing to compare yet"), ("zh", "暂无可比较的数据")])
def test_without_calls_the_sentence_says_that(language: Language, words: str) -> None:
    nothing = Arm("v2", np.empty(0))
    assert words in sentence(compare(arm("v1", 3, 20), nothing), language)


def test_more_errors_are_a_factor() -> None:
    times = np.linspace(0, 3600, 5000)
    few, many = (np.arange(5000) % 100 == 0).astype(float), (np.arange(5000) % 20 == 0).astype(float)
    said = sentence(compare(Arm("v1", times, failed=few), Arm("v2", times, failed=many)))
    assert said.startswith("v2 fails more often: errors ×5 (between ×")
