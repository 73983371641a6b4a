"""Words that say much the same, and words too common to prove anything: read once from a file for each language."""

from pathlib import Path

Rows = list[list[str]]


def _read(language: str) -> dict[str, Rows]:
    """The rows of each section of a file."""
    found: dict[str, Rows] = {}
    section: Rows = []
    for line in (
        Path(__file__).with_name(f"likewords.{language}.txt").read_text(encoding="utf-8").splitlines()
    ):
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(line.split())
    return found


_ENGLISH, _CHINESE = _read("en"), _read("zh")
ENGLISH, CHINESE = _ENGLISH["alike"], _CHINESE["alike"]
LIGHT = [word for row in _ENGLISH["common"] for word in row]
IRREGULAR = {form: row[0] for row in _ENGLISH["forms"] for form in row[1:]}
MODAL = [word for row in _CHINESE["modal"] for word in row]
