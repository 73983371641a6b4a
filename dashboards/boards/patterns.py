"""Regular expressions out of boards: whoever made the board wrote them, so none may run for long.

Grafana's are JavaScript's, which look ahead and behind, so RE2 can't take them all.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import regex
from django.utils.translation import gettext as _

# one search in one text; more means that it tries everything
SECONDS = 0.1
LONGEST = 2_000
REMEMBERED = 200


class PatternError(ValueError):
    """An expression that can't be read, or that would run for ever; whoever made the board can mend it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression as Python's own are, but each use ends soon; raises PatternError when it would not."""

    text: str
    made: Any

    def search(self, text: str) -> Any:
        return self._timed(lambda: self.made.search(text, timeout=SECONDS))

    def fullmatch(self, text: str) -> Any:
        return self._timed(lambda: self.made.fullmatch(text, timeout=SECONDS))

    def replaced(self, new: str, text: str) -> str:
        """The first occurrence replaced."""
        found: str = self._timed(lambda: self.made.sub(new, text, count=1, timeout=SECONDS))
        return found

    def _timed(self, use: Any) -> Any:
        _refuse_slow(self.text)
        try:
            return use()
        except TimeoutError:
            _slow[self.text] = None
            if len(_slow) > REMEMBERED:
                _slow.popitem(last=False)
            _refuse_slow(self.text)
        except (regex.error, IndexError) as error:
            # what stands for an occurrence names a group that there is not
            raise PatternError(str(error)) from error


# known to run for ever; what they would have found is not sought again
_slow: OrderedDict[str, None] = OrderedDict()


def _refuse_slow(text: str) -> None:
    if text in _slow:
        message = _("the regular expression “%(text)s” would take too long") % {"text": text[:80]}
        raise PatternError(message)


def compiled(text: str) -> Pattern:
    """Raises PatternError."""
    if len(text) > LONGEST:
        message = _("a regular expression of more than %(most)s letters") % {"most": LONGEST}
        raise PatternError(message)
    try:
        return Pattern(text, regex.compile(text))
    except (regex.error, RecursionError, OverflowError) as error:
        raise PatternError(str(error)) from error
