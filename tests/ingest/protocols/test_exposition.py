"""A pushed page: any sample may lack a time, rejections count lines."""

import pytest

from monitor.core.labels import Labels
from monitor.ingest.envelope import UNTIMED
from monitor.ingest.protocols.base import MalformedError
from monitor.ingest.protocols.exposition import Exposition


def test_a_page_becomes_points_by_line() -> None:
    batch = Exposition().decode(b"# TYPE a gauge\na 1\n\nb 2 1795000000000\n", {})
    assert batch.points == [
        (Labels({"__name__": "a"}), UNTIMED, 1.0), (Labels({"__name__": "b"}), 1795000000000, 2.0),
    ]  # fmt: skip
    assert batch.point_places == [2, 4]


def test_the_content_type_decides_about_openmetrics() -> None:
    with pytest.raises(MalformedError, match="EOF"):
        Exposition().decode(b"a 1\n", {"content-type": "application/openmetrics-text; version=1.0.0"})


def test_a_bad_line_is_counted_among_the_answers() -> None:
    batch = Exposition().decode(b"a 1\nb x\n", {})
    said = Exposition().answer(batch, {}, duplicates=0)
    assert (said.status, b'"accepted":1' in said.body, b'"index":2' in said.body) == (200, True, True)
