"""What judges share that ask nobody: rules and comparisons with an expected answer."""

from collections.abc import Mapping
from typing import Any

import re2

from monitor.core.fields import Field
from monitor.outside.llm import Endpoint, MisconfiguredError


class Alone:
    """Settings are kept as they are; there is no endpoint and no request."""

    fields: tuple[Field, ...] = ()
    source = "rule"
    cost = "nothing but a moment of the worker; judge all calls"
    requests = 0
    endpoint: Endpoint | None = None
    rival_version = ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)


def pattern(text: str | None) -> Any:
    """A compiled pattern, None for an empty one; RE2, so that no answer can make one run for ever."""
    if not text:
        return None
    try:
        return re2.compile(text)
    except re2.error as error:
        message = f"bad regular expression {text!r}: {error}"
        raise MisconfiguredError(message) from error
