"""Why nothing can be said, in words that are stored in English and told in the reader's language.

A stored sentence is matched with the ones below; one that is none of them is told as it stands.
"""

import functools
import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

SENTENCES = (
    _("learning: the first 6 hours of this version become its reference"),
    _("learning: the first %(hours)s hours of this version, until %(until)s UTC, become its reference"),
    _("learning: vectors of its prompts are still being made"),
    _("too few calls"),
    _("too few calls, or more load than the reference has seen"),
    _("no calls in the last days"),
    _("%(n)s calls in the last %(days)s days; at least %(least)s are needed"),
    _("of a project %(n)s versions are followed, those with most calls"),
    _("no calls since %(when)s UTC"),
    _("no vectors of prompts in the reference"),
    _("no vectors of outputs in the reference"),
    _("no load of the reference has %(least)s such calls"),
    _("the reference has under %(hours)s hours with %(least)s such calls"),
    _("the reference has under %(hours)s hours with %(least)s vectors of prompts"),
    _("the reference has under %(hours)s hours with %(least)s vectors of outputs"),
    _("the reference has %(n)s such calls; %(least)s are needed"),
    _("the reference has %(n)s calls in %(blocks)s blocks; %(least)s blocks of %(size)s calls are needed"),
    _("%(n)s calls in a window; at least %(least)s are needed"),
    _("%(what)s have %(n)s calls; at least %(least)s are needed"),
    _("%(what)s have %(n)s vectors of prompts; at least %(least)s are needed"),
    _("the hours that were set as reference"),
    _("its first hours"),
    _("the last hours of the version before"),
    _("the last hours of %(version)s"),
)
_HOLE = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")


def told(stored: str) -> str:
    """The sentence in the language of whoever reads it."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(stored)
        if found:
            return gettext(sentence) % {name: told(value) for name, value in found.groupdict().items()}
    return stored


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((one, re.compile(_HOLE.sub(_group, re.escape(one)))) for one in SENTENCES)


def _group(hole: re.Match[str]) -> str:
    return f"(?P<{hole[1] or hole[2]}>.+)"
