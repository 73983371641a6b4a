"""One text on its own, redacted as where nobody chose anything: names of senders, labels of pages."""

from collections import Counter

from monitor.ingest.redaction.redactor import Redactor
from monitor.ingest.redaction.redactor import storable as storable


def redact(text: str) -> tuple[str, Counter[str]]:
    """``text`` fit for storing, and how many finds of each kind were taken out of it."""
    redactor = Redactor()
    return redactor.text(text), redactor.found
