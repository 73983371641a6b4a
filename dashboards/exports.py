"""Tables as files: CSV for people's spreadsheets, NDJSON for programs."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse

FORMS = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
# a cell that begins so is a formula to a spreadsheet
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answer(name: str, form: str, rows: Sequence[Mapping[str, Any]]) -> HttpResponse:
    """A download of ``rows`` as ``form``, one of FORMS."""
    text = as_csv(rows) if form == "csv" else as_ndjson(rows)
    response = HttpResponse(text, content_type=FORMS[form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def as_ndjson(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per row under the names of the first; what is no plain value is written as JSON."""
    out = io.StringIO()
    # a byte-order mark: without it Excel reads Chinese as something else
    out.write("\ufeff")
    if rows:
        writer = csv.writer(out)
        writer.writerow(rows[0])
        writer.writerows([_cell(row.get(name)) for name in rows[0]] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"'{text}" if text.startswith(FORMULA) else text
