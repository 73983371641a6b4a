"""A hard rule of the business: a pattern, a length, a form. Kept is 5, broken is 0."""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.alone import Alone, pattern
from monitor.quality.judges.base import BEST, Ask, Item, MisconfiguredError, Verdict


class BusinessRule(Alone):
    """A pattern, a length, a form that every answer must keep. Patterns are RE2: no answer makes one run for ever."""

    fields: tuple[Field, ...] = (
        Field("must_match", _("Must contain"), help=_("A regular expression that the answer must hold.")),
        Field("must_not_match", _("Must not contain"), help=_("A regular expression that it must not hold.")),
        Field("longest", _("Longest answer"), kind="integer", help=_("In characters.")),
        Field(
            "must_be_json",
            _("Must be JSON"),
            kind="flag",
            default=False,
            help=_("The whole answer is one value."),
        ),
    )

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.must, self.must_not = (pattern(settings.get(name)) for name in ("must_match", "must_not_match"))
        self.longest = settings.get("longest")
        self.must_be_json = bool(settings.get("must_be_json"))
        if self.must is None and self.must_not is None and self.longest is None and not self.must_be_json:
            message = "a business rule without any rule; fill in at least one of its fields"
            raise MisconfiguredError(message)

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        broken = self._broken(item.output)
        return Verdict(0.0, f"Broken: {'; '.join(broken)}") if broken else Verdict(BEST, "All rules kept")

    def _broken(self, text: str) -> list[str]:
        found = []
        if self.must is not None and self.must.search(text) is None:
            found.append(f"does not contain /{self.must.pattern}/")
        if self.must_not is not None and self.must_not.search(text) is not None:
            found.append(f"contains /{self.must_not.pattern}/")
        if self.longest is not None and len(text) > self.longest:
            found.append(f"{len(text)} characters, more than {self.longest}")
        if self.must_be_json and not _is_json(text):
            found.append("is not JSON")
        return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
