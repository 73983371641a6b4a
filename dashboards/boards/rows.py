"""Lists of things as rows of a form: overrides, transformations, variables, marks, links. What no field shows is kept.

A thing is a dict; a field names its place in it by a path such as ``include.pattern`` or ``sort.0.field``.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec
from django.utils.functional import Promise

from dashboards.boards import conditions

MOST_ROWS = 60
Thing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spec:
    """``kind``: text, long, number, whole, flag, choice, words (comma), names (a line each, as true), order, pairs,
    grouping, conditions, json.
    """

    path: str
    title: str | Promise
    kind: str = "text"
    choices: tuple[str, ...] = ()
    hint: str = ""


Specs = Callable[[Thing], Sequence[Spec]]


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    spec: Spec
    value: Any


@dataclass(frozen=True, slots=True)
class Row:
    """``spare``: the empty one at the end, which counts only once it is filled."""

    name: str
    place: int
    inputs: list[Input]
    was: str
    spare: bool = False


def shown(prefix: str, things: Sequence[Thing], specs: Specs, blank: Thing) -> list[Row]:
    """A row for each thing, and a spare one."""
    listed = [*things[: MOST_ROWS - 1], blank]
    return [
        Row(
            f"{prefix}_{place}",
            place + 1,
            [
                Input(f"{prefix}_{place}_{spec.path}", spec, _written(_at(one, spec.path), spec.kind))
                for spec in specs(one)
            ],
            msgspec.json.encode(one).decode(),
            spare=place == len(listed) - 1,
        )
        for place, one in enumerate(listed)
    ]


def read(
    form: Mapping[str, str], prefix: str, specs: Specs, *, needed: str, kinds: bool = False
) -> list[Thing]:
    """The things as typed, in the order typed; rows without ``needed`` are left out. Raises ValueError.

    What a row was travels with the form. ``kinds``: a thing of another kind than it was starts anew.
    """
    found: list[tuple[float, Thing]] = []
    for place in range(MOST_ROWS):
        name = f"{prefix}_{place}"
        if f"{name}_was" not in form:
            break
        if form.get(f"{name}_drop") or not form.get(f"{name}_{needed}", "").strip():
            continue
        before = _json(form[f"{name}_was"])
        made = _typed(form, name, before if isinstance(before, dict) else {}, specs)
        if kinds and made.get("kind") != before.get("kind"):
            made = {"kind": made.get("kind", "")}
        found.append((_number(form.get(f"{name}_place", "")) or place + 1, made))
    return [thing for _rank, thing in sorted(found, key=lambda pair: pair[0])]


def _typed(form: Mapping[str, str], name: str, before: Thing, specs: Specs) -> Thing:
    made = copy.deepcopy(before)
    for spec in specs(before):
        text = form.get(f"{name}_{spec.path}", "")
        if spec.kind != "flag" and text.replace("\r\n", "\n") == _written(_at(before, spec.path), spec.kind):
            # lines say less than the document: untouched, it stays as it is
            continue
        try:
            value = _parsed(text, spec)
        except ValueError as error:
            message = f"{spec.title}: {error}"
            raise ValueError(message) from error
        _put(made, spec.path, value)
    return made


def _at(thing: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(thing, Mapping):
            thing = thing.get(part)
        elif isinstance(thing, list) and part.isdigit() and int(part) < len(thing):
            thing = thing[int(part)]
        else:
            return None
    return thing


def _put(thing: Thing, path: str, value: Any) -> None:
    """Sets the value, or takes it away where it is empty; what stands around it is made."""
    steps = path.split(".")
    last = steps[-1]
    place: Any = thing
    for part, after in pairwise(steps):
        fresh: Any = [] if after.isdigit() else {}
        if isinstance(place, list):
            place.extend({} for _ in range(int(part) + 1 - len(place)))
            place = place[int(part)]
        else:
            if not isinstance(place.get(part), dict | list):
                if value in (None, "", False, [], {}):
                    return
                place[part] = fresh
            place = place[part]
    if value in (None, "", False, [], {}):
        if isinstance(place, dict):
            place.pop(last, None)
    else:
        place[last] = value


def _written(value: Any, kind: str) -> Any:
    match kind:
        case "flag":
            return bool(value)
        case "words":
            return ", ".join(map(str, value or ()))
        case "names":
            return "\n".join(name for name, yes in (value or {}).items() if yes)
        case "order":
            return "\n".join(sorted(value or {}, key=lambda name: value[name]))
        case "pairs":
            return "\n".join(f"{left} => {right}" for left, right in (value or {}).items())
        case "grouping":
            return conditions.grouping_lines(value or {})
        case "conditions":
            return conditions.filter_lines(value or [])
        case "json":
            return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() if value else ""
        case "number" | "whole":
            return "" if value is None else f"{value:.15g}"
        case _:
            return "" if value is None else str(value)


def _parsed(text: str, spec: Spec) -> Any:  # noqa: C901, PLR0912 — one line for each kind of field
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    match spec.kind:
        case "flag":
            return bool(text)
        case "words":
            return [word.strip() for word in text.split(",") if word.strip()]
        case "names":
            return dict.fromkeys(lines, True)
        case "order":
            return {line: place for place, line in enumerate(lines)}
        case "pairs":
            pairs = [line.partition("=>") for line in lines]
            return {left.strip(): right.strip() for left, _arrow, right in pairs if right.strip()}
        case "grouping":
            return conditions.grouping(lines)
        case "conditions":
            return conditions.filters(lines)
        case "number" | "whole":
            if not text.strip():
                return None
            return int(text) if spec.kind == "whole" else float(text)
        case "choice":
            return text if text in spec.choices else ""
        case "json":
            return _json(text)
        case "long":
            return text.replace("\r\n", "\n").strip()
        case _:
            return text.strip()


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text) if text.strip() else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
