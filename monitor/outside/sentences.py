"""What goes wrong with other machines, as it is stored: told in the reader's language by ``core.sentences``."""

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from monitor.core import sentences

SENTENCES = (
    _("%(place)s: HTTP %(status)s for model %(model)s: %(answer)s"),
    _("%(place)s: an answer of the wrong form (%(why)s)"),
    _("%(place)s: no answer within %(seconds)s s"),
    _("%(place)s: %(error)s; is the endpoint running?"),
    _("%(host)s did not answer within %(seconds)s s"),
    _("%(host)s did not finish its answer within %(seconds)s s"),
    _("%(host)s answered more than %(n)s bytes"),
    _(
        "%(host)s is at %(address)s, an address that must not be called; private addresses need "
        "VIGIL_ALLOW_PRIVATE_TARGETS=1, link-local and metadata addresses are always refused"
    ),
    _("the address can't be read; write it like https://host/path"),
    _("the address is not an http:// or https:// one"),
    _("the budget of this run is spent; the rest is asked in the next one"),
    _("cut off by the limit of tokens; raise the longest answer in the judge's settings"),
    _("%(field)s: missing; %(help)s"),
    _("%(field)s: unknown; known are %(known)s"),
)


def told(stored: str) -> str:
    """The sentence in the language of whoever reads it."""
    return sentences.told(stored, SENTENCES, gettext)
