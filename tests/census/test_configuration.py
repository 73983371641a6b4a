"""Every variable that the code reads has its line in the manual, and no line speaks of a variable nobody reads."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "templates" / "docs" / "configuration.md"
READ = re.compile(r'\b(?:env|Env\(\))\.(?:text|flag|number|names|pairs|address)\(\s*"(\w+)"')
LINE = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def read_by_the_code() -> set[str]:
    return {
        name for path in (ROOT / "monitor").rglob("*.py") for name in READ.findall(path.read_text("utf-8"))
    }


def told_in_the_manual() -> list[str]:
    return LINE.findall(PAGE.read_text("utf-8"))


def test_every_variable_has_its_line() -> None:
    assert read_by_the_code() - set(told_in_the_manual()) == set()


def test_no_line_speaks_of_a_variable_that_nobody_reads() -> None:
    assert set(told_in_the_manual()) - read_by_the_code() == set()


def test_no_variable_is_told_twice() -> None:
    told = told_in_the_manual()
    assert sorted(told) == sorted(set(told))


def test_the_chinese_page_has_the_same_variables() -> None:
    names = [
        re.findall(r"^\| `(\w+)`", page.read_text("utf-8"), re.MULTILINE)
        for page in (PAGE, PAGE.with_suffix(".zh.md"))
    ]
    assert names[0] == names[1]
