"""Why nothing can be said, in words that are stored in English and told in the reader's language."""

import functools

from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from monitor.core import sentences
from monitor.drift.features import FEATURES
from monitor.outside.sentences import SENTENCES as OUTSIDE

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
    _("%(what)s have %(n)s values of it; at least %(least)s are needed"),
    _("%(what)s have %(n)s vectors of prompts; at least %(least)s are needed"),
    _("the hours that were set as reference"),
    _("its first hours"),
    _("the last hours of the version before"),
    _("the last hours of %(version)s"),
    _("needs numbers on both sides; choose a detector that fits the watched feature"),
    _("needs categories on both sides; choose a detector that fits the watched feature"),
    _("needs vectors on both sides; choose a detector that fits the watched feature"),
    _("needs numbers or categories on both sides; choose a detector that fits the watched feature"),
    _("numbers and categories can't be compared with each other"),
    _("vectors of %(before)s and %(now)s numbers; pin the reference anew"),
    _("%(detector)s compares %(compared)s, but %(feature)s is made of %(kind)s; choose another detector"),
    _("categories"),
    _("numbers"),
    _("vectors"),
    _("categories, numbers"),
    _("nothing called %(name)s can be watched; known are %(known)s"),
    _("vectors of texts: %(error)s"),
    *OUTSIDE,
)


def told(stored: str) -> str:
    """The sentence in the language of whoever reads it."""
    return sentences.told(stored, _known(), gettext)


@functools.cache
def _known() -> tuple[str, ...]:
    """The sentences, and what is watched by its English name, as sentences hold it."""
    with translation.override("en"):
        return (*SENTENCES, *(str(one.label) for one in FEATURES.values()))
