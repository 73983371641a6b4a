"""Why a judge gave no verdict, in words that are stored in English and told in the reader's language."""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from monitor.core import sentences
from monitor.outside.sentences import SENTENCES as OUTSIDE

SENTENCES = (
    _("today's budget is spent (%(spent)s); judging goes on at 00:00 UTC"),
    _("%(used)s of %(most)s tokens, %(spent)s of %(limit)s dollars"),
    _("%(used)s of %(most)s tokens"),
    _("%(used)s of %(most)s dollars"),
    _("the limit of %(n)s requests a minute is reached; goes on in the next"),
    _("a business rule without any rule; fill in at least one of its fields"),
    _("worst and best are the same; a scale has two ends"),
    _("shown: %(names)s can't be shown; known are %(known)s"),
    _("not a usable JSON schema: %(error)s"),
    _("bad regular expression %(text)s: %(error)s"),
    *OUTSIDE,
)


def told(stored: str) -> str:
    """The sentence in the language of whoever reads it."""
    return sentences.told(stored, SENTENCES, gettext)
