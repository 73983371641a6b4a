import pytest

from monitor.ingest.redaction.policy import custom
from monitor.ingest.redaction.sieve import BadPatternError


@pytest.mark.parametrize(
    "name, pattern, why",
    [
        ("phone", "x", "name"),
        ("Über", "x", "name"),
        ("ok", "", "1 to 500"),
        ("ok", "(", "RE2"),
        ("ok", r"(?<=a)b", "RE2"),
        ("ok", ".*", "matches the empty text"),
        ("ok", r"[\s\S]", "any character"),
        ("ok", r"[0-9a-zé]{1,900}", "too large"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_a_reason(name: str, pattern: str, why: str) -> None:
    with pytest.raises(BadPatternError, match=why):
        custom(name, pattern)
