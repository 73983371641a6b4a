"""Log lines. One event is one line, whatever somebody has written into it: nobody forges another's."""

import datetime as dt
import json
import logging

TRACE = "  | "


class Line(logging.Formatter):
    """Text for people. What does not print is spelled out; every further line, of a trace, begins with a bar."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — logging's name
        return spelled(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 — as above
        return barred(super().formatException(ei))  # type: ignore[arg-type] # as logging gives it

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 — as above
        return barred(super().formatStack(stack_info))


class Json(logging.Formatter):
    """A JSON object a line, for programs that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told)


def spelled(text: str) -> str:
    """The text without anything that moves a cursor or ends a line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def barred(text: str) -> str:
    return "\n".join(TRACE + spelled(line) for line in text.splitlines())
