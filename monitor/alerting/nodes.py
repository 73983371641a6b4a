"""Pure: YAML as Alertmanager reads it: a scalar stays a text until a field says what it is, and knows its place.

So ``on``, ``007`` and ``17:00`` are what was written, not what YAML 1.1 makes of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from monitor.core import written

MAX_BYTES = 1_000_000
# aliases may repeat what stands once; so much is read in all
MAX_NODES = 100_000
DEEPEST = 100
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
TRUE = frozenset({"y", "yes", "on", "true"})
FALSE = frozenset({"n", "no", "off", "false"})
MERGE = "<<"
# without libyaml the same is read, slower
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class BadFileError(ValueError):
    """A file, or a part of it, that can't be what it should be; names the place. Whoever wrote it can mend it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a file: nothing (None), a text, a list or names with values; and where it stands."""

    place: str
    value: "str | Sequence[Node] | Mapping[str, Node] | None"

    @property
    def there(self) -> bool:
        return self.value is not None

    def __getitem__(self, name: str) -> "Node":
        found = self.named().get(name)
        return found if found is not None else Node(f"{self.place}.{name}" if self.place else name, None)

    def named(self) -> "Mapping[str, Node]":
        """Names with values; nothing counts as none."""
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            self.refuse(f"expected names with values, found {_kind(self.value)}")
        return self.value

    def listed(self) -> "Sequence[Node]":
        """The entries of a list; nothing counts as none."""
        if self.value is None:
            return []
        if isinstance(self.value, str | Mapping):
            self.refuse(f"expected a list, found {_kind(self.value)}")
        return self.value

    def text(self, default: str = "", *, most: int | None = None) -> str:
        if self.value is None:
            return default
        if not isinstance(self.value, str):
            self.refuse(f"expected a text, found {_kind(self.value)}")
        if most is not None and len(self.value) > most:
            self.refuse(f"longer than {most} characters")
        return self.value

    def flag(self, *, default: bool = False) -> bool:
        text = self.text().lower()
        if text not in TRUE | FALSE | {""}:
            self.refuse(f"expected true or false, found {text[:40]!r}")
        return text in TRUE if text else default

    def plain(self) -> Any:
        """As lists, dicts and texts."""
        if isinstance(self.value, Mapping):
            return {name: one.plain() for name, one in self.value.items()}
        if self.value is None or isinstance(self.value, str):
            return self.value
        return [one.plain() for one in self.value]

    def refuse(self, complaint: str) -> NoReturn:
        message = f"{self.place[:200] or 'the file'}: {complaint}"
        raise BadFileError(message)


def read(text: str) -> Node:
    """The one document of ``text``; raises BadFileError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        message = "the file holds half a character; save it as UTF-8"
        raise BadFileError(message) from error
    if size > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes"
        raise BadFileError(message)
    # events, not the library's own tree: that one is built by calls within calls, in C without any end to them
    try:
        return _Reader(yaml.parse(text, Loader=_LOADER)).document()
    except yaml.YAMLError as error:
        message = f"not YAML: {_complaint(error)}"
        # the library quotes the line, in which a password may stand
        raise BadFileError(message) from None


class _Reader:
    """From the parser's events to nodes."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0
        self._depth = 0

    def document(self) -> Node:
        found: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if found is not None:
                    Node("", None).refuse("more than one document")
                found = self._node(next(self._events), "")
        return found or Node("", None)

    def _node(self, event: Any, place: str) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._repeated(str(event.anchor), place)
        before, anchor = self._count, event.anchor
        self._counted(1, place)
        if anchor:
            self._anchors[anchor] = None
        self._depth += 1
        if self._depth > DEEPEST:
            Node(place, None).refuse("nested too deeply")
        found = Node(place, self._value(event, place))
        self._depth -= 1
        if anchor:
            self._anchors[anchor] = found, self._count - before
        return found

    def _value(self, event: yaml.Event, place: str) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return tuple(self._entries(place))
        return self._mapping(place)

    def _repeated(self, anchor: str, place: str) -> Node:
        if anchor not in self._anchors:
            Node(place, None).refuse(f"*{anchor} names nothing above it")
        known = self._anchors[anchor]
        if known is None:
            Node(place, None).refuse(f"*{anchor} names what it stands in itself")
        self._counted(known[1], place)
        return known[0]

    def _counted(self, more: int, place: str) -> None:
        self._count += more
        if self._count > MAX_NODES:
            Node(place, None).refuse(f"more than {MAX_NODES} values, aliases counted as what they repeat")

    def _entries(self, place: str) -> Iterator[Node]:
        number = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, f"{place}[{number}]")
            number += 1

    def _mapping(self, place: str) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, place)
            name = key.text()
            within = f"{place}.{name}" if place else name
            value = self._node(next(self._events), within)
            if name == MERGE and not getattr(event, "style", None):
                merged = {**merged, **_merged(value)}
                continue
            if name in own:
                value.refuse("stands here twice")
            own[name] = value
        return {**merged, **own}


def _merged(found: Node) -> dict[str, Node]:
    """What ``<<`` brings; of several the first counts."""
    parts = [found] if isinstance(found.value, Mapping) else found.listed()
    return {name: one for part in reversed(parts) for name, one in part.named().items()}


def _scalar(event: yaml.ScalarEvent, place: str) -> str | None:
    text = str(event.value)
    if not event.style and event.tag is None and text in NOTHING:
        return None
    if not written.storable(text):
        Node(place, None).refuse("NUL or half a character can't be stored")
    return text


def _complaint(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the line itself."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    what = [
        getattr(error, "context", None),
        getattr(error, "problem", None) or getattr(error, "reason", None),
    ]
    return (", ".join(one for one in what if one) or "can't be read") + where


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text"
    return "names with values" if isinstance(value, Mapping) else "a list"
