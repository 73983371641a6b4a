"""Metrics pages pushed by those that can't be scraped: Prometheus' text format and OpenMetrics."""

from collections.abc import Mapping
from typing import ClassVar

from monitor.ingest import answers
from monitor.ingest.envelope import Batch
from monitor.ingest.exposition import page
from monitor.ingest.protocols.base import MalformedError
from monitor.ingest.wire.known import KnownLabels


class Exposition:
    """``curl --data-binary @metrics``: a sample without a time gets the time of receipt."""

    paths = ("/api/v1/import/prometheus",)
    # the last one is what curl says when it is not told otherwise
    content_types = ("text/plain", page.OPENMETRICS, "application/x-www-form-urlencoded")
    unpacks = ()

    # shared by all requests of a process
    known: ClassVar[KnownLabels[str]] = KnownLabels()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Batch:
        """The samples of the page; the places of rejections are line numbers."""
        try:
            found = page.read(body, self.known, openmetrics=page.is_openmetrics(headers))
        except page.BadPageError as error:
            raise MalformedError(error.why, f"line {error.line}" if error.line else "") from error
        return Batch(points=found.points, point_places=found.lines, rejected=found.rejected)

    def answer(self, batch: Batch, headers: Mapping[str, str], *, duplicates: int) -> answers.Answer:  # noqa: ARG002 — the contract
        """How many samples were taken, and each line that was not."""
        return answers.counted(batch, duplicates=duplicates)
