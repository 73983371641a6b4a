"""The ways a query fails. Each says whose move it is by its ``kind`` (Prometheus' errorType)."""

from typing import ClassVar


class QueryError(Exception):
    """A query that has no answer. ``position`` is the 0-based offset in the text, where known."""

    kind: ClassVar[str] = "execution"

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class BadQueryError(QueryError):
    """The text is no PromQL; whoever wrote it can mend it."""

    kind = "bad_data"


class ExecutionError(QueryError):
    """The text is fine, but it has no meaning over the data found."""


class TooMuchError(QueryError):
    """The query would touch more than its limits allow; ask for less time, fewer series or longer steps."""


class DeadlineError(QueryError):
    """The query ran out of its time; a retry helps only when the machine is less busy."""

    kind = "timeout"


class UnavailableError(QueryError):
    """The store of series does not answer; a retry helps once it is back."""

    kind = "unavailable"
