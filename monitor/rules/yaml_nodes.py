"""Pure: YAML as Prometheus' own reader takes it: merges and aliases, plain nulls, numbers; every complaint names its line.

Texts stay what their author typed: ``on: yes`` is no truth value here.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

import yaml

from monitor.core import durations, written

MAX_BYTES = 1_000_000
# aliases may make so many nodes of a file all together
MOST_NODES = 500_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE = "<<"
_BINARY = "tag:yaml.org,2002:binary"
_WHOLE = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_POINTED = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
LARGEST_COUNT = 2**31 - 1
Content = Mapping[str, yaml.Node]


class BadRuleFileError(ValueError):
    """A file that holds no rules as Prometheus writes them; names the line. Its author can mend it."""


def complaint(node: yaml.Node, text: str) -> BadRuleFileError:
    return BadRuleFileError(f"line {node.start_mark.line + 1}: {text}")


def compose(text: str) -> yaml.Node | None:
    """The one document of a text; raises BadRuleFileError."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes; split it"
        raise BadRuleFileError(message)
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        if root is not None:
            _bounded(root)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"line {line}: the character U+{_code(error):04X} can't stand in a rule file"
        raise BadRuleFileError(message) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        message = f"{where}not YAML: {getattr(error, 'problem', None) or error}"
        raise BadRuleFileError(message) from error
    except (RecursionError, ValueError, OverflowError) as error:
        if isinstance(error, BadRuleFileError):
            raise
        what = (
            "nested too deeply to be a rule file"
            if isinstance(error, RecursionError)
            else f"not YAML: {error}"
        )
        raise BadRuleFileError(what) from error
    return root


def _code(error: yaml.reader.ReaderError) -> int:
    found = error.character
    return found if isinstance(found, int) else ord(found[:1])


def _bounded(root: yaml.Node) -> None:
    """Raises BadRuleFileError where aliases make too much of a file, or lead in circles."""
    try:
        written.counted(root, MOST_NODES)
    except written.TooMuchError as error:
        endless, many = (
            "an alias leads into what it stands in",
            f"aliases make more than {MOST_NODES} things of it",
        )
        raise complaint(error.node, endless if error.endless else many) from error


def is_null(node: yaml.Node | None) -> bool:
    """Absent, empty or a plain null; a quoted one is a text."""
    if node is None:
        return True
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULLS


def mapping(node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    """Names and values; what is merged in gives way to what stands in the mapping itself."""
    if not isinstance(node, yaml.MappingNode):
        raise complaint(node, f"{what} is not a mapping of names to values")
    content: dict[str, yaml.Node] = {}
    merged: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise complaint(key, f"{what} has a name that is no text")
        if key.value == _MERGE and key.style is None:
            for one in _sources(value):
                merged = {**mapping(one, what), **merged}
            continue
        if key.value in content:
            raise complaint(key, f"{key.value!r} stands twice in {what}")
        content[key.value] = value
    return {**merged, **content} if merged else content


def _sources(node: yaml.Node) -> Iterator[yaml.Node]:
    found = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for one in found:
        if not isinstance(one, yaml.MappingNode):
            raise complaint(one, "<< takes a mapping, or a list of them")
        yield one


def sequence(node: yaml.Node | None, what: str) -> list[yaml.Node]:
    if node is None or is_null(node):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise complaint(node, f"{what} is not a list")
    return list(node.value)


def known(content: Content, keys: frozenset[str], what: str) -> None:
    """Raises BadRuleFileError for a name that is none of ``keys``, at its place."""
    unknown = next((key for key in content if key not in keys), None)
    if unknown is not None:
        text = f"{unknown[:100]!r} is unknown in {what}; known are {', '.join(sorted(keys))}"
        raise complaint(content[unknown], text)


def optional(content: Content, key: str) -> str:
    """The text under a name; a null is the empty text."""
    node = content.get(key)
    if node is None or is_null(node):
        return ""
    if not isinstance(node, yaml.ScalarNode):
        raise complaint(node, f"`{key[:100]}` is not a text")
    text = str(node.value)
    if node.tag == _BINARY:
        try:
            text = base64.b64decode(text).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise complaint(node, f"`{key[:100]}`: bad binary text") from error
    if not written.storable(text):
        raise complaint(node, f"`{key[:100]}` holds a character that can't be stored (NUL or half a pair)")
    return text


def required(content: Content, key: str, node: yaml.Node, what: str) -> str:
    text = optional(content, key)
    if not text.strip():
        raise complaint(content.get(key, node), f"{what} has no `{key}`")
    return text


def duration(content: Content, key: str) -> int:
    """Milliseconds."""
    text = optional(content, key)
    try:
        return durations.parse(text) if text else 0
    except durations.BadDurationError as error:
        raise complaint(content[key], f"`{key}`: {error}") from error


def count(content: Content, key: str) -> int:
    """A whole number in any of the spellings that YAML has for one; below zero means none."""
    node = content.get(key)
    if node is None or is_null(node):
        return 0
    text = optional(content, key).replace("_", "")
    number = _as_count(text) if isinstance(node, yaml.ScalarNode) and node.style is None else None
    if number is None or number > LARGEST_COUNT:
        raise complaint(node, f"`{key}`: {text[:40]!r} is not a whole number up to {LARGEST_COUNT}")
    return max(number, 0)


def _as_count(text: str) -> int | None:
    if len(text) > 40:
        return None
    if _WHOLE.fullmatch(text):
        digits = text.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
        return int(text.replace("0", "0o", 1) if octal else text, 0)
    return int(float(text)) if _POINTED.fullmatch(text) and float(text) < 1e18 else None


def texts(node: yaml.Node | None, what: str) -> dict[str, str]:
    """Names and texts."""
    if node is None or is_null(node):
        return {}
    content = mapping(node, what)
    return {name: optional(content, name) for name in content}
