"""The contract of a protocol: bytes and headers in, a Batch out; errors say where in the bytes."""

from collections.abc import Mapping
from typing import ClassVar, runtime_checkable
from typing import Protocol as Shape

from monitor.ingest.answers import Answer
from monitor.ingest.envelope import Batch


class MalformedError(ValueError):
    """Nothing of the body can be taken. ``position`` is a byte, a line or a field; the sender mends it."""

    status = 400

    def __init__(self, why: str, position: str = "") -> None:
        super().__init__(f"{position}: {why}" if position else why)
        self.why = why
        self.position = position


class TooLargeError(MalformedError):
    """More than we take at once; says the limit. Sending less at a time helps."""

    status = 413


class UnknownKindError(MalformedError):
    """A kind of message that is not read here, as its content type says."""

    status = 415


class Protocol(Shape):
    """One way to send. ``content_types`` are media types without parameters; empty takes any.

    ``unpacks`` names the content encodings that ``decode`` undoes itself; the view undoes all others.
    Header names come in lower case.
    """

    paths: ClassVar[tuple[str, ...]]
    content_types: ClassVar[tuple[str, ...]]
    unpacks: ClassVar[tuple[str, ...]]

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Batch:
        """What the body holds. A bad record is a Rejection; raises MalformedError when nothing can be read."""

    def answer(self, batch: Batch, headers: Mapping[str, str], *, duplicates: int) -> Answer:
        """What to tell the sender after the commit; ``batch.rejected`` is final by then."""


@runtime_checkable
class SpellsRefusals(Shape):
    """A protocol whose senders read refusals in a shape of their own; the others get that of our APIs."""

    def refusal(self, status: int, error: str, headers: Mapping[str, str]) -> Answer:
        """The body that says why a request was not taken, whoever refused it."""
