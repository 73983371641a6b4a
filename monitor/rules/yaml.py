"""Prometheus rule files, in and out. Also takes the Kubernetes PrometheusRule around the same groups.

Pure: expressions and templates are judged elsewhere. Every complaint names the line.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.core import durations

MAX_BYTES = 1_000_000
_UNQUOTED = re.compile(r":[ \t]*\{\{")
_GROUP_KEYS = frozenset({"name", "interval", "query_offset", "limit", "labels", "rules"})
# what relatives of Prometheus write into groups: taken without it, and said
_FOREIGN = {
    "partial_response_strategy": "it belongs to Thanos",
    "source_tenants": "it belongs to Mimir; a rule reads its own project",
    "align_evaluation_time_on_interval": "it belongs to Mimir; times lie on the group's own grid",
    "evaluation_delay": "it belongs to Mimir; write query_offset",
    "concurrency": "it belongs to VictoriaMetrics; rules that may are asked together anyway",
    "eval_offset": "it belongs to VictoriaMetrics",
    "eval_delay": "it belongs to VictoriaMetrics; write query_offset",
    "type": "it belongs to VictoriaMetrics; all rules are PromQL here",
    "params": "it belongs to VictoriaMetrics",
    "headers": "it belongs to VictoriaMetrics",
    "notifier_headers": "it belongs to VictoriaMetrics",
}
_RULE_KEYS = frozenset({"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"})
_KUBERNETES = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})


class BadRuleFileError(ValueError):
    """A file that holds no rules as Prometheus writes them; names the line. Its author can mend it."""


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule; ``alert`` or ``record`` is its name, the other is empty."""

    alert: str
    record: str
    expr: str
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return self.alert or self.record


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """Rules that are evaluated together, in order. ``interval_ms`` None: the default."""

    name: str
    rules: tuple[RuleSpec, ...] = ()
    interval_ms: int | None = None
    query_offset_ms: int = 0
    limit: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds, and what of it we leave out, each with its line."""

    groups: list[GroupSpec]
    lost: list[str]


def load(text: str) -> list[GroupSpec]:
    """The groups of a rule file; raises BadRuleFileError."""
    return read(text).groups


def read(text: str) -> Content:
    """The groups of a rule file, and what can't be taken of them; raises BadRuleFileError."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes; split it"
        raise BadRuleFileError(message)
    root = _compose(text)
    if root is None:
        return Content([], [])
    lost: list[str] = []
    content = _mapping(root, "the file")
    if "spec" in content:
        _known(content, _KUBERNETES, "a PrometheusRule", root)
        root = content["spec"]
        content = _mapping(root, "spec")
    _known(content, frozenset({"groups"}), "a rule file", root)
    groups = [_group(node, lost) for node in _sequence(content.get("groups"), "groups")]
    _refuse_doubles(groups)
    return Content(groups, lost)


def _compose(text: str) -> yaml.Node | None:
    """BaseLoader reads every scalar as text: a label ``on: yes`` stays what its author typed."""
    try:
        return yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        message = f"{where}not YAML: {getattr(error, 'problem', None) or error}"
        raise BadRuleFileError(message) from error
    except RecursionError as error:
        message = "nested too deeply to be a rule file"
        raise BadRuleFileError(message) from error


def dump(groups: Iterable[GroupSpec]) -> str:
    """A rule file that Prometheus reads; what is at its default is left out."""
    content = {"groups": [_group_out(group) for group in groups]}
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def text_mapping(text: str, what: str) -> dict[str, str]:
    """``name: text`` lines, as people type labels and annotations; raises BadRuleFileError."""
    try:
        node = _compose(text)
    except BadRuleFileError as error:
        quotes = (
            "; a text that begins with {{ needs quotes: summary: '{{ $value }}'"
            if _UNQUOTED.search(text)
            else ""
        )
        message = f"{what}: write one `name: text` per line{quotes}; {error}"
        raise BadRuleFileError(message) from error
    if node is None:
        return {}
    try:
        return _texts(node, what)
    except BadRuleFileError as error:
        if not _UNQUOTED.search(text):
            raise
        message = f"{error}; a text that begins with {{{{ needs quotes: summary: '{{{{ $value }}}}'"
        raise BadRuleFileError(message) from error


def mapping_text(values: Mapping[str, str]) -> str:
    """The other way round."""
    if not values:
        return ""
    return str(yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000))


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that expressions stay readable."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 — the base class asks with it
        return True


def _text_out(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not text.startswith((" ", "\n")) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_out)


def _group(node: yaml.Node, lost: list[str]) -> GroupSpec:
    content = _mapping(node, "a group")
    foreign = {key: content.pop(key).start_mark.line + 1 for key in _FOREIGN.keys() & content.keys()}
    lost += [f"line {line}: {key!r} is left out: {_FOREIGN[key]}" for key, line in foreign.items()]
    _known(content, _GROUP_KEYS, "a group", node)
    name = _text(content, "name", node, "a group")
    interval = _duration(content, "interval")
    return GroupSpec(
        name=name,
        rules=tuple(_rule(rule, name) for rule in _sequence(content.get("rules"), "rules")),
        interval_ms=interval or None,
        query_offset_ms=_duration(content, "query_offset"),
        limit=_count(content, "limit"),
        labels=_texts(content["labels"], "labels") if "labels" in content else {},
    )


def _rule(node: yaml.Node, group: str) -> RuleSpec:
    where = f"a rule of group {group!r}"
    content = _mapping(node, where)
    _known(content, _RULE_KEYS, where, node)
    alert, record = (_optional(content, key) for key in ("alert", "record"))
    if bool(alert) == bool(record):
        raise _complaint(node, f"{where} needs either `alert` or `record`, and not both")
    for key in ("for", "keep_firing_for", "annotations"):
        if record and key in content:
            raise _complaint(content[key], f"the recording rule {record!r} can't have `{key}`")
    return RuleSpec(
        alert=alert,
        record=record,
        expr=_text(content, "expr", node, f"the rule {alert or record!r}"),
        for_ms=_duration(content, "for"),
        keep_firing_for_ms=_duration(content, "keep_firing_for"),
        labels=_texts(content["labels"], "labels") if "labels" in content else {},
        annotations=_texts(content["annotations"], "annotations") if "annotations" in content else {},
        line=node.start_mark.line + 1,
    )


def _refuse_doubles(groups: Sequence[GroupSpec]) -> None:
    names = [group.name for group in groups]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"two groups are called {twice!r}; give each its own name"
        raise BadRuleFileError(message)


def _complaint(node: yaml.Node, text: str) -> BadRuleFileError:
    return BadRuleFileError(f"line {node.start_mark.line + 1}: {text}")


def _mapping(node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _complaint(node, f"{what} is not a mapping of names to values")
    content: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _complaint(key, f"{what} has a name that is no text")
        if key.value in content:
            raise _complaint(key, f"{key.value!r} stands twice in {what}")
        content[key.value] = value
    return content


def _sequence(node: yaml.Node | None, what: str) -> list[yaml.Node]:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.value in {"", "null", "~"}):
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _complaint(node, f"{what} is not a list")
    return list(node.value)


def _known(content: Mapping[str, yaml.Node], keys: frozenset[str], what: str, node: yaml.Node) -> None:
    unknown = next((key for key in content if key not in keys), None)
    if unknown is not None:
        at = content[unknown] if content else node
        raise _complaint(at, f"{unknown!r} is unknown in {what}; known are {', '.join(sorted(keys))}")


def _optional(content: Mapping[str, yaml.Node], key: str) -> str:
    node = content.get(key)
    if node is None:
        return ""
    if not isinstance(node, yaml.ScalarNode):
        raise _complaint(node, f"`{key}` is not a text")
    return str(node.value)


def _text(content: Mapping[str, yaml.Node], key: str, node: yaml.Node, what: str) -> str:
    text = _optional(content, key)
    if not text.strip():
        raise _complaint(content.get(key, node), f"{what} has no `{key}`")
    return text


def _duration(content: Mapping[str, yaml.Node], key: str) -> int:
    text = _optional(content, key)
    try:
        return durations.parse(text) if text else 0
    except durations.BadDurationError as error:
        raise _complaint(content[key], f"`{key}`: {error}") from error


def _count(content: Mapping[str, yaml.Node], key: str) -> int:
    text = _optional(content, key) or "0"
    if not text.isdecimal():
        raise _complaint(content[key], f"`{key}`: {text!r} is not a whole number")
    return int(text)


def _texts(node: yaml.Node, what: str) -> dict[str, str]:
    if isinstance(node, yaml.ScalarNode) and node.value in {"", "null", "~"}:
        return {}
    content = _mapping(node, what)
    return {name: _optional(content, name) for name in content}


def _group_out(group: GroupSpec) -> dict[str, Any]:
    out: dict[str, Any] = {"name": group.name}
    out |= {"interval": durations.text(group.interval_ms)} if group.interval_ms else {}
    out |= {"query_offset": durations.text(group.query_offset_ms)} if group.query_offset_ms else {}
    out |= {"limit": group.limit} if group.limit else {}
    out |= {"labels": dict(group.labels)} if group.labels else {}
    return out | {"rules": [_rule_out(rule) for rule in group.rules]}


def _rule_out(rule: RuleSpec) -> dict[str, Any]:
    out: dict[str, Any] = {"alert": rule.alert} if rule.alert else {"record": rule.record}
    out["expr"] = rule.expr
    out |= {"for": durations.text(rule.for_ms)} if rule.for_ms else {}
    out |= {"keep_firing_for": durations.text(rule.keep_firing_for_ms)} if rule.keep_firing_for_ms else {}
    out |= {"labels": dict(rule.labels)} if rule.labels else {}
    out |= {"annotations": dict(rule.annotations)} if rule.annotations else {}
    return out
