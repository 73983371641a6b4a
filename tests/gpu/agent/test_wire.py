import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.samples import STALE_BITS
from monitor.gpu.agent import wire
from monitor.gpu.agent.spool import Parcel
from monitor.gpu.reading import NAME, STALE
from monitor.ingest.protocols.remote_write import RemoteWrite

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(
    host=TEXT,
    rows=st.lists(st.tuples(st.integers(1, 2**42), st.floats(allow_nan=False)), min_size=1, max_size=5),
)
def test_the_ingest_reads_what_the_agent_writes(host: str, rows: list[tuple[int, float]]) -> None:
    series = ((NAME, "gpu_up"), ("host", host))
    batch = RemoteWrite().decode(wire.body(Parcel(1, len(rows), {series: rows})), dict(wire.HEADERS))
    assert batch.columns is not None
    assert [dict(labels) for labels in batch.columns.labels] == [dict(series)]
    found = zip(batch.columns.times.tolist(), batch.columns.values.tolist(), strict=True)
    assert list(found) == rows


def test_the_end_of_a_series_keeps_its_bits() -> None:
    parcel = Parcel(1, 1, {((NAME, "gpu_up"),): [(1_000, STALE)]})
    batch = RemoteWrite().decode(wire.body(parcel), dict(wire.HEADERS))
    assert batch.columns is not None
    assert batch.columns.values.view(np.uint64).tolist() == [STALE_BITS]
