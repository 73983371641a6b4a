"""YAML as Prometheus reads it: a scalar is the text that stands there, and no key stands there twice. Pure."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from monitor.core import written

_COUNT = re.compile(r"0|-?[1-9][0-9]{0,17}")
# what YAML 1.1 takes for true or false beside the words themselves
FLAGS = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}

MOST_THINGS = 500_000


class _Loader(yaml.SafeLoader):
    """``version: 1.10`` stays ``1.10``; 1e3, 0x10, 12:30 and dates are texts as well."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if isinstance(name, str) and name != "<<" and name in seen:
                problem = f"the key {name!r} stands there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(name))
        return super().construct_mapping(node, deep)

    def text(self, node: yaml.Node) -> Any:
        return node.value

    def count(self, node: yaml.Node) -> Any:
        return int(node.value) if _COUNT.fullmatch(node.value) else node.value

    def flag(self, node: yaml.Node) -> Any:
        return {"true": True, "false": False}.get(node.value.lower(), node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.count)
_Loader.add_constructor("tag:yaml.org,2002:bool", _Loader.flag)
for _kind in ("float", "timestamp"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.text)


def load(text: str) -> Any:
    """The document's content; raises yaml.YAMLError, also for what would never end: aliases that repeat aliases."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _bounded(root)
        return loader.construct_document(root)
    except RecursionError as error:
        problem = "nested too deeply"
        raise yaml.constructor.ConstructorError(None, None, problem, None) from error
    finally:
        loader.dispose()


def _bounded(root: yaml.Node) -> None:
    try:
        written.counted(root, MOST_THINGS)
    except written.TooMuchError as error:
        problem = f"aliases make more than {MOST_THINGS} things of it"
        raise yaml.constructor.ConstructorError(None, None, problem, error.node.start_mark) from error
