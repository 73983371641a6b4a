"""The manual's picture of the tree names every room that there is, and none that is gone."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "templates" / "docs" / "house.md").read_text("utf-8")
WIRING = {
    "settings",
    "urls",
    "wsgi",
    "celery",
    "beat",
    "apps",
    "checks",
    "models",
    "admin",
    "tasks",
    "migrations",
    "__init__",
}


def named() -> set[str]:
    rows = re.findall(r"^\| ((?:`[\w./]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w./]+)`", row)}


def rooms() -> set[str]:
    found = [
        path
        for path in (ROOT / "monitor").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    return {f"monitor/{path.name}" for path in found if path.stem not in WIRING}


def test_every_room_is_named() -> None:
    assert rooms() - named() == set()


def test_no_named_room_is_gone() -> None:
    assert [name for name in named() if "/" in name and not (ROOT / name).exists()] == []
