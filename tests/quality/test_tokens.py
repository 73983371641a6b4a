import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.tokens import strip

loose = (
    st.none() | st.booleans() | st.floats() | st.integers(-5, 5) | st.just(-(10**400)) | st.text(max_size=3)
)


@pytest.mark.parametrize("logprob, level", [(-0.01, 0), (-0.6, 1), (-1.2, 2), (-5, 3), (None, 0), (0.5, 0)])
def test_the_less_likely_a_token_the_higher_its_level(logprob: float | None, level: int) -> None:
    assert strip([{"text": "x", "logprob": logprob}]).tokens[0].level == level


def test_an_uncertain_span_bridges_one_sure_token_and_names_the_alternatives() -> None:
    found = strip([
        {"text": "It ", "logprob": -0.01},
        {"text": "weighs ", "logprob": -2.5, "top": [{"text": "costs ", "logprob": -0.2}]},
        {"text": "1", "logprob": -0.1}, {"text": "4", "logprob": -1.5},
        {"text": " kg", "logprob": -0.01}, {"text": ".", "logprob": -0.01},
    ])  # fmt: skip
    (span,) = found.spans
    assert (span.start, span.end, span.text) == (1, 4, "weighs 14")
    assert [one.text for one in span.others] == ["costs "]


def test_the_margin_is_how_far_the_token_stands_above_the_next() -> None:
    top = [{"text": "a", "logprob": math.log(0.6)}, {"text": "b", "logprob": math.log(0.3)}]
    token = strip([{"text": "a", "logprob": math.log(0.6), "top": top}]).tokens[0]
    assert token.margin == pytest.approx(0.3)


def test_tokens_as_openai_writes_them_are_the_same_strip() -> None:
    ours = [{"text": "17", "logprob": -2.0, "top": [{"text": "14", "logprob": -0.2}]}]
    theirs = [{"token": "17", "logprob": -2.0, "top_logprobs": [{"token": "14", "logprob": -0.2}]}]
    assert strip(theirs) == strip(ours)


def test_attributions_are_shares_of_the_largest() -> None:
    found = strip([{"text": "a", "attribution": -2.0}, {"text": "b", "attribution": 1.0}])
    assert [one.weight for one in found.tokens] == [-1.0, 0.5]


def test_the_mean_is_of_the_tokens_that_have_a_log_probability() -> None:
    found = strip([{"text": "a", "logprob": -1.0}, {"text": "b"}, {"text": "c", "logprob": -3.0}])
    assert (found.mean, found.known) == (-2.0, 2)


def test_without_log_probabilities_nothing_is_known() -> None:
    assert strip([{"text": "a"}]).mean is None


@given(st.lists(st.fixed_dictionaries({}, optional={"text": loose, "logprob": loose, "attribution": loose,
    "top": st.lists(st.dictionaries(st.sampled_from(["text", "logprob"]), loose), max_size=3) | loose}), max_size=8))  # fmt: skip
def test_whatever_was_sent_makes_a_strip(tokens: list[dict[str, object]]) -> None:
    assert len(strip(tokens).tokens) == len(tokens)
