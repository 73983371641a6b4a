from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.ingest.protocols.remote_write import RemoteWrite
from monitor.management.simulation import remote_write
from tests.fixtures import remote_write as sent

HEADERS = {name.lower(): text for name, text in remote_write.HEADERS.items()}
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text('aé漢字"\\ ', min_size=1, max_size=5)
points = st.lists(
    st.tuples(st.integers(1_500_000_000_000, 2_000_000_000_000), st.floats(allow_nan=False)),
    min_size=1,
    max_size=4,
)


@given(st.dictionaries(names, texts, max_size=3), points)
def test_the_product_reads_what_the_simulator_writes(
    labels: dict[str, str], run: list[tuple[int, float]]
) -> None:
    named = {"__name__": "m", **labels}
    batch = RemoteWrite().decode(remote_write.encode([(named, run)]), HEADERS)
    assert sent.points(batch) == [(Labels(named), at_ms, value) for at_ms, value in run]
