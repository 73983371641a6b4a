from monitor.drift.engine.words import moved, terms

BEFORE = ["how do I return a pump", "when is the pump delivered", "the seal is broken"] * 40
NOW = ["review this contract clause", "合同条款是否有效", "the seal is broken"] * 40


def test_words_that_came_and_went_are_told_with_their_shares() -> None:
    came, went = moved(BEFORE, NOW)
    assert {"contract", "合同"} <= {one.word for one in came}
    assert "pump" in {one.word for one in went}
    assert next(one for one in went if one.word == "pump").before == 2 / 3


def test_words_that_stayed_are_not_told() -> None:
    assert not {"seal", "broken"} & {one.word for side in moved(BEFORE, NOW) for one in side}


def test_a_handful_of_texts_proves_nothing() -> None:
    assert moved(BEFORE[:3], NOW[:3]) == ([], [])


def test_chinese_is_cut_into_pairs() -> None:
    assert terms("合同条款") == {"合同", "同条", "条款"}
