import pytest

from monitor.outside import loose


@pytest.mark.parametrize(
    "text",
    [
        '{"score": 4}',
        '```json\n{"score": 4}\n```',
        '<think>maybe {"score": 1}?</think>{"score": 4}',
        'Here you are: {"score": 4}. Anything else?',
        '\n {"score":4} ',
    ],
)
def test_one_object_is_found_in_what_models_put_around_it(text: str) -> None:
    assert loose.decode(text) == {"score": 4}


@pytest.mark.parametrize(
    "text", ["I give it a 4", "", '{"score": 4', '{"score": 1} or {"score": 5}', "{" * 100_000, "[" * 100_000]
)
def test_what_would_have_to_be_guessed_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — any wrong text is one
        loose.decode(text)
