"""Label sets and the matchers that select them, as Prometheus defines both."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import re2

NAME = "__name__"
# what a metric is; lost with its name as soon as something is worked out from it
METADATA = frozenset({NAME, "__type__", "__unit__"})
Op = Literal["=", "!=", "=~", "!~"]
Worked = TypeVar("Worked")
# of one roster, by key; questions of a dashboard ask for a handful
WORKED_OUT_KEPT = 24
# pairs that lasting label sets share; where there are more, sharing begins anew
PAIRS_SHARED = 200_000
_pairs: dict[tuple[str, str], tuple[str, str]] = {}


class Labels(Mapping[str, str]):
    """An immutable label set. An empty value is the same as no label, so such labels are dropped."""

    __slots__ = ("_hash", "_map", "_nameless", "items_sorted", "kept_fingerprint", "name")

    def __init__(
        self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = (), *, lasting: bool = False
    ) -> None:
        known = dict(pairs)
        if lasting:
            # as long as its series lives: with shared pairs it takes a third of the memory
            self.items_sorted = _shared(sorted(known.items()))
            self._map = dict(self.items_sorted)
        else:
            self._map = {name: known[name] for name in sorted(known) if known[name] != ""}
            self.items_sorted = tuple(self._map.items())
        self._hash = hash(self.items_sorted)
        # the metric's, or the empty text; asked of every series of every request
        self.name = self._map.get(NAME, "")
        self.kept_fingerprint: tuple[int, int] | None = None
        self._nameless: Labels | None = None

    def __getitem__(self, name: str) -> str:
        return self._map[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __len__(self) -> int:
        return len(self._map)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self.items_sorted == other.items_sorted

    def __repr__(self) -> str:
        return f"Labels({self._map!r})"

    @property
    def nameless(self) -> "Labels":
        """These labels without the metric's name, type and unit; worked out once, queries ask for it often."""
        if self._nameless is None:
            if METADATA.isdisjoint(self._map):
                return self
            self._nameless = self.drop(METADATA)
        return self._nameless

    def keep(self, names: Iterable[str]) -> "Labels":
        wanted = frozenset(names)
        return Labels([pair for pair in self.items_sorted if pair[0] in wanted])

    def drop(self, names: Iterable[str]) -> "Labels":
        unwanted = frozenset(names)
        return Labels([pair for pair in self.items_sorted if pair[0] not in unwanted])

    def having(self, changes: Mapping[str, str]) -> "Labels":
        """These labels with ``changes`` on top; an empty value removes a label."""
        return Labels({**self._map, **changes})


def _shared(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if len(_pairs) > PAIRS_SHARED:
        _pairs.clear()
    return tuple([_pairs.setdefault(pair, pair) for pair in pairs if pair[1] != ""])


class Roster(list[Labels]):
    """Label sets in an order, never changed once made: what is worked out of all of them is kept beside them."""

    __slots__ = ("worked_out",)

    def __init__(self, labels: Iterable[Labels]) -> None:
        super().__init__(labels)
        self.worked_out: dict[Hashable, Any] = {}


def once(labels: list[Labels], key: Hashable, work: Callable[[], Worked]) -> Worked:
    """What ``work`` makes of these labels; of a roster it is made once for each ``key``."""
    if not isinstance(labels, Roster):
        return work()
    kept = labels.worked_out
    if key not in kept:
        made = work()
        if len(kept) >= WORKED_OUT_KEPT:
            labels.worked_out = kept = {}
        kept[key] = made
        return made
    found: Worked = kept[key]
    return found


def fingerprint(project_id: int, labels: Labels) -> int:
    """A 63-bit hash of project and labels: the id of a series. Stable across processes and versions."""
    kept = labels.kept_fingerprint
    if kept is None or kept[0] != project_id:
        text = "\0".join(part for pair in labels.items_sorted for part in pair)
        digest = hashlib.blake2b(text.encode(), digest_size=8, key=project_id.to_bytes(8, "big")).digest()
        kept = labels.kept_fingerprint = (project_id, int.from_bytes(digest, "big") >> 1)
    return kept[1]


def fingerprints(project_id: int, many: Iterable[Labels]) -> list[int]:
    """Of each its ``fingerprint``."""
    return [
        kept[1] if (kept := one.kept_fingerprint) is not None and kept[0] == project_id
        else fingerprint(project_id, one)
        for one in many
    ]  # fmt: skip


class BadMatcherError(ValueError):
    """A regular expression that RE2 refuses; whoever wrote it can mend it."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. Regular expressions are RE2 and match the whole value."""

    label: str
    op: Op
    value: str
    _test: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_test", _tester(self.op, self.value))

    def matches(self, text: str) -> bool:
        """Whether a label with this value (empty: no such label) fulfils the condition."""
        return self._test(text)


def _tester(op: Op, value: str) -> Callable[[str], bool]:
    if op == "=":
        return value.__eq__
    if op == "!=":
        return value.__ne__
    try:
        pattern = re2.compile(f"(?s:{value})")
    except re2.error as error:
        message = f"bad regular expression {value!r}: {error}"
        raise BadMatcherError(message) from error
    if op == "=~":
        return lambda text: pattern.fullmatch(text) is not None
    return lambda text: pattern.fullmatch(text) is None
