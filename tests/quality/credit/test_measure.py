import pytest

from monitor.quality.credit.measure import Credit, MeasureError, answer_length, credit

PROMPT = [("Read", -1.0), (" this", -2.0)]


def scored(*logprobs: float) -> list[tuple[str, float]]:
    return [*PROMPT, *zip(("It ", "weighs ", "14 kg"), logprobs, strict=True)]


def test_a_document_gives_what_the_answer_loses_without_it() -> None:
    found = credit(scored(-0.1, -0.2, -0.3), scored(-0.1, -0.2, -4.3), [scored(-0.1, -0.2, -3.3), scored(-0.1, -0.2, -0.3)], "It weighs 14 kg")  # fmt: skip
    assert found.documents == pytest.approx((3.0, 0.0))
    assert found.gain == pytest.approx(4.0)
    assert found.tokens[2][1] == pytest.approx(4.0)


def test_the_only_document_gives_what_all_of_them_give() -> None:
    found = credit(scored(-0.1, -0.2, -0.3), scored(-1.1, -0.2, -0.3), [], "It weighs 14 kg")
    assert found.documents == pytest.approx((found.gain,))


def test_the_answer_is_counted_from_the_end() -> None:
    assert answer_length(scored(0.0, 0.0, 0.0), "weighs 14 kg") == 2


def test_an_answer_longer_than_what_was_scored_is_refused() -> None:
    with pytest.raises(MeasureError, match="shorter"):
        answer_length(PROMPT, "a much longer answer than that")


def test_a_credit_survives_being_stored() -> None:
    found = Credit((1.0, -0.5), 0.7, (("a", 0.7),))
    assert Credit.from_json(found.to_json()) == found
