"""What becomes of each kind of find: masked, hashed, dropped or kept; and a project's own patterns. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import re2

from monitor.ingest.redaction.finds import Find
from monitor.ingest.redaction.sieve import BadPatternError, Sieve

KINDS = (
    "phone", "email", "resident_id", "card", "uscc", "plate", "passport", "iban", "ip", "secret",
)  # fmt: skip
LONGEST_PATTERN = 500
MOST_PATTERNS = 50
# names within messages, tokens and the like, which are of nobody
PLAIN = frozenset(
    {"role", "content", "text", "logprob", "top", "attribution", "type", "parts", "name", "arguments"}
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_PROGRAM = 2_000
_BOUNDS = re.compile(r"[\^$]|\\[AzZ]")
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Mode(StrEnum):
    """``mask``: ‹phone:1›; ``hash``: ‹phone:kfgm…›, the same in every call; ``drop``: cut out; ``keep``: left as it is."""

    MASK = "mask"
    HASH = "hash"
    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Custom:
    """A project's own kind of find."""

    name: str
    pattern: str
    mode: Mode = Mode.MASK
    compiled: Any = None

    def find(self, text: str) -> list[Find]:
        return [
            Find(self.name, match.start(), match.end(), match.group())
            for match in self.compiled.finditer(text)
            if match.end() > match.start()
        ]


def custom(name: str, pattern: str, mode: str = Mode.MASK) -> Custom:
    """A checked pattern of RE2's; raises BadPatternError that says what is wrong with it."""
    if not _NAME.fullmatch(name) or name in KINDS:
        message = f"name: {name!r} must be lower case letters, digits and _, begin with a letter, and not be one of {', '.join(KINDS)}"
        raise BadPatternError(message)
    if not 1 <= len(pattern) <= LONGEST_PATTERN:
        message = f"pattern: 1 to {LONGEST_PATTERN} characters, not {len(pattern)}"
        raise BadPatternError(message)
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        message = f"pattern: {why}; write it in RE2's syntax, which has no look-around and no back-references"
        raise BadPatternError(message) from error
    if compiled.search("") is not None or compiled.fullmatch("\x1e") is not None:
        message = "pattern: it matches the empty text or any character; say what the thing looks like"
        raise BadPatternError(message)
    if compiled.programsize > _PROGRAM:
        message = f"pattern: too large ({compiled.programsize} steps, {_PROGRAM} are allowed); use smaller repetitions"
        raise BadPatternError(message)
    return Custom(name, pattern, Mode(mode), compiled)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a project redacts. ``salt`` makes its hashes its own."""

    modes: Mapping[str, Mode] = field(default_factory=dict)
    customs: tuple[Custom, ...] = ()
    salt: bytes = b"vigil"
    sieve: Sieve = field(default_factory=Sieve)
    # a pattern speaks of where a text begins or ends: texts must not be looked at joined
    bounded: bool = False
    # what became of sets of labels that were seen: most calls share theirs
    labels: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    # names and documents in which there was nothing
    names: set[str] = field(default_factory=lambda: set(PLAIN))
    documents: set[str] = field(default_factory=set)

    def mode(self, kind: str) -> Mode:
        """What becomes of finds of that kind; masked where nobody chose."""
        return self.modes.get(kind, Mode.MASK)

    def pseudonym(self, kind: str, key: str) -> str:
        """Ten letters that stand for a value everywhere in the project; letters, so that no number comes of it."""
        digest = hashlib.blake2b(f"{kind}\x00{key}".encode(), digest_size=5, key=self.salt[:64]).hexdigest()
        return digest.translate(_LETTERS)


def made(modes: Mapping[str, str], customs: tuple[Custom, ...], salt: bytes) -> Policy:
    """A policy of what a project chose."""
    chosen = {kind: Mode(mode) for kind, mode in modes.items()} | {one.name: one.mode for one in customs}
    sieve = Sieve([(one.name, one.pattern) for one in customs]) if customs else _PLAIN
    return Policy(chosen, customs, salt, sieve, any(_BOUNDS.search(one.pattern) for one in customs))


_PLAIN = Sieve()
DEFAULT = Policy(sieve=_PLAIN)
