import pytest

from dashboards.boards.known import _matchers


@pytest.mark.parametrize(
    "selector, found",
    [
        ("up", [("__name__", "=", "up")]),
        ('up{a="b", c=~"d|e",}', [("__name__", "=", "up"), ("a", "=", "b"), ("c", "=~", "d|e")]),
        ("ray_vllm:x{}", [("__name__", "=", "ray_vllm:x")]),
        ('{a!="\\\\d\\""}', [("a", "!=", '\\d"')]),
    ],
)
def test_a_plain_selector_is_read(selector: str, found: list[tuple[str, str, str]]) -> None:
    assert [(one.label, one.op, one.value) for one in _matchers(selector) or []] == found


@pytest.mark.parametrize(
    "selector", ["rate(up[5m])", "up offset 5m", 'up{a="("', "a or b", "{}", "", 'up{a=~"("}']
)
def test_anything_else_is_left_to_the_engine(selector: str) -> None:
    assert _matchers(selector) is None
