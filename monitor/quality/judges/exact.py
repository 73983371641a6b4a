"""Is the answer the expected one, word for word?"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop as _

from monitor.core.fields import Field
from monitor.quality.alone import Alone
from monitor.quality.judges.base import BEST, Ask, Item, Verdict


class Exact(Alone):
    """5 where the answer equals the expected one that came with the call, else 0."""

    fields: tuple[Field, ...] = (
        Field(
            "strict", _("To the letter"), kind="flag", default=False,
            help=_("Off: case, white space, full-width forms and punctuation at the ends do not count."),
        ),
    )  # fmt: skip
    source = "reference"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self.strict = bool(settings.get("strict"))

    def judge(self, item: Item, ask: Ask) -> Verdict | None:  # noqa: ARG002 — this judge asks nobody
        if not item.reference.strip():
            return None
        said, wanted = (text if self.strict else plain(text) for text in (item.output, item.reference))
        return (
            Verdict(BEST, "The expected answer")
            if said == wanted
            else Verdict(0.0, "Not the expected answer")
        )


def plain(text: str) -> str:
    """One writing for what reads the same."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(" .!?,;:'\"。！？，；：“”‘’、")
