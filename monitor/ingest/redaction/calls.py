"""One call made fit for storing: every text of it in one look, and only what is held looked at closely.

Where a call came through whole, its texts are the sender's own objects, not copies. Names and documents that
held nothing are remembered for a while: they come again and again.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from monitor.ingest.envelope import Context, Generation
from monitor.ingest.redaction.finds import BLANK
from monitor.ingest.redaction.policy import Policy
from monitor.ingest.redaction.redactor import Redactor, storable

LABELS = ("model", "version", "environment", "operation", "provider", "route")
_NAMES = (
    "user",
    "session",
    "tenant",
    "topic",
    "language",
    "template",
    "finish_reason",
    "trace_id",
    "span_id",
)
MAX_DEPTH = 64
TOO_DEEP = "‹dropped:nested too deeply›"
# 1.2.3.4 is a version there, and a product's name may look like a plate or a passport
_IN_LABELS = frozenset({"phone", "email", "resident_id", "card", "uscc", "iban", "secret"})
_MOST_KNOWN = 10_000
# hex digits say nothing about anyone, and a trace must stay findable
_HEX = r"[0-9a-fA-F\-]{16,40}"
_TRACE = re.compile(_HEX)
ALL_TRACES = re.compile(rf"(?:(?:{_HEX})?+{BLANK})*+")
_HASH = re.compile(r"(?=[0-9\-]*[a-fA-F])[0-9a-fA-F\-]{12,64}")
_LEAST_NUMBER, _MOST_NUMBER = 10**9, 10**19
# of texts that held nothing, so many names and so many documents of at most that length
_NAME, _MOST_NAMES = 64, 10_000
_DOCUMENT, _MOST_DOCUMENTS = 2_000, 500


def clean(call: Generation, policy: Policy) -> Counter[str]:
    """Take personal data out of the call, in place; how many finds of each kind went."""
    clean_labels(call, policy)
    texts: list[str] = []
    if not _gather(call, texts, policy):
        _make_plain(call)
        texts.clear()
        _gather(call, texts, policy)
    encoded = encoded_or_none(BLANK.join(texts))
    if encoded is None:
        _rewrite(call, {text: storable(text) for text in texts})
        texts.clear()
        _gather(call, texts, policy)
        encoded = BLANK.join(texts).encode()
    if not policy.bounded and policy.sieve.look(encoded) is None:
        _remember(call, policy, (*_names(call), *call.attributes), {})
        return Counter()
    redactor = Redactor(policy)
    changes = redactor.changes(one for one in texts if one not in policy.names)
    _remember(call, policy, texts, changes)
    if changes:
        _rewrite(call, changes, redactor)
    return redactor.found


NAMES = (
    "reference", "user", "session", "tenant", "topic", "template", "language", "finish_reason", "error",
)  # fmt: skip
_names_of = attrgetter(*NAMES)


def _names(call: Generation) -> tuple[str, ...]:
    *names, error = _names_of(call)
    return (*names, error or "")


def _remember(call: Generation, policy: Policy, texts: Sequence[str], changes: Mapping[str, str]) -> None:
    """What held nothing: that does not depend on what stood beside it."""
    if not policy.names.issuperset(texts):
        remember_names(policy, (one for one in texts if one not in changes))
    if call.contexts:
        remember_documents(policy, call.contexts, changes)


def remember_names(policy: Policy, names: Iterable[str]) -> None:
    """In none of these anything was found."""
    if len(policy.names) >= _MOST_NAMES:
        policy.names.clear()
    policy.names.update(one for one in names if len(one) <= _NAME)


def remember_documents(policy: Policy, documents: Iterable[Context], changes: Container[str] = ()) -> None:
    """Nor in these, but for texts that changed."""
    for part in documents:
        if part.text not in policy.documents and len(part.text) + len(part.id) <= _DOCUMENT:
            if len(policy.documents) >= _MOST_DOCUMENTS:
                policy.documents.clear()
            policy.documents.update(one for one in (part.text, part.id) if one not in changes)


def clean_ids(ids: Sequence[str | None], policy: Policy) -> list[str]:
    """Senders' ids as they may be shown. The ids themselves stay what calls are known by, as hashes."""
    whole = BLANK.join(one for one in ids if one is not None and not _HASH.fullmatch(one))
    encoded = encoded_or_none(whole)
    if encoded is not None and (not encoded or policy.sieve.look(encoded) is None):
        return [one or "" for one in ids]
    return [one if _HASH.fullmatch(one) else Redactor(policy).text(one) for one in (one or "" for one in ids)]


def encoded_or_none(text: str) -> bytes | None:
    """UTF-8; None when the text can't be stored as it is."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return None
    return None if b"\x00" in encoded else encoded


def _gather(call: Generation, texts: list[str], policy: Policy) -> bool:
    """Collect every text of the call that may hold something; false when something in it is no plain JSON."""
    if not gather_content(call, texts, policy):
        return False
    names = _names(call)
    if not policy.names.issuperset(names):
        texts += [one for one in names if one not in policy.names]
    texts += [one for one in (call.trace_id, call.span_id) if one and not _TRACE.fullmatch(one)]
    return True


_content_of = attrgetter("prompt", "output", "attributes", "contexts", "tokens")


def gather_content(call: Generation, texts: list[str], policy: Policy) -> bool:
    """As ``_gather``, without names."""
    prompt, output, attributes, contexts, tokens = _content_of(call)
    for value in (prompt, output):
        if type(value) is str:
            texts.append(value)
        elif not _walk(value, texts, policy.names, 0):
            return False
    if attributes and not _walk(attributes, texts, policy.names, 0):
        return False
    if contexts:
        known = policy.documents
        for part in contexts:
            if part.text not in known or part.id not in known:
                texts += (part.text, part.id)
    if tokens:
        texts.append("".join(str(token.get("text", "")) for token in tokens))
        if not _walk(tokens, texts, policy.names, 0):
            return False
    return True


def _walk(value: Any, texts: list[str], known: set[str], depth: int) -> bool:
    """Texts, names and long whole numbers of plain JSON; no names that are ``known`` to hold nothing."""
    if depth >= MAX_DEPTH:
        return False
    parts = value
    if isinstance(value, dict):
        if not known.issuperset(value) and not _take_names(value, texts):
            return False
        parts = value.values()
    for part in parts:
        kind = type(part)
        if kind is str:
            texts.append(part)
        elif kind is int or kind is float:
            if _LEAST_NUMBER <= part < _MOST_NUMBER and part == int(part):
                texts.append(str(int(part)))
        elif part is not None and not _take(part, texts, known, depth):
            return False
    return True


def _take_names(value: dict[Any, Any], texts: list[str]) -> bool:
    for name in value:
        if type(name) is not str:
            return False
    texts += value
    return True


def _take(part: Any, texts: list[str], known: set[str], depth: int) -> bool:
    """What is rarer among the parts."""
    if isinstance(part, dict | list):
        return _walk(part, texts, known, depth + 1)
    if isinstance(part, str):
        texts.append(part)
    return isinstance(part, str | int | float)


def _make_plain(call: Generation) -> None:
    """Anything that is not JSON becomes text, and what is nested too deeply goes."""
    call.prompt, call.output = _plain(call.prompt, 0), _plain(call.output, 0)
    call.attributes, call.tokens = _plain(call.attributes, 0), _plain(call.tokens, 0)


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {str(name): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, Iterable):
        return [_plain(part, depth + 1) for part in value]
    return str(value)


def _rewrite(call: Generation, changes: Mapping[str, str], redactor: Redactor | None = None) -> None:
    """Put the changed texts where the old ones stood."""
    get = changes.get
    call.prompt, call.output = _rewritten(call.prompt, changes), _rewritten(call.output, changes)
    for part in call.contexts or ():
        part.text, part.id = get(part.text, part.text), get(part.id, part.id)
    if call.attributes:
        call.attributes = _rewritten(call.attributes, changes)
    if call.tokens:
        call.tokens = _rewritten_tokens(call.tokens, changes, redactor)
    call.reference = get(call.reference, call.reference)
    for name in _NAMES:
        old = getattr(call, name)
        if old in changes:
            setattr(call, name, changes[old])
    if call.error is not None:
        call.error = get(call.error, call.error)


def _rewritten(value: Any, changes: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return changes.get(value, value)
    if isinstance(value, dict):
        return {changes.get(name, name): _rewritten(part, changes) for name, part in value.items()}
    if isinstance(value, list):
        return [_rewritten(part, changes) for part in value]
    if type(value) in (int, float) and _LEAST_NUMBER <= value < _MOST_NUMBER:
        # what was a whole number somewhere may come as 13812345678.0
        return changes.get(str(int(value)), value) if value == int(value) else value
    return value


def _rewritten_tokens(
    tokens: Sequence[dict[str, Any]], changes: Mapping[str, str], redactor: Redactor | None
) -> list[dict[str, Any]]:
    """A find may span many tokens; what else could have stood there goes with them."""
    before = [str(token.get("text", "")) for token in tokens]
    if redactor is None or "".join(before) not in changes:
        return [_rewritten(token, changes) for token in tokens]
    done = []
    for token, old, new in zip(tokens, before, redactor.pieces(before), strict=True):
        rest = {
            name: part for name, part in token.items() if name != "text" and (old == new or name != "top")
        }
        done.append({"text": new, **_rewritten(rest, changes)})
    return done


labels_of = attrgetter(*LABELS)


def clean_labels(call: Generation, policy: Policy) -> None:
    """What names the call's series, fit for storing."""
    given = labels_of(call)
    known = policy.labels.get(given)
    if known is None:
        if len(policy.labels) >= _MOST_KNOWN:
            policy.labels.clear()
        sought = _IN_LABELS.union(one.name for one in policy.customs)
        known = tuple(Redactor(policy, only=sought).text(text) for text in given)
        policy.labels[given] = known
    if known != given:
        call.model, call.version, call.environment, call.operation, call.provider, call.route = known
