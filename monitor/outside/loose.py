"""JSON out of a model's answer: thinking aloud and code fences around one object are peeled off, no more.

Two objects, or none, are refused: which one was meant would be a guess. Numbers in prose are never read.
"""

import json
import re
from typing import Any

_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_DECODER = json.JSONDecoder()


def decode(text: str) -> Any:
    """The one JSON value of ``text``; raises ValueError with what is wrong."""
    bare = _THOUGHT.sub("", text).strip()
    try:
        return json.loads(bare)
    except ValueError:
        return _object_inside(bare)
    except RecursionError as error:
        message = "JSON nested too deeply"
        raise ValueError(message) from error


def _object_inside(text: str) -> Any:
    start = text.find("{")
    if start < 0:
        message = f"no JSON object in {text[:80]!r}"
        raise ValueError(message)
    try:
        found, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        message = "JSON nested too deeply"
        raise ValueError(message) from error
    if "{" in text[end:]:
        message = "more than one JSON object in the answer"
        raise ValueError(message)
    return found
