"""Whoever's words get into a log, a line of it is Vigil's own."""

import json
import logging

import pytest

from monitor.core.logs import Json, Line

FORGED = "vllm\n2026-11-18 12:00:00 ERROR vigil: all is lost\r\x1b[2J\u2028\u0085"


def record(message: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord("vigil.x", logging.WARNING, "x.py", 1, message, args, exc_info)


def test_a_line_in_a_value_begins_no_line_of_the_log() -> None:
    (line,) = Line("%(levelname)s %(name)s: %(message)s").format(record("model %s", FORGED)).splitlines()
    assert line.startswith("WARNING vigil.x: model vllm\\n2026")
    assert line.isprintable()


def test_every_line_of_a_trace_is_known_as_one() -> None:
    first, *rest = Line("%(message)s").format(record("broke", error=ValueError(FORGED))).splitlines()
    assert first == "broke"
    assert all(line.startswith("  | ") and line.isprintable() for line in rest)
    assert any("all is lost" in line for line in rest)


def test_letters_of_every_language_stay() -> None:
    assert Line("%(message)s").format(record("规则 %s ok", "é")) == "规则 é ok"


@pytest.mark.parametrize("error", [None, ValueError(FORGED)])
def test_json_is_one_object_on_one_line(error: Exception | None) -> None:
    text = Json().format(record("model %s", FORGED, error=error))
    told = json.loads(text)
    assert text.splitlines() == [text]
    assert (told["level"], told["logger"], told["message"]) == ("WARNING", "vigil.x", f"model {FORGED}")
    assert told["at"].endswith("+00:00")
    assert ("ValueError" in told.get("trace", "")) == (error is not None)
