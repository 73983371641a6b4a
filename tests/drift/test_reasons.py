"""Reasons are stored in one language and told in another."""

import ast
import inspect
from types import ModuleType

import pytest
from django.utils import translation

from monitor.drift import assess, follow, pinning, reasons, run, walk
from monitor.drift.channels import means, rates, wording
from monitor.drift.detectors import base


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        ("too few calls", ""),
        ("no calls since 2026-11-18 12:00 UTC", "2026-11-18 12:00"),
        ("the reference has under 6 hours with 10 such calls", "10"),
        ("its first hours have 12 calls; at least 200 are needed", "200"),
        ("the last hours of v1 have 3 vectors of prompts; at least 200 are needed", "v1"),
        (
            "energy compares categories, numbers, but prompt embedding is made of vectors; choose another detector",
            "energy",
        ),
        ("needs vectors on both sides; choose a detector that fits the watched feature", ""),
        ("vectors of texts: h (m): no answer within 30 s", "30"),
    ],
)
def test_a_reason_is_told_in_chinese_with_its_figures(stored: str, holds: str) -> None:
    with translation.override("zh-hans"):
        said = reasons.told(stored)
    assert holds in said
    assert not [
        word
        for word in ("calls", "reference", "hours", "needed", "prompt", "vector", "no answer")
        if word in said
    ]


def test_what_is_no_known_reason_stays_as_it_is() -> None:
    assert reasons.told("ValueError: 100 %(x)s") == "ValueError: 100 %(x)s"
    assert reasons.told("") == ""


@pytest.mark.parametrize("module", [assess, follow, pinning, run, walk, means, rates, wording, base])
def test_every_reason_that_is_given_is_one_of_those_that_are_told(module: ModuleType) -> None:
    """Texts with these words are reasons; each must match a sentence, whatever its figures are."""
    nodes = list(ast.walk(ast.parse(inspect.getsource(module))))
    pieces = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for text in (_text(node) for node in nodes if id(node) not in pieces):
        if text.startswith(
            (
                "learning:", "no calls", "no load", "no vectors", "the reference has", "too few", "needs numbers",
                "numbers and", "vectors of 7",
            )
        ):  # fmt: skip
            with translation.override("zh-hans"):
                assert reasons.told(text) != text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _figure(part) for part in node.values
        )
    return ""


def _figure(part: ast.AST) -> str:
    return "prompt" if "source" in ast.dump(part) else "7"
