"""The texts people read: found in code and templates, looked up in the catalogue, compiled for gettext.

The source language is English and stands in the code. A language is complete when every marked text has a
translation; ``manage.py texts --check`` says which ones have none.
"""

import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.conf import settings
from django.utils.translation.template import templatize

from dashboards import reference
from dashboards.boards import document, spoken
from monitor import query
from monitor.alerting.receivers import RECEIVERS
from monitor.apps import MonitorConfig
from monitor.canary.actions import ACTIONS
from monitor.drift.detectors import DETECTORS
from monitor.quality.judges import JUDGES

LANGUAGES = {"zh_Hans": "zh-Hans"}
CODE = ("dashboards", "monitor")
KEYWORDS = {
    "_": None, "gettext": None, "gettext_lazy": None, "lazy": None, "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
Message = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A text without a translation, or with one whose placeholders differ."""

    language: str
    text: str
    place: str
    why: str


def root() -> Path:
    return Path(settings.BASE_DIR)


def po_path(language: str) -> Path:
    return root() / "templates" / "locale" / language / "LC_MESSAGES" / "django.po"


def marked() -> dict[Message, list[tuple[str, int]]]:
    """Every marked text and where it stands, in the order of files and lines."""
    found: dict[Message, list[tuple[str, int]]] = {}
    for path, line, message in _scan():
        found.setdefault(message, []).append((str(path.relative_to(root())), line))
    return found


def _scan() -> Iterator[tuple[Path, int, Message]]:
    for folder in CODE:
        for path in sorted((root() / folder).rglob("*.py")):
            yield from _extracted(path, path.read_bytes())
    for path in sorted((root() / "templates").rglob("*.html")):
        # Django turns a template into lines that look like code with gettext calls, at the same line numbers
        yield from _extracted(path, templatize(path.read_text(encoding="utf-8")).encode())
    for path in sorted((root() / "dashboards" / "provisioned").glob("*.json")):
        yield from _of_board(path)
    for plugins in (JUDGES, RECEIVERS, DETECTORS, ACTIONS):
        for name in plugins:
            # the administration shows the line by which a kind says what it is
            yield Path(inspect.getfile(plugins[name])), 0, plugins.says(name)
    engine = apps.get_app_config("monitor")
    assert isinstance(engine, MonitorConfig)
    for model, name in engine.named():
        # those of others lie wherever packages are installed
        own = model._meta.app_label == engine.label  # noqa: SLF001 — Django's public API, as its manual says
        yield Path(inspect.getfile(model if own else MonitorConfig)), 0, name
    for file, text in reference.said():
        yield Path(file), 0, text
    for function in query.functions():
        # offered where PromQL is written
        yield root() / "monitor" / "promql" / "functions", 0, function.help


def _of_board(path: Path) -> Iterator[tuple[Path, int, Message]]:
    """What people read on a shipped board."""
    text = path.read_text(encoding="utf-8")
    for message in spoken.words(document.read(document.parse(text))):
        yield path, text[: text.index(json.dumps(message, ensure_ascii=False))].count("\n") + 1, message


def _extracted(path: Path, source: bytes) -> Iterator[tuple[Path, int, Message]]:
    for line, message, _comments, _context in extract("python", BytesIO(source), keywords=KEYWORDS):
        if message and (isinstance(message, tuple) or message.strip()):
            yield path, line, message


def catalogue(language: str) -> Catalog:
    """The translations as they stand in the .po file."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def gaps(language: str) -> list[Gap]:
    """Marked texts that lack a translation or whose translation lost a placeholder."""
    known = catalogue(language)
    found = []
    for message, places in marked().items():
        text = message[0] if isinstance(message, tuple) else message
        entry = known.get(text)
        place = f"{places[0][0]}:{places[0][1]}"
        if entry is None or not any(_strings(entry.string)) or entry.fuzzy:
            found.append(Gap(language, text, place, "no translation"))
        # the one form of a language without a plural is that of many
        elif any(placeholders(one) not in _allowed(message) for one in _strings(entry.string)):
            found.append(Gap(language, text, place, "its placeholders differ"))
    return found


def _allowed(message: Message) -> list[set[str]]:
    return [placeholders(form) for form in ([message] if isinstance(message, str) else message)]


def leftovers(language: str) -> list[str]:
    """Translations of texts that nothing says any more."""
    said = {message[0] if isinstance(message, tuple) else message for message in marked()}
    return [
        str(_first(entry.id)) for entry in catalogue(language) if entry.id and _first(entry.id) not in said
    ]


def placeholders(text: str) -> set[str]:
    """The ``%(name)s`` of a text."""
    return {part.partition(")")[0] for part in text.split("%(")[1:]}


def update(language: str) -> int:
    """Write the .po file anew: known translations kept, new texts empty, old ones gone; how many are empty."""
    old = catalogue(language) if po_path(language).exists() else Catalog(locale=language)
    new = Catalog(locale=language, project="Vigil", charset="utf-8", fuzzy=False)
    for message, places in marked().items():
        entry = old.get(message[0] if isinstance(message, tuple) else message)
        string = entry.string if entry is not None else ""
        new.add(
            message, string, locations=[(path, 0) for path in dict.fromkeys(path for path, _line in places)]
        )
    write(new, language)
    return len(gaps(language))


def write(catalog: Catalog, language: str) -> None:
    """The .po file, without dates and line numbers: those would change with every edit of any page."""
    body = BytesIO()
    write_po(body, catalog, width=110, omit_header=True, include_lineno=False, sort_output=True)
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    po_path(language).write_bytes(HEADER.format(language=language).encode() + body.getvalue())


def compile_all() -> list[Path]:
    """Write the .mo files that gettext reads; only where the .po file is newer."""
    written = []
    for language in LANGUAGES:
        source, target = po_path(language), po_path(language).with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        # several processes may start at once
        draft = target.with_suffix(f".{os.getpid()}.new")
        with draft.open("wb") as file:
            write_mo(file, catalogue(language))
        draft.replace(target)
        written.append(target)
    return written


def _strings(string: object) -> list[str]:
    return [str(one) for one in (string if isinstance(string, (tuple, list)) else (string,)) if one]


def _first(identity: object) -> object:
    return identity[0] if isinstance(identity, (tuple, list)) else identity
