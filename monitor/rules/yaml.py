"""Prometheus rule files, in and out. Also takes the Kubernetes PrometheusRule around the same groups.

Pure: expressions and templates are judged elsewhere. Every complaint names the line. What is switched off
stands in our files as comments, so that a Prometheus leaves it alone and we know it again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.core import durations
from monitor.rules import yaml_nodes as nodes
from monitor.rules.yaml_nodes import MAX_BYTES, BadRuleFileError

__all__ = [
    "MAX_BYTES", "BadRuleFileError", "Content", "GroupSpec", "RuleSpec", "dump", "load", "mapping_text", "read", "text_mapping",
]  # fmt: skip

OFF = "#vigil-off "
_OFF_LINES = re.compile(rf"^(?:{OFF})+", re.MULTILINE)
_OFF_NOTE = (
    f"# What is switched off stands behind {OFF.strip()}: Vigil knows it again, Prometheus leaves it alone.\n"
)
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
# what readers may take for the end of a line, or for a mark of order, is written with escapes
_ESCAPED = re.compile("[\r\x85\u2028\u2029\ufeff]")
MOST_RULES = 10_000
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
_OWN_LABELS = frozenset({"alertname", "alertstate"})
_KUBERNETES = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})


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
    enabled: bool = True
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
    enabled: bool = True
    line: int = field(default=0, compare=False)


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
    marks: tuple[int, ...] = ()
    if OFF in text:
        marks = tuple(_marks(line) for line in _BREAK.split(text))
    root = nodes.compose(_OFF_LINES.sub("", text) if marks else text)
    if root is None:
        return Content([], [])
    reading = _Reading(marks)
    try:
        return Content(reading.file(root), reading.lost)
    except RecursionError as error:
        message = "nested too deeply to be a rule file"
        raise BadRuleFileError(message) from error


def dump(groups: Iterable[GroupSpec]) -> str:
    """A rule file that Prometheus reads; what is at its default is left out."""
    groups = list(groups)
    if all(group.enabled and all(rule.enabled for rule in group.rules) for group in groups):
        return _dumped({"groups": [_group_out(group) for group in groups]})
    lines = [line for group in groups for line in _group_lines(group)]
    return _OFF_NOTE + "groups:\n" + "".join(lines)


def _marks(line: str) -> int:
    """How often a line is switched off: itself, and with its group."""
    found = _OFF_LINES.match(line)
    return 0 if found is None else len(found.group()) // len(OFF)


def _group_lines(group: GroupSpec) -> Iterator[str]:
    head = _dumped([{key: value for key, value in _group_out(group).items() if key != "rules"}])
    mark = "" if group.enabled else OFF
    yield from _marked(f"{head}  rules:\n", mark)
    for rule in group.rules:
        yield from _marked(_dumped([_rule_out(rule)]), mark + ("" if rule.enabled else OFF) + "  ")


def _marked(text: str, mark: str) -> Iterator[str]:
    yield from (f"{mark}{line}\n" for line in text.removesuffix("\n").split("\n"))


def _dumped(content: Any) -> str:
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def text_mapping(text: str, what: str) -> dict[str, str]:
    """``name: text`` lines, as people type labels and annotations; raises BadRuleFileError."""
    hint = (
        "; a text that begins with {{ needs quotes: summary: '{{ $value }}'" if _UNQUOTED.search(text) else ""
    )
    try:
        root = nodes.compose(text)
    except BadRuleFileError as error:
        message = f"{what}: write one `name: text` per line{hint}; {error}"
        raise BadRuleFileError(message) from error
    try:
        return nodes.texts(root, what)
    except BadRuleFileError as error:
        if not hint:
            raise
        message = f"{error}{hint}"
        raise BadRuleFileError(message) from error
    except RecursionError as error:
        message = f"{what}: nested too deeply"
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
    style = '"' if _ESCAPED.search(text) else style
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_out)


class _Reading:
    """One file while it is read. ``marks``: how often each line is switched off; empty: none is."""

    def __init__(self, marks: Sequence[int]) -> None:
        self.marks = marks
        self.lost: list[str] = []
        self.rules = 0

    def file(self, root: yaml.Node) -> list[GroupSpec]:
        content = nodes.mapping(root, "the file")
        if "spec" in content:
            nodes.known(content, _KUBERNETES, "a PrometheusRule")
            content = nodes.mapping(content["spec"], "spec")
        nodes.known(content, frozenset({"groups"}), "a rule file")
        groups = [self._group(node) for node in nodes.sequence(content.get("groups"), "groups")]
        _refuse_doubles(groups)
        return groups

    def _group(self, node: yaml.Node) -> GroupSpec:
        content = nodes.mapping(node, "a group")
        foreign = {
            key: content.pop(key).start_mark.line + 1 for key in sorted(_FOREIGN.keys() & content.keys())
        }
        self.lost += [f"line {line}: {key!r} is left out: {_FOREIGN[key]}" for key, line in foreign.items()]
        nodes.known(content, _GROUP_KEYS, "a group")
        name = nodes.required(content, "name", node, "a group")
        mark = self._mark(node)
        return GroupSpec(
            name=name,
            rules=tuple(
                self._rule(rule, name, mark) for rule in nodes.sequence(content.get("rules"), "rules")
            ),
            interval_ms=nodes.duration(content, "interval") or None,
            query_offset_ms=nodes.duration(content, "query_offset"),
            limit=nodes.count(content, "limit"),
            labels=nodes.texts(content.get("labels"), "labels"),
            enabled=mark == 0,
            line=node.start_mark.line + 1,
        )

    def _rule(self, node: yaml.Node, group: str, mark: int) -> RuleSpec:
        self.rules += 1
        if self.rules > MOST_RULES:
            raise nodes.complaint(node, f"the file holds more than {MOST_RULES} rules; split it")
        where = f"a rule of group {group[:100]!r}"
        content = nodes.mapping(node, where)
        nodes.known(content, _RULE_KEYS, where)
        alert, record = (nodes.optional(content, key) for key in ("alert", "record"))
        if bool(alert) == bool(record):
            raise nodes.complaint(node, f"{where} needs either `alert` or `record`, and not both")
        for key in ("for", "keep_firing_for", "annotations"):
            if record and not _nothing(content.get(key)):
                raise nodes.complaint(content[key], f"the recording rule {record[:100]!r} can't have `{key}`")
        return RuleSpec(
            alert=alert,
            record=record,
            expr=nodes.required(content, "expr", node, f"the rule {(alert or record)[:100]!r}"),
            for_ms=nodes.duration(content, "for"),
            keep_firing_for_ms=nodes.duration(content, "keep_firing_for"),
            labels=self._labels(content),
            annotations=nodes.texts(content.get("annotations"), "annotations"),
            enabled=self._mark(node) <= mark,
            line=node.start_mark.line + 1,
        )

    def _labels(self, content: nodes.Content) -> dict[str, str]:
        """Prometheus takes these and overwrites them."""
        labels = nodes.texts(content.get("labels"), "labels")
        for name in _OWN_LABELS & labels.keys():
            del labels[name]
            line = content["labels"].start_mark.line + 1
            self.lost.append(f"line {line}: the label {name!r} is left out: the rule sets it itself")
        return labels

    def _mark(self, node: yaml.Node) -> int:
        line = node.start_mark.line
        return self.marks[line] if line < len(self.marks) else 0


def _nothing(node: yaml.Node | None) -> bool:
    return nodes.is_null(node) or (isinstance(node, yaml.CollectionNode) and not node.value)


def _refuse_doubles(groups: Sequence[GroupSpec]) -> None:
    seen: set[str] = set()
    for group in groups:
        if group.name in seen:
            message = f"line {group.line}: two groups are called {group.name[:100]!r}; give each its own name"
            raise BadRuleFileError(message)
        seen.add(group.name)


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
