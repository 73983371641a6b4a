"""A function is whole when the parser agrees with its signature, it has help, and a script evaluates it."""

from pathlib import Path
from typing import Any

import promql_parser as wheel
import pytest

from monitor.promql import tree
from monitor.promql.blame import SCALAR_FUNCTIONS
from monitor.promql.functions import FUNCTIONS
from monitor.promql.parse import parse
from tests.promql.language import cases

SCRIPTS = Path(__file__).parent.parent / "promql"
SAMPLES = {"scalar": "1", "string": '"s"', "vector": "v", "matrix": "v[5m]"}


def called(node: tree.Node) -> set[str]:
    names = {node.name} if isinstance(node, tree.Call) else set()
    return names.union(*(called(child) for child in tree.children(node)))


@pytest.fixture(scope="session")
def evaluated() -> set[str]:
    asked = (case for script in SCRIPTS.glob("*.test") for case in cases(script))
    texts = {case.expr for case in asked if not case.wants("fail")}
    return set().union(*(called(parse(text)) for text in texts))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_parser_knows_the_same_signature(name: str) -> None:
    known = FUNCTIONS[name]
    text = f"{name}({', '.join(SAMPLES[kind] for kind in known.kinds)})"
    parsed: Any = wheel.parse(text)
    theirs = parsed.func
    kinds = tuple(str(kind).removeprefix("ValueType.").lower() for kind in theirs.arg_types)
    assert (kinds, theirs.variadic) == (known.kinds, known.optional)
    assert str(theirs.return_type).removeprefix("ValueType.").lower() == known.returns


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_it_has_help_and_a_script_line(name: str, evaluated: set[str]) -> None:
    assert len(FUNCTIONS[name].help) > 3
    assert "\n" not in FUNCTIONS[name].help
    assert name in evaluated


def test_functions_that_return_scalars_are_known_to_the_parser_side() -> None:
    assert {name for name, known in FUNCTIONS.items() if known.returns == "scalar"} == SCALAR_FUNCTIONS
