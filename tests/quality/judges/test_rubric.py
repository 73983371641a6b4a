from typing import Any

import pytest

from monitor.quality.judges.base import Verdict
from tests.kits.judge import ITEM, Script, made


def test_the_reason_comes_before_the_score_in_the_form() -> None:
    script = Script({"reason": "right", "score": 4})
    assert made("rubric").judge(ITEM, script) == Verdict(4.0, "right")
    assert list(script.asked[0][1]["properties"]) == ["reason", "score"]


def test_the_criterion_is_what_people_wrote() -> None:
    script = Script({"reason": "polite", "score": 5})
    made("rubric", criterion="Is it polite?").judge(ITEM, script)
    assert "Is it polite?" in script.asked[0][0][0]["content"]


@pytest.mark.parametrize("score", [-1, 5.5, "4", True, None, float("nan")])
def test_a_score_that_is_none_is_refused(score: Any) -> None:
    with pytest.raises(ValueError, match="not a number from 0 to 5"):
        made("rubric").judge(ITEM, Script({"reason": "x", "score": score}))
