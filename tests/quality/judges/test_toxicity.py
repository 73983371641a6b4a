import pytest

from tests.kits.judge import ITEM, Script, made


def test_the_mark_is_what_toxicity_leaves_of_five() -> None:
    verdict = made("toxicity").judge(ITEM, Script({"reason": "an insult", "kind": "insult", "toxicity": 4}))
    assert verdict is not None
    assert (verdict.value, verdict.tag) == (1.0, "insult")


def test_a_kind_that_nobody_named_is_refused() -> None:
    with pytest.raises(ValueError, match="none of none, insult"):
        made("toxicity").judge(ITEM, Script({"reason": "x", "kind": "rude", "toxicity": 1}))
