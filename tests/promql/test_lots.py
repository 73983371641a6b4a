"""limit_ratio() picks what Prometheus picks: the hash is that of its own test vectors."""

import pytest

from monitor.core.labels import Labels
from monitor.promql.operators.lots import lot, xxh64


@pytest.mark.parametrize(
    ("data", "hashed"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_the_hash_is_xxh64(data: bytes, hashed: int) -> None:
    assert xxh64(data) == hashed


def test_lots_are_spread_and_long_values_are_read() -> None:
    lots = [
        lot(Labels({"__name__": "up", "instance": f"{number}", "about": "x" * 300})) for number in range(200)
    ]
    assert 0.4 < sum(one < 0.5 for one in lots) / 200 < 0.6
