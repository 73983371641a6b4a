"""The product's own version: the newest heading of its changelog."""

import functools
import re
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


@functools.cache
def version() -> str:
    found = re.search(r"^## (\d\S*)", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    return found[1] if found else "unreleased"
